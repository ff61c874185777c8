import functools
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.errors import InputError
from agent.fitting import Fit, fitted
from agent.render.base import RenderRequest, RenderResult
from agent.render.diffusion import DiffusionRenderer, DiffusionSettings
from scorer.errors import PrerequisiteError

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
"""Schedulers of diffusers hand tensors to numpy in a way that new versions of it frown upon."""

Folders = Callable[[str], Path]
PROMPTS = ("a rock", "a mossy rock, moonlight", "a red boat on a lake", "snowman")
EIGHT = [RenderRequest(prompt, seed) for prompt in PROMPTS for seed in (0, 1)]
SMALL = {
    "pixart": {},
    "sdxl": {"steps": 2, "size": (64, 64)},
    "flux": {"steps": 2, "size": (64, 64)},
}


def renderer_of(folders: Folders, name: str, **settings: Any) -> DiffusionRenderer:
    chosen: dict[str, Any] = {"device": "cpu", "dtype": "float32", **SMALL[name], **settings}
    return DiffusionRenderer(
        str(folders(name)), DiffusionSettings(**chosen), sentence_encoder=name == "pixart"
    )


def pixels(results: Sequence[RenderResult]) -> np.ndarray:
    assert [result.error for result in results] == [None] * len(results)
    return np.stack([np.asarray(result.image) for result in results]).astype(int)


@pytest.fixture
def pixart(pipeline_folder: Folders) -> DiffusionRenderer:
    return renderer_of(pipeline_folder, "pixart")


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The arguments of every call of the PixArt pipeline, which runs as ever."""
    from diffusers import PixArtSigmaPipeline

    real, calls = PixArtSigmaPipeline.__call__, []

    @functools.wraps(real)
    def call(self: Any, **arguments: Any) -> Any:
        calls.append(arguments)
        return real(self, **arguments)

    monkeypatch.setattr(PixArtSigmaPipeline, "__call__", call)
    return calls


@pytest.mark.parametrize("name", ["pixart", "sdxl", "flux"])
def test_a_picture_is_the_same_at_batch_size_1_and_8(pipeline_folder: Folders, name: str):
    single = pixels(list(renderer_of(pipeline_folder, name, batch_size=1).render(EIGHT)))
    together = pixels(list(renderer_of(pipeline_folder, name, batch_size=8).render(EIGHT)))

    assert single.shape == (8, 64, 64, 3)
    assert np.abs(single - together).max() <= 1
    assert single.std() > 10
    assert np.abs(single[0] - single[1]).mean() > 1


def test_results_come_in_the_order_of_the_requests(pixart: DiffusionRenderer):
    assert [result.request for result in pixart.render(EIGHT)] == EIGHT


def test_pictures_are_repeated_exactly(pixart: DiffusionRenderer):
    assert (pixels(list(pixart.render(EIGHT))) == pixels(list(pixart.render(EIGHT)))).all()


def test_bfloat16_draws_nearly_the_same(pipeline_folder: Folders, pixart: DiffusionRenderer):
    half = renderer_of(pipeline_folder, "pixart", dtype="bfloat16")

    difference = pixels(list(half.render(EIGHT))) - pixels(list(pixart.render(EIGHT)))

    assert 0 < np.abs(difference).mean() < 12


def test_the_words_reach_the_picture(pipeline_folder: Folders):
    renderer = renderer_of(pipeline_folder, "pixart", guidance=20.0)
    rock, boat = pixels(list(renderer.render([RenderRequest(p, 0) for p in ("rock", "boat")])))

    assert np.abs(rock - boat).mean() > 1


def test_the_call_gets_what_generation_json_says_and_nothing_unknown(
    pixart: DiffusionRenderer, watched: list[dict[str, Any]]
):
    list(pixart.render(EIGHT[:1]))

    assert watched[0]["num_inference_steps"] == 3
    assert watched[0]["clean_caption"] is False
    assert "an_argument_that_it_does_not_take" not in watched[0]


def test_settings_come_before_generation_json_and_a_request_before_settings(
    pipeline_folder: Folders, watched: list[dict[str, Any]]
):
    renderer = renderer_of(pipeline_folder, "pixart", steps=2, guidance=1.5, size=(80, 64))

    (result,) = renderer.render([RenderRequest("a rock", 0, height=96)])

    assert (watched[0]["num_inference_steps"], watched[0]["guidance_scale"]) == (2, 1.5)
    assert result.image is not None
    assert result.image.size == (80, 96)


def test_a_negative_prompt_is_given_once_a_picture(
    pipeline_folder: Folders, tmp_path: Path, watched: list[dict[str, Any]]
):
    folder = with_generation(pipeline_folder("pixart"), tmp_path, negative_prompt="blurry")
    settings = DiffusionSettings(device="cpu", dtype="float32")

    pixels(list(DiffusionRenderer(str(folder), settings, sentence_encoder=True).render(EIGHT[:2])))

    assert watched[0]["negative_prompt"] == ["blurry", "blurry"]


def with_generation(folder: Path, target: Path, **changes: Any) -> Path:
    """A copy of a pipeline folder with another `generation.json`."""
    copy = Path(shutil.copytree(folder, target / "copy"))
    stated = json.loads((copy / "generation.json").read_text())
    (copy / "generation.json").write_text(json.dumps({**stated, **changes}))
    return copy


def failing_above(limit: int, error: Exception, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Makes the PixArt pipeline raise for larger batches; returns the batch sizes it was asked."""
    from diffusers import PixArtSigmaPipeline

    real, asked = PixArtSigmaPipeline.__call__, []

    @functools.wraps(real)
    def call(self: Any, **arguments: Any) -> Any:
        asked.append(len(arguments["prompt"]))
        if len(arguments["prompt"]) > limit:
            raise error
        return real(self, **arguments)

    monkeypatch.setattr(PixArtSigmaPipeline, "__call__", call)
    return asked


