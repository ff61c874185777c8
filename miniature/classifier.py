"""A classifier of what a picture shows: the judge of control, and the participants' perception.

    python -m miniature.classifier judge          # all training scenes
    python -m miniature.classifier perception     # the training scenes of even number

Both are small ResNets with one head an attribute. They differ in seed, width and data, so that
what the simulated participants see is not what the judge sees. The image-text encoder, which
trains on the scenes of odd number, shares no weight with either, and no picture with the
perception; one of its layers is aligned with the judge, which has seen all of them.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import ResNetConfig, ResNetModel

from miniature import WEIGHTS
from miniature.attributes import (
    CAMERA_ANGLES,
    COLOURS,
    ENVIRONMENTS,
    LIGHTINGS,
    MATERIALS,
    PALETTES,
    SHOTS,
    SUBJECTS,
    Attributes,
    Palette,
)
from miniature.palette import grade
from miniature.training import BUILD, HELD_OUT_EVERY, SCENES, Plan, fit, pick_device

HEADS: dict[str, tuple[str, ...]] = {
    "subject": SUBJECTS,
    "environment": ENVIRONMENTS,
    "lighting": LIGHTINGS,
    "camera_angle": CAMERA_ANGLES,
    "shot": SHOTS,
    "palette": PALETTES,
    "colour": ("none", *COLOURS),
    "material": MATERIALS,
    "mossy": ("no", "yes"),
    "floating": ("no", "yes"),
}


@dataclass(frozen=True)
class Role:
    """What one of the classifiers trains on, and how large it is."""

    seed: int
    widths: tuple[int, ...]
    trains_on: Callable[[int], bool]


ROLES = {
    "judge": Role(1, (32, 64, 128, 192), lambda number: number % HELD_OUT_EVERY != 0),
    "perception": Role(
        2, (28, 56, 112, 168), lambda number: number % HELD_OUT_EVERY != 0 and number % 2 == 0
    ),
}


def labels_of(attributes: Attributes) -> list[int]:
    """The index of each attribute's value, in the order of `HEADS`."""
    values = {
        **vars(attributes),
        "colour": attributes.colour or "none",
        "mossy": "yes" if attributes.mossy else "no",
        "floating": "yes" if attributes.floating else "no",
    }
    return [HEADS[name].index(values[name]) for name in HEADS]


