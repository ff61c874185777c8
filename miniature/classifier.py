"""A classifier of what a picture shows: the judge of control, and the participants' perception.

    python -m miniature.classifier judge          # two thirds of the training scenes
    python -m miniature.classifier perception     # the other third

Both are small ResNets with one head an attribute. They differ in seed and width and have no scene
in common, so that what the simulated participants see is not what the judge sees. The image-text
encoder trains on the judge's scenes, and one of its layers is aligned with the judge: it has
neither a weight nor a picture in common with the perception.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
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
    LOOKS,
    MATERIALS,
    PALETTES,
    ROUND,
    SHOTS,
    SUBJECTS,
    VIEWPOINTS,
    WEATHERS,
    Attributes,
)
from miniature.finish import NATURAL_SHARE, Finish, draw_finish, finished
from miniature.training import (
    BUILD,
    HELD_OUT_EVERY,
    SCENES,
    Plan,
    fit,
    of_encoder,
    of_perception,
    pick_device,
    precision,
)

FLAGS: tuple[str, ...] = ("mossy", "floating", "several", "shallow")
HEADS: dict[str, tuple[str, ...]] = {
    "subject": SUBJECTS,
    "environment": ENVIRONMENTS,
    "lighting": LIGHTINGS,
    "camera_angle": CAMERA_ANGLES,
    "shot": SHOTS,
    "palette": PALETTES,
    "look": LOOKS,
    "viewpoint": VIEWPOINTS,
    "weather": WEATHERS,
    "colour": ("none", *COLOURS),
    "material": MATERIALS,
    **dict.fromkeys(FLAGS, ("no", "yes")),
}
EMPHASIS = {"subject": 3.0, "environment": 2.0, "camera_angle": 2.0, "shot": 2.0}
"""Weight in the loss; the others have 1. Shapes are learned last."""
UNKNOWN = -100
"""The label of what cannot be told: the viewpoint of a subject that is round."""


@dataclass(frozen=True)
class Role:
    """What one of the classifiers trains on, and how large it is."""

    seed: int
    widths: tuple[int, ...]
    trains_on: Callable[[int], bool]
    steps: int
    natural: float = NATURAL_SHARE
    """How often a picture has its natural palette; the judge must not expect it."""


ROLES = {
    "judge": Role(1, (32, 64, 128, 192), of_encoder, 19000, natural=1 / len(PALETTES)),
    "perception": Role(2, (28, 56, 112, 168), of_perception, 13500),
}


def labels_of(attributes: Attributes) -> list[int]:
    """The index of each attribute's value, in the order of `HEADS`, or `UNKNOWN`."""
    values = {
        **vars(attributes),
        "colour": attributes.colour or "none",
        **{flag: "yes" if getattr(attributes, flag) else "no" for flag in FLAGS},
    }
    labels = {name: HEADS[name].index(values[name]) for name in HEADS}
    if attributes.subject in ROUND:
        labels["viewpoint"] = UNKNOWN
    return list(labels.values())


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


def augment(
    picture: np.ndarray, attributes: Attributes, finish: Finish, rng: np.random.Generator
) -> tuple[np.ndarray, Attributes]:
    """A finish (which changes the labels of look and palette), a mirror image, blur, a shift."""
    picture = finished(picture[:, ::-1] if rng.random() < 0.5 else picture, finish)
    if rng.random() < 0.4:
        small = picture.reshape(64, 2, 64, 2, 3).mean((1, 3))
        share = rng.random()
        picture = (picture * (1 - share) + small.repeat(2, 0).repeat(2, 1) * share).astype(np.uint8)
    offset = rng.integers(-4, 5, size=2)
    picture = np.roll(picture, offset, (0, 1))
    return picture, finish.of(attributes)


def _batch(
    pictures: np.ndarray,
    attributes: list[Attributes],
    rows: np.ndarray,
    natural: float,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    made = [augment(pictures[row], attributes[row], draw_finish(rng, natural), rng) for row in rows]
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
        rows = rng.choice(chosen, plan.batch)
        inputs, labels = _batch(pictures, attributes, rows, role.natural, rng)
        with precision(plan.device):
            logits = {n: found.float() for n, found in model(inputs.to(plan.device)).items()}
        labels = labels.to(plan.device)
        entropy = partial(F.cross_entropy, label_smoothing=0.02, ignore_index=UNKNOWN)
        losses = [
            EMPHASIS.get(name, 1.0) * entropy(logits[name], labels[:, k])
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
    """Share of right answers by attribute, among the pictures of which it can be told."""
    labels = np.array([labels_of(named) for named in attributes])
    found = classify(model, pictures)
    return {
        name: float((found[name].argmax(1) == labels[:, k])[labels[:, k] != UNKNOWN].mean())
        for k, name in enumerate(HEADS)
    }


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
    parser.add_argument("--steps", type=int, help="training steps (default: the role's)")
    parser.add_argument("--seed", type=int, help="of weights and batches (default: the role's)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    args = parser.parse_args()
    pictures, attributes = load_scenes(args.scenes)
    role = ROLES[args.role]
    role = role if args.seed is None else replace(role, seed=args.seed)
    plan = Plan(
        BUILD / f"{args.role}.pt",
        steps=args.steps or role.steps,
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
