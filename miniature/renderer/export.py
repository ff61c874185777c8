"""Puts autoencoder, transformer and scheduler together as a diffusers pipeline folder.

The text encoder is not in the folder: `DiffusionPipeline.from_pretrained(folder, text_encoder=…,
tokenizer=…)` is given the frozen sentence encoder (`scorer.minilm`).
"""

import json
from pathlib import Path
from typing import Any, cast

import torch
from diffusers import (
    AutoencoderTiny,
    DPMSolverMultistepScheduler,
    PixArtSigmaPipeline,
    PixArtTransformer2DModel,
)

from miniature.renderer.transformer import SHIFT

SIZE = 128
GENERATION = {
    "num_inference_steps": 12,
    "guidance_scale": 3.0,
    "height": SIZE,
    "width": SIZE,
    "max_sequence_length": 48,
    "use_resolution_binning": False,
    "clean_caption": False,
}
"""The call defaults that a renderer reads beside the weights."""


def make_scheduler() -> DPMSolverMultistepScheduler:
    """The sampler: multistep DPM-Solver on the flow-matching path (Lu et al. 2022)."""
    return DPMSolverMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=SHIFT
    )


def export_pipeline(
    autoencoder: AutoencoderTiny, transformer: PixArtTransformer2DModel, folder: Path
) -> None:
    """Writes the pipeline in 16 bit, with `generation.json` beside it."""
    # The pipeline's annotations name the classes of the published model; any that behave do.
    parts: dict[str, Any] = {"tokenizer": None, "text_encoder": None}
    parts |= {"vae": autoencoder.half(), "transformer": transformer.half()}
    pipeline = PixArtSigmaPipeline(**parts, scheduler=cast(Any, make_scheduler()))
    for part in (autoencoder, transformer):
        part.register_to_config(_name_or_path="")  # where it was read from is nobody's business
    pipeline.save_pretrained(folder)
    (folder / "generation.json").write_text(json.dumps(GENERATION, indent=1) + "\n")


def load_parts(folder: Path) -> tuple[AutoencoderTiny, PixArtTransformer2DModel]:
    """Autoencoder and transformer of an exported pipeline, in 32 bit, to be trained further."""
    autoencoder = AutoencoderTiny.from_pretrained(folder / "vae", torch_dtype=torch.float32)
    transformer = PixArtTransformer2DModel.from_pretrained(
        folder / "transformer", torch_dtype=torch.float32
    )
    return autoencoder, transformer
