"""Trains the miniature's image-text encoder on rendered scenes and their captions.

    python -m miniature.encoder

A small SigLIP vision tower learns, with the pairwise sigmoid loss (Zhai et al. 2023, arXiv
2303.15343, eq. 1), to find the caption that belongs to a picture; the words are the frozen
sentence encoder's. It trains on two thirds of the scenes; the participants' perception
(`miniature.classifier`) on the other third.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F
from transformers import SiglipVisionConfig, SiglipVisionModel

from miniature import WEIGHTS
from miniature.attributes import PALETTES, Attributes
from miniature.captions import caption
from miniature.classifier import augment, to_tensor
from miniature.training import BUILD, HELD_OUT_EVERY, SCENES, Plan, fit, pick_device
from scorer.miniature_encoder import JointHeads, save_miniature_encoder

DIM = 128
CAPTIONS = 1
"""Captions embedded beforehand for every scene under every palette."""


def make_encoder(seed: int) -> tuple[SiglipVisionModel, JointHeads]:
    """An untrained vision tower with its maps into the joint space."""
    torch.manual_seed(seed)
    config = SiglipVisionConfig(
        image_size=128,
        patch_size=16,
        hidden_size=192,
        intermediate_size=768,
        num_hidden_layers=6,
        num_attention_heads=3,
        attention_dropout=0.0,
    )
    return SiglipVisionModel(config), JointHeads(visual=192, dim=DIM)


def sigmoid_loss(logits: Float[Tensor, "image text"]) -> Tensor:
    """Sigmoid loss for language-image pre-training; pairs lie on the diagonal."""
    signs = 2 * torch.eye(len(logits), device=logits.device) - 1
    return -F.logsigmoid(signs * logits).sum() / len(logits)


def embed_captions(attributes: list[Attributes], seed: int, cache: Path) -> np.ndarray:
    """Sentence embeddings (scene, palette, caption, 384) in float16, made once."""
    from dataclasses import replace

    from scorer.minilm import sentence_model

    if cache.is_file():
        return np.load(cache)
    rng = np.random.default_rng(seed)
    captions = [
        caption(replace(named, palette=palette), rng)
        for named in attributes
        for palette in PALETTES
        for _ in range(CAPTIONS)
    ]
    with torch.autocast("cpu", torch.bfloat16):
        vectors = sentence_model().encode(
            captions, batch_size=128, normalize_embeddings=True, show_progress_bar=True
        )
    shaped = np.asarray(vectors, np.float16).reshape(len(attributes), len(PALETTES), CAPTIONS, -1)
    cache.parent.mkdir(parents=True, exist_ok=True)
    np.save(cache, shaped)
    return shaped


def draw_batch(
    pictures: np.ndarray,
    attributes: list[Attributes],
    captions: np.ndarray,
    rows: np.ndarray,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """Augmented pictures in [-1, 1] and a sentence embedding of a caption of each."""
    made = [augment(pictures[row], attributes[row], rng) for row in rows]
    sentences = [
        captions[row, PALETTES.index(named.palette), rng.integers(CAPTIONS)]
        for row, (_, named) in zip(rows, made, strict=True)
    ]
    inputs = to_tensor(np.stack([picture for picture, _ in made]))
    return inputs, torch.from_numpy(np.stack(sentences).astype(np.float32))


def train_encoder(
    pictures: np.ndarray, attributes: list[Attributes], captions: np.ndarray, plan: Plan
) -> tuple[SiglipVisionModel, JointHeads]:
    """Trains, or goes on training, tower and maps; returns them in evaluation mode."""
    vision, heads = make_encoder(plan.seed)
    model = torch.nn.ModuleList([vision, heads]).to(plan.device)
    rows = np.arange(len(pictures))
    chosen = rows[(rows % HELD_OUT_EVERY != 0) & (rows % 3 != 1)]

    def loss_of(step: int) -> Tensor:
        rng = np.random.default_rng((plan.seed, step))
        batch = rng.choice(chosen, plan.batch, replace=False)
        inputs, sentences = draw_batch(pictures, attributes, captions, batch, rng)
        with torch.autocast(plan.device, torch.bfloat16):
            pooled = vision(pixel_values=inputs.to(plan.device)).pooler_output
        return sigmoid_loss(heads(pooled.float(), sentences.to(plan.device)))

    fit(model, loss_of, plan, "encoder")
    return vision, heads


def main() -> None:
    """Trains the encoder and writes its weights in 16 bit."""
    from miniature.scenes.store import load_scenes

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scenes", type=Path, default=SCENES, help="folder of rendered scenes")
    parser.add_argument("--out", type=Path, default=WEIGHTS / "encoder")
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    args = parser.parse_args()
    pictures, attributes = load_scenes(args.scenes)
    captions = embed_captions(attributes, args.seed, BUILD / "encoder-captions.npy")
    plan = Plan(
        BUILD / "encoder.pt",
        steps=args.steps,
        batch=64,
        seed=args.seed,
        weight_decay=0.05,
        device=pick_device(args.device),
    )
    vision, heads = train_encoder(pictures, attributes, captions, plan)
    save_miniature_encoder(args.out, vision.cpu(), heads.cpu(), dtype=torch.float16)
    print(json.dumps({"written": str(args.out)}))


if __name__ == "__main__":
    main()
