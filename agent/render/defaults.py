"""How a pipeline is called where the user says nothing: steps, guidance, size, and its own terms.

    arguments = load_defaults(folder)     # {"num_inference_steps": 28, "guidance_scale": 3.5, …}

A `generation.json` beside the weights comes first; its keys are arguments of the pipeline's call.
What it doesn't name, the table below answers by the pipeline's class; what neither names is left
to the pipeline. The one rule that is not obvious: the table says `max_sequence_length` although the
pipelines have a default for it, because it must be known before a pipeline is loaded, to warn of
prompts that are too long.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from agent.errors import InputError
from scorer.files import contents

Argument = str | int | float | bool | None | Sequence[object]
FILE = "generation.json"
INDEX = "model_index.json"

TABLE: Mapping[str, Mapping[str, Argument]] = {
    "AuraFlowPipeline": {
        "num_inference_steps": 30,
        "guidance_scale": 3.5,
        "max_sequence_length": 256,
    },
    "Flux2KleinPipeline": {
        "num_inference_steps": 50,
        "guidance_scale": 4.0,
        "max_sequence_length": 512,
    },
    "Flux2Pipeline": {
        "num_inference_steps": 28,
        "guidance_scale": 4.0,
        "max_sequence_length": 512,
    },
    "FluxPipeline": {
        "num_inference_steps": 28,
        "guidance_scale": 3.5,
        "max_sequence_length": 512,
    },
    "Lumina2Pipeline": {
        "num_inference_steps": 30,
        "guidance_scale": 4.0,
        "max_sequence_length": 256,
    },
    "PixArtAlphaPipeline": {
        "num_inference_steps": 20,
        "guidance_scale": 4.5,
        "max_sequence_length": 120,
        "clean_caption": False,
    },
    "PixArtSigmaPipeline": {
        "num_inference_steps": 20,
        "guidance_scale": 4.5,
        "max_sequence_length": 300,
        "clean_caption": False,
    },
    "QwenImagePipeline": {
        "num_inference_steps": 50,
        "true_cfg_scale": 4.0,
        "negative_prompt": " ",
        "max_sequence_length": 512,
    },
    "SanaPipeline": {
        "num_inference_steps": 20,
        "guidance_scale": 4.5,
        "max_sequence_length": 300,
    },
    "SanaSprintPipeline": {
        "num_inference_steps": 2,
        "guidance_scale": 4.5,
        "max_sequence_length": 300,
    },
    "StableDiffusion3Pipeline": {
        "num_inference_steps": 28,
        "guidance_scale": 4.5,
        "max_sequence_length": 256,
    },
    "StableDiffusionPipeline": {"num_inference_steps": 30, "guidance_scale": 7.5},
    "StableDiffusionXLPipeline": {"num_inference_steps": 30, "guidance_scale": 5.0},
    "ZImagePipeline": {
        "num_inference_steps": 50,
        "guidance_scale": 5.0,
        "max_sequence_length": 512,
    },
}
"""By class; as the model cards recommend."""
SCHNELL = {"num_inference_steps": 4, "guidance_scale": 0.0, "max_sequence_length": 256}
KLEIN_DISTILLED = {"num_inference_steps": 4, "guidance_scale": 1.0}
OURS = frozenset({"prompt", "generator", "latents", "num_images_per_prompt", "output_type"})
"""Arguments that the renderer sets itself."""


def pipeline_class(folder: Path) -> str:
    """The class that a pipeline folder names.

    Raises:
        InputError: `model_index.json` can't be read or names no class.
    """
    name = _read_object(folder / INDEX).get("_class_name")
    if not isinstance(name, str):
        raise InputError(f"{str(folder / INDEX)!r} names no pipeline class under '_class_name'")
    return name


def guidance_argument(class_name: str) -> str:
    """What the class calls the strength of classifier-free guidance."""
    return "true_cfg_scale" if class_name == "QwenImagePipeline" else "guidance_scale"


def load_defaults(folder: Path) -> dict[str, Argument]:
    """The call defaults of a pipeline folder.

    Raises:
        InputError: `generation.json` is no JSON object, or sets what the renderer sets.
    """
    stated = _read_object(folder / FILE) if (folder / FILE).is_file() else {}
    if wrong := sorted(OURS & stated.keys()):
        raise InputError(f"{str(folder / FILE)!r} may not set {wrong[0]!r}: the renderer does")
    return {**_from_table(folder), **stated}


def _from_table(folder: Path) -> dict[str, Argument]:
    name = pipeline_class(folder)
    known = dict(TABLE.get(name, {}))
    if name == "FluxPipeline" and _is_schnell(folder):
        return {**known, **SCHNELL}
    if name == "Flux2KleinPipeline" and _read_object(folder / INDEX).get("is_distilled"):
        return {**known, **KLEIN_DISTILLED}
    return known


def _is_schnell(folder: Path) -> bool:
    """The two models of the class differ in nothing but whether the network reads the guidance."""
    config = folder / "transformer" / "config.json"
    return config.is_file() and _read_object(config).get("guidance_embeds") is False


def _read_object(path: Path) -> dict[str, Argument]:
    try:
        content = json.loads(contents(path))
    except (OSError, ValueError) as error:
        raise InputError(f"{str(path)!r} can't be read as JSON ({error})") from None
    if not isinstance(content, dict):
        raise InputError(f"{str(path)!r} must hold a JSON object, not {type(content).__name__}")
    return cast("dict[str, Argument]", content)
