"""Puts autoencoder, transformer and scheduler together as a diffusers pipeline folder.

Of the text encoder only the layers on top of the frozen sentence encoder are in the folder:
`DiffusionPipeline.from_pretrained(folder, text_encoder=…, tokenizer=…)` is given both as one model
(`scorer.minilm.text_encoder_and_tokenizer`).
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
from jaxtyping import Float
from safetensors.torch import save_file
from torch import Tensor, nn

from miniature.renderer.transformer import SHIFT
from scorer.minilm import TEXT_LAYERS, text_encoder_and_tokenizer

SIZE = 128
STEPS = 8
INDEX = "model_index.json"
GENERATION = {
    "num_inference_steps": STEPS,
    "guidance_scale": 1.0,  # it is distilled into the weights
    "height": SIZE,
    "width": SIZE,
    "max_sequence_length": 64,
    "use_resolution_binning": False,
    "clean_caption": False,
}
"""The call defaults that a renderer reads beside the weights."""


def make_scheduler() -> DPMSolverMultistepScheduler:
    """The sampler: multistep DPM-Solver on the flow-matching path (Lu et al. 2022)."""
    return DPMSolverMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=SHIFT
    )


def sampled_sigmas() -> Float[Tensor, " step"]:
    """The times, from 1 to 0, at which the transformer is asked at the default settings."""
    scheduler = make_scheduler()
    scheduler.set_timesteps(STEPS)
    return scheduler.sigmas[:-1]


def export_pipeline(
    autoencoder: AutoencoderTiny,
    transformer: PixArtTransformer2DModel,
    layer: nn.Module,
    folder: Path,
) -> None:
    """Writes the pipeline in 16 bit, with `generation.json` beside it."""
    # The pipeline's annotations name the classes of the published model; any that behave do.
    parts: dict[str, Any] = {"tokenizer": None, "text_encoder": None}
    parts |= {"vae": autoencoder.half(), "transformer": transformer.half()}
    pipeline = PixArtSigmaPipeline(**parts, scheduler=cast(Any, make_scheduler()))
    for part in (autoencoder, transformer):
        part.register_to_config(_name_or_path="")  # where it was read from is nobody's business
    place = f"encoder.layer.{text_encoder_and_tokenizer()[0].config.num_hidden_layers}"
    state = {f"{place}.{name}": value.half() for name, value in layer.state_dict().items()}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / INDEX).unlink(missing_ok=True)  # it comes last and says that the rest is whole
    save_file(state, folder / TEXT_LAYERS)
    (folder / "generation.json").write_text(json.dumps(GENERATION, indent=1) + "\n")
    pipeline.save_pretrained(folder)


def load_parts(folder: Path) -> tuple[AutoencoderTiny, PixArtTransformer2DModel]:
    """Autoencoder and transformer of an exported pipeline, in 32 bit, to be trained further."""
    autoencoder = AutoencoderTiny.from_pretrained(folder / "vae", dtype=torch.float32)
    transformer = PixArtTransformer2DModel.from_pretrained(
        folder / "transformer", dtype=torch.float32
    )
    return autoencoder, transformer