def test_out_of_memory_halves_the_batch_and_goes_on(
    pixart: DiffusionRenderer, monkeypatch: pytest.MonkeyPatch
):
    import torch

    expected = pixels(list(pixart.render(EIGHT)))
    error = torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
    asked = failing_above(2, error, monkeypatch)

    got = pixels(list(pixart.render(EIGHT)))
    again = pixels(list(pixart.render(EIGHT)))

    assert asked == [8, 4, 2, 2, 2, 2, 2, 2, 2, 2]
    assert np.abs(got - expected).max() <= 1
    assert (got == again).all()


def test_a_single_picture_that_does_not_fit_is_a_failed_result(
    pixart: DiffusionRenderer, monkeypatch: pytest.MonkeyPatch
):
    failing_above(0, RuntimeError("DefaultCPUAllocator: can't allocate memory"), monkeypatch)

    results = list(pixart.render(EIGHT[:3]))

    assert [result.image for result in results] == [None] * 3
    assert all("--offload" in (result.error or "") for result in results)


def test_one_bad_request_does_not_take_its_neighbours_along(
    pixart: DiffusionRenderer, monkeypatch: pytest.MonkeyPatch
):
    from diffusers import PixArtSigmaPipeline

    real = PixArtSigmaPipeline.__call__

    @functools.wraps(real)
    def call(self: Any, **arguments: Any) -> Any:
        if "snowman" in arguments["prompt"]:
            raise ValueError("cannot draw\nthis")
        return real(self, **arguments)

    monkeypatch.setattr(PixArtSigmaPipeline, "__call__", call)

    errors = [result.error for result in pixart.render(EIGHT)]

    assert errors == [None] * 6 + ["ValueError: cannot draw this"] * 2


def test_a_size_that_does_not_fit_is_bad_input(pixart: DiffusionRenderer):
    with pytest.raises(InputError, match=r"--size 63x64 does not fit.*multiples of 16; try 64x64"):
        list(pixart.render([RenderRequest("a rock", 0, width=63, height=64)]))


def test_values_that_are_no_numbers_are_a_failed_result(pipeline_folder: Folders, tmp_path: Path):
    folder = with_generation(pipeline_folder("pixart"), tmp_path, guidance_scale=1e38)
    settings = DiffusionSettings(device="cpu", dtype="float32")

    (result,) = DiffusionRenderer(str(folder), settings, sentence_encoder=True).render(EIGHT[:1])

    assert result.error is not None
    assert "float32" in result.error


def test_what_the_safety_checker_holds_back_is_a_failed_result(pipeline_folder: Folders):
    settings = DiffusionSettings(steps=1, size=(64, 64), device="cpu", dtype="float32")

    results = list(DiffusionRenderer(str(pipeline_folder("guarded")), settings).render(EIGHT[:2]))

    assert [result.error for result in results] == ["the safety checker held the picture back"] * 2


def test_an_option_that_the_pipeline_does_not_know_is_bad_input(
    pipeline_folder: Folders, monkeypatch: pytest.MonkeyPatch
):
    from diffusers import PixArtSigmaPipeline

    def call(self: Any, prompt: list[str], generator: Any, output_type: str) -> Any: ...

    monkeypatch.setattr(PixArtSigmaPipeline, "__call__", call)

    with pytest.raises(InputError, match="takes no 'num_inference_steps'"):
        list(renderer_of(pipeline_folder, "pixart", steps=2).render(EIGHT))


def test_a_folder_with_broken_weights_is_bad_input(pipeline_folder: Folders, tmp_path: Path):
    copy = Path(shutil.copytree(pipeline_folder("pixart"), tmp_path / "copy"))
    next(copy.glob("transformer/*.safetensors")).write_bytes(b"broken")
    settings = DiffusionSettings(device="cpu", dtype="float32")

    with pytest.raises(InputError, match="can't be loaded") as caught:
        list(DiffusionRenderer(str(copy), settings, sentence_encoder=True).render(EIGHT))

    assert "\n" not in str(caught.value)