class Classifier(nn.Module):
    """A ResNet with one linear head an attribute."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.body = ResNetModel(
            ResNetConfig(
                embedding_size=widths[0],
                hidden_sizes=list(widths),
                depths=[1, 2, 2, 1],
                layer_type="basic",
            )
        )
        self.dropout = nn.Dropout(0.2)
        self.heads = nn.ModuleDict({n: nn.Linear(widths[-1], len(v)) for n, v in HEADS.items()})

    def forward(self, pictures: Float[Tensor, "batch 3 size size"]) -> dict[str, Tensor]:
        """Logits by attribute, of pictures in [-1, 1]."""
        pooled = self.dropout(self.body(pictures).pooler_output.flatten(1))
        return {name: head(pooled) for name, head in self.heads.items()}


def to_tensor(pictures: np.ndarray) -> Float[Tensor, "batch 3 size size"]:
    """Pictures uint8 (batch, size, size, 3) as floats in [-1, 1]."""
    scaled = torch.from_numpy(pictures.astype(np.float32) / 127.5 - 1)
    return scaled.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def draw_palette(rng: np.random.Generator) -> Palette:
    """Natural two times in five, else any other."""
    return PALETTES[rng.integers(1, len(PALETTES))] if rng.random() < 0.6 else "natural"


def augment(
    picture: np.ndarray, attributes: Attributes, palette: Palette, rng: np.random.Generator
) -> tuple[np.ndarray, Attributes]:
    """A colour grade (which changes the palette's label), a mirror image, blur, a shift."""
    picture = grade(picture[:, ::-1] if rng.random() < 0.5 else picture, palette)
    if rng.random() < 0.4:
        small = picture.reshape(64, 2, 64, 2, 3).mean((1, 3))
        share = rng.random()
        picture = (picture * (1 - share) + small.repeat(2, 0).repeat(2, 1) * share).astype(np.uint8)
    offset = rng.integers(-4, 5, size=2)
    picture = np.roll(picture, offset, (0, 1))
    return picture, replace(attributes, palette=palette)


def _batch(
    pictures: np.ndarray, attributes: list[Attributes], rows: np.ndarray, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    made = [augment(pictures[row], attributes[row], draw_palette(rng), rng) for row in rows]
    labels = torch.tensor([labels_of(named) for _, named in made])
    return to_tensor(np.stack([picture for picture, _ in made])), labels


def train_classifier(
    pictures: np.ndarray, attributes: list[Attributes], role: Role, plan: Plan
) -> Classifier:
    """Trains, or goes on training, a classifier; returns it in evaluation mode."""
    torch.manual_seed(role.seed)
    model = Classifier(role.widths)
    nn.Module.to(model, device=plan.device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    chosen = np.array([row for row in range(len(pictures)) if role.trains_on(row)])

    def loss_of(step: int) -> Tensor:
        rng = np.random.default_rng((role.seed, step))
        inputs, labels = _batch(pictures, attributes, rng.choice(chosen, plan.batch), rng)
        logits = model(inputs.to(plan.device))
        labels = labels.to(plan.device)
        losses = [
            F.cross_entropy(logits[name], labels[:, k], label_smoothing=0.02)
            for k, name in enumerate(HEADS)
        ]
        return torch.stack(losses).mean()

    fit(model, loss_of, plan, "classifier")
    return model


@torch.inference_mode()
def classify(model: Classifier, pictures: np.ndarray) -> dict[str, np.ndarray]:
    """Probabilities by attribute, (picture, value), of uint8 pictures of any square size.

    Larger pictures are averaged down to 128×128, the size that the classifier was trained at.
    """
    found: dict[str, list[Tensor]] = {name: [] for name in HEADS}
    for start in range(0, len(pictures), 64):
        inputs = to_tensor(pictures[start : start + 64])
        if inputs.shape[-1] != 128:
            inputs = F.interpolate(inputs, size=(128, 128), mode="area")
        for name, logits in model(inputs).items():
            found[name].append(logits.softmax(-1))
    return {name: torch.cat(parts).numpy() for name, parts in found.items()}


def accuracy(
    model: Classifier, pictures: np.ndarray, attributes: list[Attributes]
) -> dict[str, float]:
    """Share of right answers by attribute."""
    labels = np.array([labels_of(named) for named in attributes])
    found = classify(model, pictures)
    return {n: float((found[n].argmax(1) == labels[:, k]).mean()) for k, n in enumerate(HEADS)}


def load_classifier(role: str, folder: Path | None = None) -> Classifier:
    """A trained classifier in evaluation mode, float32."""
    folder = folder or WEIGHTS / role
    model = Classifier(json.loads((folder / "config.json").read_text())["widths"])
    state = load_file(folder / "model.safetensors")
    model.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    return model.eval()


def save_classifier(model: Classifier, widths: Sequence[int], folder: Path) -> None:
    """Writes weights in 16 bit and the widths that rebuild the model."""
    folder.mkdir(parents=True, exist_ok=True)
    half = {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}
    save_file({k: v.contiguous() for k, v in half.items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"widths": list(widths)}) + "\n")


def main() -> None:
    """Trains one of the classifiers and prints its accuracy on held-out scenes."""
    from miniature.scenes.store import load_scenes

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("role", choices=ROLES, help="which of the two to train")
    parser.add_argument("--scenes", type=Path, default=SCENES, help="folder of rendered scenes")
    parser.add_argument("--steps", type=int, default=1600, help="training steps (default 1600)")
    parser.add_argument("--seed", type=int, help="of weights and batches (default: the role's)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    args = parser.parse_args()
    pictures, attributes = load_scenes(args.scenes)
    role = ROLES[args.role]
    role = role if args.seed is None else replace(role, seed=args.seed)
    plan = Plan(
        BUILD / f"{args.role}.pt",
        steps=args.steps,
        rate=2e-3,
        batch=48,
        weight_decay=0.02,
        device=pick_device(args.device),
    )
    model = train_classifier(pictures, attributes, role, plan).cpu()
    save_classifier(model, role.widths, WEIGHTS / args.role)
    held_out = slice(0, None, HELD_OUT_EVERY)
    figures = accuracy(model, pictures[held_out], attributes[held_out])
    (WEIGHTS / args.role / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
