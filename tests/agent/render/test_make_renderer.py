import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import miniature
from agent.errors import InputError, PrerequisiteError
from agent.render import KNOWN, RenderRequest, make_renderer


@pytest.mark.parametrize(
    "spec", ["", "fakes", "Fake", "fake:x", "scene:x", "openai", "openai:", "diffusers", "sdxl"]
)
def test_an_unknown_spec_is_named_beside_the_known_ones(spec: str):
    with pytest.raises(InputError) as caught:
        make_renderer(spec)

    message = str(caught.value)
    assert repr(spec) in message
    assert all(known in message for known in KNOWN)


def test_a_model_folder_that_is_none_is_bad_input_at_once(tmp_path: Path):
    with pytest.raises(InputError, match="no diffusers pipeline"):
        make_renderer(f"diffusers:{tmp_path}")


def test_missing_weights_of_the_miniature_say_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(miniature, "WEIGHTS", tmp_path)

    with pytest.raises(PrerequisiteError, match=r"python -m miniature\.renderer"):
        make_renderer("miniature")


def test_the_scene_renderer_names_the_extra_that_it_needs(monkeypatch: pytest.MonkeyPatch):
    real = importlib.util.find_spec

    def find_spec(name: str) -> object:
        return None if name == "mitsuba" else real(name)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)

    with pytest.raises(PrerequisiteError, match=r"needs mitsuba: pip install 'pamela-agent\[mini"):
        make_renderer("scene")


def test_the_fake_takes_a_size():
    (result,) = make_renderer("fake", size=(20, 10)).render([RenderRequest("a", 0)])

    assert result.image is not None
    assert result.image.size == (20, 10)


def test_making_a_renderer_loads_nothing_heavy(tmp_path: Path):
    (tmp_path / "model_index.json").write_text("{}")
    code = (
        "import sys; from agent.render import make_renderer; "
        f"make_renderer('diffusers:{tmp_path}'); "
        "make_renderer('openai:m', image_base_url='http://localhost/v1'); "
        "print({'torch', 'diffusers', 'transformers', 'openai', 'mitsuba'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"


@pytest.mark.slow
@pytest.mark.skipif(
    not (miniature.WEIGHTS / "renderer" / "model_index.json").is_file(),
    reason="the miniature is not trained",
)
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_miniature_draws_what_it_is_told():
    renderer = make_renderer("miniature", device="cpu", cache=False)
    requests = [RenderRequest(f"a rock, {light}", 0) for light in ("moonlight", "golden hour")]

    dark, bright = (result.image for result in renderer.render(requests))

    assert dark is not None
    assert bright is not None
    assert dark.size == bright.size == (128, 128)
    assert np.asarray(dark).mean() < np.asarray(bright).mean()