def test_the_layers_on_top_of_the_sentence_encoder_are_part_of_what_is_drawn(
    pipeline_folder: Folders, tmp_path: Path
):
    from safetensors.torch import load_file, save_file

    from scorer.minilm import TEXT_LAYERS

    folder = Path(shutil.copytree(pipeline_folder("pixart"), tmp_path / "copy"))
    settings = DiffusionSettings(device="cpu", dtype="float32")
    renderer = DiffusionRenderer(str(folder), settings, sentence_encoder=True)
    before, drawn = renderer.fingerprint(), pixels(list(renderer.render(EIGHT[:1])))
    state = load_file(folder / TEXT_LAYERS)
    save_file({name: 0.5 * value for name, value in state.items()}, folder / TEXT_LAYERS)
    renderer = DiffusionRenderer(str(folder), settings, sentence_encoder=True)

    assert renderer.fingerprint() != before
    assert not np.array_equal(pixels(list(renderer.render(EIGHT[:1]))), drawn)

    (folder / TEXT_LAYERS).unlink()
    with pytest.raises(PrerequisiteError, match="holds no layers of the sentence encoder"):
        list(DiffusionRenderer(str(folder), settings, sentence_encoder=True).render(EIGHT[:1]))


def test_offloading_from_the_cpu_to_the_cpu_is_bad_input(pipeline_folder: Folders):
    with pytest.raises(InputError, match="--offload 'model'"):
        list(renderer_of(pipeline_folder, "pixart", offload="model").render(EIGHT))


def test_a_prompt_that_is_read_to_its_end_gives_no_warning(pixart: DiffusionRenderer):
    assert pixart.warnings("a mossy rock by candle-light") == []


def test_a_long_prompt_is_warned_of_with_what_is_cut(pixart: DiffusionRenderer):
    (warning,) = pixart.warnings("rock " * 46 + "Lit by Neon")

    assert "'Lit by Neon'" in warning


def test_earlier_edits_give_way_to_what_clip_would_cut_off(pipeline_folder: Folders):
    unread = renderer_of(pipeline_folder, "sdxl").unread
    user, first, second, new = (
        "x " * 39 + "x",
        "y " * 9 + "y",
        "z " * 9 + "z",
        "a b c d e f g h i j k l m",
    )
    parent = f"{user}, {first}, {second}"
    fit = fitted(f"{parent}, {new}", parent=parent, user=user, unread=unread)

    assert unread(parent) == ""
    assert unread(f"{parent}, {new}") == "m"
    assert fit == Fit(f"{user}, {second}, {new}", dropped=(first,))


def test_an_edit_that_clip_cannot_read_is_named(pipeline_folder: Folders):
    unread = renderer_of(pipeline_folder, "sdxl").unread
    user = "x " * 73 + "x"
    fit = fitted(f"{user}, neon", parent=user, user=user, unread=unread)

    assert fit.lost == "neon"


@pytest.mark.parametrize(("name", "read"), [("sdxl", 75), ("flux", 511)])
def test_the_encoder_that_reads_most_decides_what_is_cut(
    pipeline_folder: Folders, name: str, read: int
):
    renderer = renderer_of(pipeline_folder, name)
    letter = "x " if name == "sdxl" else "x"  # to T5, a lone letter would be two tokens

    assert renderer.warnings(letter * (read - 1)) == []
    assert renderer.warnings(letter * (read + 1)) != []


@pytest.mark.parametrize(
    "change", [{"steps": 2}, {"guidance": 1.5}, {"size": (72, 64)}, {"dtype": "bfloat16"}]
)
def test_the_fingerprint_follows_the_settings(pipeline_folder: Folders, change: dict[str, Any]):
    plain, same = (renderer_of(pipeline_folder, "pixart").fingerprint() for _ in range(2))

    assert renderer_of(pipeline_folder, "pixart", **change).fingerprint() != plain == same


def test_the_fingerprint_follows_the_folder(pipeline_folder: Folders, tmp_path: Path):
    copy = with_generation(pipeline_folder("pixart"), tmp_path, guidance_scale=2.0)
    settings = DiffusionSettings(device="cpu", dtype="float32")

    changed = DiffusionRenderer(str(copy), settings, sentence_encoder=True).fingerprint()

    assert changed != renderer_of(pipeline_folder, "pixart").fingerprint()


def test_the_batch_size_is_no_part_of_the_fingerprint(pipeline_folder: Folders):
    """A picture belongs to its batch in the cache, which says more."""
    one, eight = (
        renderer_of(pipeline_folder, "pixart", batch_size=size).fingerprint() for size in (1, 8)
    )

    assert one == eight


def test_a_renderer_says_what_it_runs(pixart: DiffusionRenderer):
    described = pixart.describe()

    assert (described["pipeline"], described["device"]) == ("miniature", "cpu")
    assert {"torch", "diffusers", "transformers"} <= described.keys()


def test_drawing_prints_nothing(pixart: DiffusionRenderer, capfd: pytest.CaptureFixture[str]):
    long_prompt = RenderRequest("rock " * 100, 0)

    pixels(list(pixart.render([long_prompt])))

    assert capfd.readouterr() == ("", "")
