"""Trains the miniature's image-text encoder on rendered scenes and their captions.

    python -m miniature.encoder
    torchrun --nproc-per-node 2 -m miniature.encoder    # shares each batch

A small SigLIP vision tower learns, with the pairwise sigmoid loss (Zhai et al. 2023, arXiv
2303.15343, eq. 1), which texts are true of a picture: its caption among those of other pictures,
and every single phrase of the grammar (here a text may be true of many pictures). The words are
the frozen sentence encoder's. A middle layer is aligned with what the judge sees in each patch,
from which it learns shapes that few scenes and short captions teach slowly. It trains on the
scenes of odd number, the participants' perception (`miniature.classifier`) on those of even
number.
"""

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import SiglipVisionConfig, SiglipVisionModel

from miniature import WEIGHTS
from miniature.alignment import alignment_loss, make_projector, patch_features, watched
from miniature.attributes import Attributes, Palette
from miniature.captions import Claim, caption, claims, short_prompt
from miniature.classifier import augment, draw_palette, load_classifier, to_tensor
from miniature.training import (
    BUILD,
    HELD_OUT_EVERY,
    SCENES,
    Plan,
    fit,
    pick_device,
    precision,
    worker,
)
from scorer.miniature_encoder import (
    FIGURES,
    TOLERANCE,
    UNKNOWN,
    JointHeads,
    MiniatureEncoder,
    save_miniature_encoder,
)

DIM = 128
CAPTIONS = 4
"""Captions embedded beforehand for every scene, each under a palette of its own."""
CLAIMS = 0.5
"""Weight of the loss on single phrases beside that on captions."""
TOLD_APART = ("subject", "environment", "lighting", "camera_angle", "shot")
ALIGNED_LAYER, ALIGNMENT = 3, 10.0
"""The layer that is aligned, and the weight: the other losses are sums over texts."""


@dataclass(frozen=True)
class Texts:
    """Sentence embeddings of everything that a picture is compared with."""

    captions: Float[np.ndarray, "scene caption 384"]
    palettes: list[list[Palette]]
    """Of each scene, the palettes of its captions."""
    claims: Float[Tensor, "claim 384"]


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


def sigmoid_loss(
    logits: Float[Tensor, "image text"], true: Bool[Tensor, "image text"]
) -> Float[Tensor, ""]:
    """Sigmoid loss for language-image pre-training, where a text may be true of many images."""
    signs = 2 * true.to(logits.dtype) - 1
    return -F.logsigmoid(signs * logits).sum() / len(logits)


def _embed(texts: list[str]) -> np.ndarray:
    from scorer.minilm import sentence_model

    with precision("cpu"):
        vectors = sentence_model().encode(
            texts, batch_size=128, normalize_embeddings=True, show_progress_bar=True
        )
    return np.asarray(vectors, np.float32)


def embed_texts(attributes: list[Attributes], seed: int) -> Texts:
    """Captions of every scene and all claims, embedded by the frozen sentence encoder."""
    rng = np.random.default_rng(seed)
    palettes: list[list[Palette]] = [
        [draw_palette(rng) for _ in range(CAPTIONS)] for _ in attributes
    ]
    captions = [
        caption(replace(named, palette=palette), rng)
        for named, own in zip(attributes, palettes, strict=True)
        for palette in own
    ]
    embedded = _embed(captions).reshape(len(attributes), CAPTIONS, -1)
    return Texts(embedded, palettes, torch.from_numpy(_embed([c.text for c in claims()])))


@dataclass(frozen=True)
class Batch:
    """Pictures with a caption each, and which claims are true of them."""

    pictures: Float[Tensor, "image 3 size size"]
    captions: Float[Tensor, "image 384"]
    true: Bool[Tensor, "image claim"]

    def share(self, part: int, parts: int) -> "Batch":
        """The pictures of one of several processes; each is compared with all captions."""
        return Batch(self.pictures[part::parts], self.captions, self.true[part::parts])


def draw_batch(
    pictures: np.ndarray,
    attributes: list[Attributes],
    texts: Texts,
    rows: np.ndarray,
    rng: np.random.Generator,
) -> Batch:
    """Augmented pictures in [-1, 1] of some scenes, with the caption that belongs to each."""
    numbers = rng.integers(CAPTIONS, size=len(rows))
    made = [
        augment(pictures[row], attributes[row], texts.palettes[row][number], rng)
        for row, number in zip(rows, numbers, strict=True)
    ]
    known = claims()
    return Batch(
        to_tensor(np.stack([picture for picture, _ in made])),
        torch.from_numpy(texts.captions[rows, numbers]),
        torch.tensor([[claim.holds(named) for claim in known] for _, named in made]),
    )


