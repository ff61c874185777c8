"""Classifiers of what a picture shows: judge, participants' perception, encoder's eyes, critic.

    python -m miniature.classifier judge          # two thirds of the training scenes
    python -m miniature.classifier tower          # goes on from the judge, with drawn pictures
    python -m miniature.classifier second         # two thirds likewise, from nothing
    python -m miniature.classifier perception     # the other third, and drawn pictures of its own
    python -m miniature.classifier critic         # the same scenes, other weights

All are small ResNets with one head an attribute. Judge and perception differ in seed and width and
have no scene in common, so that what the simulated participants see is not what the judge sees. The
tower of the image-text encoder is a judge that has seen drawn pictures besides: it has neither a
weight nor a picture in common with the perception, and neither has its second eye, which learns
from the tower's scenes and shares no weight with it. The judge, which is asked whether a prompt was
obeyed, trains on nothing that was drawn (`miniature.drawn_scenes`). The critic, which the diffusion
model learns from together with the perception (`miniature.renderer.reward`), has no scene in common
with the judge either.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm
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
from miniature.augment import disturbed, to_tensor
from miniature.drawn_scenes import ASKED, drawn_scenes
from miniature.finish import NATURAL_SHARE, Finish, draw_finish
from miniature.look import draw_in
from miniature.palette import grade
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
from scorer.errors import PrerequisiteError

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
"""The label of what is left open or cannot be told, as the viewpoint of a subject that is round."""


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
    drawn_seed: int = 0
    drawn_from: int = 0
    """The step from which they are among the scenes."""
    begins_as: str | None = None
    """The classifier whose weights it begins with."""


EYE = (32, 64, 128, 192)
EQUALLY = 1 / len(PALETTES)
ROLES = {
    "judge": Role(1, EYE, of_encoder, 19000, natural=EQUALLY),
    "tower": Role(
        3, EYE, of_encoder, 5000, natural=EQUALLY, drawn=4600, drawn_seed=12, begins_as="judge"
    ),
    "second": Role(
        5, EYE, of_encoder, 6500, natural=EQUALLY, drawn=4600, drawn_seed=12, drawn_from=2500
    ),
    "perception": Role(
        2, (28, 56, 112, 168), of_perception, 21000, drawn=3200, drawn_seed=11, drawn_from=13500
    ),
    "critic": Role(
        4,
        (28, 56, 112, 168),
        of_perception,
        9000,
        natural=EQUALLY,
        drawn=3200,
        drawn_seed=11,
        drawn_from=4000,
    ),
}
DRAWN_SHARE = 1 / 3
"""Of a batch, once there are drawn pictures in it."""


def folder_of(role: str) -> Path:
    """Where a classifier lies; the tower ships as a part of the encoder, the critic not at all."""
    return BUILD / role if role in ("tower", "second", "critic") else WEIGHTS / role


@dataclass(frozen=True)
class Shown:
    """Pictures, uint8 (picture, size, size, 3), and what they show."""

    pictures: np.ndarray
    attributes: list[Attributes]

    @cached_property
    def stylised(self) -> np.ndarray:
        """All pictures as digital art, which takes longer than everything else that is done."""
        made = [draw_in(picture, "digital art") for picture in tqdm(self.pictures, desc="looks")]
        return np.stack(made)

    def under(self, number: int, finish: Finish) -> tuple[np.ndarray, Attributes]:
        """A picture in a finish, and what it shows then."""
        stylised = finish.look == "digital art"
        picture = (self.stylised if stylised else self.pictures)[number]
        return grade(picture, finish.palette), finish.of(self.attributes[number])


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


def _of_scenes(
    scenes: Shown, rows: np.ndarray, natural: float, rng: np.random.Generator
) -> tuple[list[np.ndarray], list[list[int]]]:
    made = [scenes.under(int(n), draw_finish(rng, natural)) for n in rows]
    return [picture for picture, _ in made], [labels_of(named) for _, named in made]


def of_drawn(drawn: Shown, rows: np.ndarray) -> tuple[list[np.ndarray], list[list[int]]]:
    """Drawn pictures have their finish; only what they are known to show is labelled."""
    labels = [
        [
            label if name in ASKED else UNKNOWN
            for name, label in zip(HEADS, labels_of(drawn.attributes[n]), strict=True)
        ]
        for n in rows
    ]
    return [drawn.pictures[n] for n in rows], labels


def train_classifier(
    scenes: Shown,
    role: Role,
    plan: Plan,
    drawn: Shown | None = None,
    begin: Classifier | None = None,
) -> Classifier:
    """Trains, or goes on training, a classifier; returns it in evaluation mode.

    Args:
        scenes: All that it may train on.
        role: What it is.
        plan: Length, rates, checkpoint.
        drawn: Pictures that the diffusion model drew, a third of each batch from
            `role.drawn_from` on.
        begin: A classifier to go on from.
    """
    torch.manual_seed(role.seed)
    model = Classifier(role.widths)
    if begin is not None:
        model.load_state_dict(begin.state_dict())
    nn.Module.to(model, device=plan.device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def loss_of(step: int) -> Tensor:
        rng = np.random.default_rng((role.seed, step))
        mixed = drawn is not None and step >= role.drawn_from
        from_drawn = round(plan.batch * DRAWN_SHARE) if mixed else 0
        rows = rng.choice(len(scenes.pictures), plan.batch - from_drawn)
        pictures, labels = _of_scenes(scenes, rows, role.natural, rng)
        if drawn is not None and from_drawn:
            more = of_drawn(drawn, rng.choice(len(drawn.pictures), from_drawn))
            pictures, labels = pictures + more[0], labels + more[1]
        inputs, right = disturbed(pictures, rng, erase=True), torch.tensor(labels).to(plan.device)
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
    """A trained classifier in evaluation mode, float32.

    Raises:
        PrerequisiteError: there is none in the folder.
    """
    folder = folder or folder_of(role)
    try:
        model = Classifier(json.loads((folder / "config.json").read_text())["widths"])
        state = load_file(folder / "model.safetensors")
    except FileNotFoundError as error:
        raise PrerequisiteError(
            f"there is no classifier in {str(folder)!r}: train it with "
            f"`python -m miniature.classifier {role}`"
        ) from error
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
    from miniature.rated_pictures import digest_of
    from miniature.scenes.store import load_scenes

    pictures, attributes = load_scenes(folder)
    chosen = [row for row in range(len(pictures)) if role.trains_on(row)]
    scenes = Shown(pictures[chosen], [attributes[row] for row in chosen])
    if not role.drawn:
        return scenes, None
    drawn_by = digest_of("renderer").hexdigest()[:8]
    kept = BUILD / f"drawn-{role.drawn_seed}-{drawn_by}"
    made = drawn_scenes(kept, role.drawn, seed=role.drawn_seed)
    return scenes, Shown(*made)


def held_out_scenes(folder: Path) -> Shown:
    """The scenes that nothing trains on."""
    from miniature.scenes.store import load_scenes

    pictures, attributes = load_scenes(folder)
    return Shown(pictures[::HELD_OUT_EVERY], attributes[::HELD_OUT_EVERY])


def main() -> None:
    """Trains one of the classifiers and prints its accuracy on held-out scenes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("role", choices=ROLES, help="which one to train")
    parser.add_argument("--scenes", type=Path, default=SCENES, help="folder of rendered scenes")
    parser.add_argument("--steps", type=int, help="training steps (default: the role's)")
    parser.add_argument(
        "--begin", type=Path, metavar="FOLDER", help="a classifier of this kind to go on from"
    )
    parser.add_argument("--rate", type=float, default=2e-3, help="of learning, at its peak")
    parser.add_argument("--seed", type=int, help="of weights and batches (default: the role's)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    args = parser.parse_args()
    role = ROLES[args.role]
    role = role if args.seed is None else replace(role, seed=args.seed)
    plan = Plan(
        BUILD / f"{args.role}.pt",
        steps=args.steps or role.steps,
        rate=args.rate,
        batch=48,
        weight_decay=0.02,
        device=pick_device(args.device),
    )
    begin = args.begin or (folder_of(role.begins_as) if role.begins_as else None)
    scenes, drawn = material_of(role, args.scenes)
    known = load_classifier(role.begins_as or args.role, begin) if begin else None
    model = train_classifier(scenes, role, plan, drawn, known).cpu()
    folder = folder_of(args.role)
    save_classifier(model, role.widths, folder)
    held_out = held_out_scenes(args.scenes)
    figures = accuracy(model, held_out.pictures, held_out.attributes)
    (folder / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
