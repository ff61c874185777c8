"""Draws pictures with the exported pipeline, for the scripts that make and measure the world.

The agent draws through its own renderer; this is the few lines that training scripts need.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from miniature import WEIGHTS
from miniature.training import pick_device
from scorer.device import computes_bfloat16
from scorer.minilm import text_encoder_and_tokenizer

RENDERER = WEIGHTS / "renderer"


@lru_cache(maxsize=1)
def load_pipeline(folder: Path = RENDERER, device: str = "auto") -> Any:
    """An exported pipeline with the sentence encoder and its own layer as its text side.

    It is in bfloat16 where the device computes in it.
    """
    from diffusers import DiffusionPipeline

    place = pick_device(device)
    dtype = torch.bfloat16 if computes_bfloat16(place) else torch.float32
    encoder, tokenizer = text_encoder_and_tokenizer(folder)
    pipeline = DiffusionPipeline.from_pretrained(
        str(folder),
        text_encoder=encoder.to(dtype),
        tokenizer=tokenizer,
        dtype=dtype,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(place)


def draw(
    prompts: Sequence[str],
    seeds: Sequence[int],
    *,
    batch: int = 8,
    folder: Path = RENDERER,
    device: str = "auto",
    **overrides: float,
) -> np.ndarray:
    """Pictures uint8 (prompt, size, size, 3), one CPU generator each.

    Args:
        prompts: What to draw.
        seeds: One a prompt.
        batch: Pictures drawn at once.
        folder: Of the pipeline.
        device: Torch device.
        **overrides: Call arguments instead of those in `generation.json`.
    """
    import json

    pipeline = load_pipeline(folder, device)
    defaults = json.loads((folder / "generation.json").read_text())
    drawn = []
    for start in tqdm(range(0, len(prompts), batch), desc="pictures", leave=False):
        part = slice(start, start + batch)
        generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds[part]]
        out = pipeline(
            list(prompts[part]), generator=generators, output_type="np", **{**defaults, **overrides}
        )
        drawn.append((out.images * 255).round().astype(np.uint8))
    return np.concatenate(drawn)