def train_encoder(
    pictures: np.ndarray, attributes: list[Attributes], texts: Texts, plan: Plan
) -> tuple[SiglipVisionModel, JointHeads]:
    """Trains, or goes on training, tower and maps; returns them in evaluation mode."""
    vision, heads = make_encoder(plan.seed)
    rows = np.arange(len(pictures))
    chosen = rows[rows % 2 == 1]
    judge = load_classifier("judge")
    nn.Module.to(judge, plan.device)
    sample = patch_features(judge, to_tensor(pictures[chosen[:400]]).to(plan.device))
    mean, std = sample.mean((0, 1)), sample.std((0, 1)).clamp(min=1e-3)
    projector = make_projector(vision.config.hidden_size, len(mean))
    model = torch.nn.ModuleList([vision, heads, projector]).to(plan.device)
    layers: Any = vision.encoder.layers
    aligned_layer: nn.Module = layers[ALIGNED_LAYER]
    part, parts = worker()
    own_caption = torch.eye(plan.batch, dtype=torch.bool, device=plan.device)[part::parts]

    def loss_of(step: int) -> Tensor:
        rng = np.random.default_rng((plan.seed, step))
        some = rng.choice(chosen, plan.batch, replace=False)
        batch = draw_batch(pictures, attributes, texts, some, rng).share(part, parts)
        shown = batch.pictures.to(plan.device)
        with precision(plan.device), watched(aligned_layer) as states:
            pooled = vision(pixel_values=shown).pooler_output.float()
            aligned = alignment_loss(
                projector(states[0]), (patch_features(judge, shown) - mean) / std
            )
        of_captions = heads(pooled, batch.captions.to(plan.device))
        of_claims = heads(pooled, texts.claims.to(plan.device))
        told = sigmoid_loss(of_captions, own_caption)
        told += CLAIMS * sigmoid_loss(of_claims, batch.true.to(plan.device))
        return told + ALIGNMENT * aligned

    fit(model, loss_of, plan, "encoder")
    return vision, heads


def best_claims(
    joint: Float[np.ndarray, "picture dim"], claimed: Float[np.ndarray, "claim dim"]
) -> dict[str, list[Claim]]:
    """By attribute, the phrase that fits each picture best."""
    known = claims()
    likeness = joint @ claimed.T
    found = {}
    for name in dict.fromkeys(claim.attribute for claim in known):
        columns = [n for n, c in enumerate(known) if c.attribute == name and c.value is not None]
        found[name] = [known[columns[i]] for i in likeness[:, columns].argmax(1)]
    return found


def measure(
    encoder: MiniatureEncoder, pictures: np.ndarray, attributes: list[Attributes]
) -> dict[str, float]:
    """Figures of the encoder on held-out scenes, and the limit for unknown subjects.

    The limit is the 5 % quantile of the adherence of pictures to the short prompt of what they
    show; `unknown subjects noticed` is the share of prompts for subjects that no scene shows whose
    pictures (any scene's) adhere less than that. The tolerance is the 95 % quantile of how far
    adherence falls from a picture to others of the same subject; `other subjects rejected` is the
    share of pictures of another subject for which it falls further.
    """
    joint = encoder.encode_images([PIL.Image.fromarray(p) for p in pictures]).joint
    found = best_claims(joint, encoder.encode_texts([claim.text for claim in claims()]))
    figures = {
        name: float(np.mean([c.holds(a) for c, a in zip(chosen, attributes, strict=True)]))
        for name, chosen in found.items()
        if name in TOLD_APART
    }
    rng = np.random.default_rng(0)
    told = encoder.encode_texts([short_prompt(named, rng) for named in attributes])
    adherence = (joint * told).sum(1)
    absent = [claim.text for claim in claims() if claim.value is None]
    foreign = encoder.encode_texts(list(rng.choice(absent, len(pictures))))
    limit = float(np.quantile(adherence, 0.05))
    figures[UNKNOWN] = limit
    figures["unknown subjects noticed"] = float(((joint * foreign).sum(1) < limit).mean())
    own = np.array([(a.subject, a.mossy, a.floating) for a in attributes])
    alike = (own[:, None] == own[None]).all(-1) & ~np.eye(len(own), dtype=bool)
    fall = adherence[:, None] - told @ joint.T
    figures[TOLERANCE] = float(np.quantile(fall[alike], 0.95))
    stray = own[:, None, 0] != own[None, :, 0]
    figures["other subjects rejected"] = float((fall[stray] > figures[TOLERANCE]).mean())
    return {name: round(value, 4) for name, value in figures.items()}


def main() -> None:
    """Trains the encoder, writes its weights in 16 bit, and measures it on held-out scenes."""
    from miniature.scenes.store import load_scenes

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scenes", type=Path, default=SCENES, help="folder of rendered scenes")
    parser.add_argument("--out", type=Path, default=WEIGHTS / "encoder")
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    args = parser.parse_args()
    pictures, attributes = load_scenes(args.scenes)
    texts = embed_texts(attributes, args.seed)
    plan = Plan(
        BUILD / "encoder.pt",
        steps=args.steps,
        batch=64,
        seed=args.seed,
        weight_decay=0.05,
        device=pick_device(args.device),
    )
    vision, heads = train_encoder(pictures, attributes, texts, plan)
    if worker()[0]:
        return
    save_miniature_encoder(args.out, vision.cpu(), heads.cpu(), dtype=torch.float16)
    held_out = slice(0, None, HELD_OUT_EVERY)
    figures = measure(MiniatureEncoder(args.out), pictures[held_out], attributes[held_out])
    (args.out / FIGURES).write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
