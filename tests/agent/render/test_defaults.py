import json
from pathlib import Path
from typing import Any

import pytest

from agent.errors import InputError
from agent.render.defaults import TABLE, load_defaults


def write(folder: Path, name: str, content: Any) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def test_the_table_answers_by_class(tmp_path: Path):
    write(tmp_path, "model_index.json", {"_class_name": "StableDiffusionXLPipeline"})

    assert load_defaults(tmp_path) == {"num_inference_steps": 30, "guidance_scale": 5.0}


def test_an_unknown_class_leaves_everything_to_the_pipeline(tmp_path: Path):
    write(tmp_path, "model_index.json", {"_class_name": "NewPipeline"})

    assert load_defaults(tmp_path) == {}


def test_generation_json_comes_before_the_table(tmp_path: Path):
    write(tmp_path, "model_index.json", {"_class_name": "SanaPipeline"})
    write(tmp_path, "generation.json", {"num_inference_steps": 4, "height": 512})

    defaults = load_defaults(tmp_path)

    assert (defaults["num_inference_steps"], defaults["height"]) == (4, 512)
    assert defaults["max_sequence_length"] == 300


def test_a_flux_without_guidance_embedding_is_the_fast_one(tmp_path: Path):
    write(tmp_path, "model_index.json", {"_class_name": "FluxPipeline"})
    write(tmp_path, "transformer/config.json", {"guidance_embeds": False})

    assert load_defaults(tmp_path)["num_inference_steps"] == 4


def test_a_distilled_flux_2_takes_four_steps(tmp_path: Path):
    index = {"_class_name": "Flux2KleinPipeline", "is_distilled": True}
    write(tmp_path, "model_index.json", index)

    assert load_defaults(tmp_path)["num_inference_steps"] == 4


@pytest.mark.parametrize(
    ("content", "named"),
    [("[1]", "list"), ("{", "JSON"), ({"prompt": "a rock"}, "prompt"), ({"generator": 1}, "gen")],
)
def test_a_wrong_generation_json_is_named(tmp_path: Path, content: Any, named: str):
    write(tmp_path, "model_index.json", {"_class_name": "SanaPipeline"})
    write(tmp_path, "generation.json", content)

    with pytest.raises(InputError, match=named):
        load_defaults(tmp_path)


def test_the_table_names_pipelines_and_arguments_that_exist():
    import inspect

    import diffusers

    for name, arguments in TABLE.items():
        taken = inspect.signature(getattr(diffusers, name).__call__).parameters
        assert arguments.keys() <= taken.keys(), name
