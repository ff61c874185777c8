"""A classifier of what a picture shows: the judge of control, and the participants' perception.

    python -m miniature.classifier judge          # two thirds of the training scenes
    python -m miniature.classifier perception     # the other third, and drawn pictures

Both are small ResNets with one head an attribute. They differ in seed and width and have no scene
in common, so that what the simulated participants see is not what the judge sees. The image-text
encoder trains on the judge's scenes and begins with the judge's weights: it has neither a weight
nor a picture in common with the perception. The perception alone trains on drawn pictures, too
(`miniature.drawn_scenes`): most of what participants look at is drawn.
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
from miniature.drawn_scenes import ASKED, drawn_scenes
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
    drawn: int = 0
    """Pictures that the diffusion model draws for it."""
    drawn_from: int = 0
    """The step from which they are among the scenes."""


ROLES = {
    "judge": Role(1, (32, 64, 128, 192), of_encoder, 19000, natural=1 / len(PALETTES)),
    "perception": Role(2, (28, 56, 112, 168), of_perception, 16000, drawn=2600, drawn_from=13500),
}
DRAWN = BUILD / "drawn"
DRAWN_SHARE = 1 / 3
"""Of a batch, once there are drawn pictures in it."""


@dataclass(frozen=True)
class Shown:
    """Pictures, uint8 (picture, size, size, 3), and what they show."""

    pictures: np.ndarray
    attributes: list[Attributes]


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
    return _disturbed(picture, rng), finish.of(attributes)


def _disturbed(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if rng.random() < 0.4:
        small = picture.reshape(64, 2, 64, 2, 3).mean((1, 3))
        share = rng.random()
        picture = (picture * (1 - share) + small.repeat(2, 0).repeat(2, 1) * share).astype(np.uint8)
    offset = rng.integers(-4, 5, size=2)
    return np.roll(picture, offset, (0, 1))


def _of_scenes(
    scenes: Shown, rows: np.ndarray, natural: float, rng: np.random.Generator
) -> tuple[list[np.ndarray], list[list[int]]]:
    made = [
        augment(scenes.pictures[n], scenes.attributes[n], draw_finish(rng, natural), rng)
        for n in rows
    ]
    return [picture for picture, _ in made], [labels_of(named) for _, named in made]


def of_drawn(
    drawn: Shown, rows: np.ndarray, rng: np.random.Generator
) -> tuple[list[np.ndarray], list[list[int]]]:
    """Drawn pictures have their finish; only what they are known to show is labelled."""
    flipped = [
        drawn.pictures[n][:, ::-1] if rng.random() < 0.5 else drawn.pictures[n] for n in rows
    ]
    labels = [
        [
            label if name in ASKED else UNKNOWN
            for name, label in zip(HEADS, labels_of(drawn.attributes[n]), strict=True)
        ]
        for n in rows
    ]
    return [_disturbed(picture, rng) for picture in flipped], labels


def train_classifier(
    scenes: Shown, role: Role, plan: Plan, drawn: Shown | None = None
) -> Classifier:
    """Trains, or goes on training, a classifier; returns it in evaluation mode.

    Args:
        scenes: All that it may train on.
        role: What it is.
        plan: Length, rates, checkpoint.
        drawn: Pictures that the diffusion model drew, a third of each batch from
            `role.drawn_from` on.
    """
    torch.manual_seed(role.seed)
    model = Classifier(role.widths)
    nn.Module.to(model, device=plan.device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def loss_of(step: int) -> Tensor:
        rng = np.random.default_rng((role.seed, step))
        mixed = drawn is not None and step >= role.drawn_from
        from_drawn = round(plan.batch * DRAWN_SHARE) if mixed else 0
        rows = rng.choice(len(scenes.pictures), plan.batch - from_drawn)
        pictures, labels = _of_scenes(scenes, rows, role.natural, rng)
        if drawn is not None and from_drawn:
            more = of_drawn(drawn, rng.choice(len(drawn.pictures), from_drawn), rng)
            pictures, labels = pictures + more[0], labels + more[1]
        inputs, right = to_tensor(np.stack(pictures)), torch.tensor(labels).to(plan.device)
        with precision(plan.device):
            logits = {n: found.float() for n, found in model(inputs.to(plan.device)).items()}
        entropy = partial(F.cross_entropy, label_smoothing=0.02, ignore_index=UNKNOWN)
        losses = [
            EMPHASIS.get(name, 1.0) * entropy(logits[name], right[:, k])
            for k, name in enumerate(HEADS)
        ]
        return torch.stack(losses).mean()

    fit(model, loss_of, plan, "classifier")
    return model


@torch.inference_mode()
def classify(model: Classifier, pictures: np.ndarray) -> dict[str, np.ndarray]:
    """Probabilities by attribute, (picture, value), of uint8 pictures of any square size.

    Larger pictures are averaged down to 128×128, the size that the classifier was trained at. Each
    is seen both ways round, as none of the attributes depends on that: what is found is the mean.
    """
    found: dict[str, list[Tensor]] = {name: [] for name in HEADS}
    for start in range(0, len(pictures), 64):
        inputs = to_tensor(pictures[start : start + 64])
        if inputs.shape[-1] != 128:
            inputs = F.interpolate(inputs, size=(128, 128), mode="area")
        mirrored = model(inputs.flip(-1))
        for name, logits in model(inputs).items():
            found[name].append((logits.softmax(-1) + mirrored[name].softmax(-1)) / 2)
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


def material_of(role: Role, folder: Path) -> tuple[Shown, Shown | None]:
    """The scenes that a classifier trains on, and drawn pictures; what is missing is made."""
    from miniature.scenes.store import load_scenes

    pictures, attributes = load_scenes(folder)
    chosen = [row for row in range(len(pictures)) if role.trains_on(row)]
    scenes = Shown(pictures[chosen], [attributes[row] for row in chosen])
    return scenes, Shown(*drawn_scenes(DRAWN, role.drawn)) if role.drawn else None


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
    scenes, drawn = material_of(role, args.scenes)
    model = train_classifier(scenes, role, plan, drawn).cpu()
    save_classifier(model, role.widths, WEIGHTS / args.role)
    pictures, attributes = load_scenes(args.scenes)
    held_out = slice(0, None, HELD_OUT_EVERY)
    figures = accuracy(model, pictures[held_out], attributes[held_out])
    (WEIGHTS / args.role / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
