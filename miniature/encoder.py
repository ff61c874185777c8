"""Trains the miniature's image-text encoder on rendered scenes and their captions.

    python -m miniature.classifier tower                # what it begins with
    python -m miniature.classifier second               # what looks at every picture once more
    python -m miniature.encoder
    torchrun --nproc-per-node 2 -m miniature.encoder    # shares each batch

Its tower has learned to name what scenes and drawn pictures show (`miniature.classifier`). With
two maps into a joint space it goes on to learn, with the pairwise sigmoid loss of SigLIP (Zhai et
al. 2023, arXiv 2303.15343, eq. 1), which texts are true of a picture: captions of its own and of
other pictures, the same with one value changed, and single phrases of the grammar; of drawn
pictures it goes on to name what they show. Then the maps learn on alone. The words are the frozen
sentence encoder's (docs/decisions/0031-more-pictures-moved-about.md).
"""

import argparse
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import PIL.Image
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import ResNetConfig, ResNetModel

from miniature import WEIGHTS
from miniature.attributes import Attributes
from miniature.augment import disturbed
from miniature.captions import Claim, claims, said_of, short_prompt
from miniature.classifier import (
    DRAWN_SHARE,
    HEADS,
    ROLES,
    Classifier,
    Shown,
    folder_of,
    held_out_scenes,
    labels_of,
    load_classifier,
    material_of,
    of_drawn,
)
from miniature.classifier import UNKNOWN as UNKNOWN_LABEL
from miniature.concepts import concepts_of, look, some_of
from miniature.evidence import make_evidence
from miniature.joint_space import HEADS_BATCH, HEADS_RATE, see, train_heads
from miniature.together import products_of
from miniature.told import CAPTIONS, READER, Asked, Naming, Texts, embed_texts, joint_loss
from miniature.training import (
    BUILD,
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
    Sight,
    load_tower_and_maps,
    pooled,
    save_miniature_encoder,
)
from scorer.second_eye import SecondEye, load_second_eye

DIM, SIZE = 256, 128
CLAIMS_AT_ONCE = 384
"""Single phrases that are asked a step."""
NAMING = 0.5
"""Weight of the loss of naming what the judge names, from the pooled features."""
TOLD_APART = ("subject", "environment", "lighting", "camera_angle", "shot")


def make_encoder(body: ResNetModel, seed: int) -> tuple[ResNetModel, JointHeads]:
    """A copy of a tower, to be trained on, with untrained maps into the joint space."""
    torch.manual_seed(seed)
    config: Any = ResNetConfig.from_dict({**body.config.to_dict(), "image_size": SIZE})
    vision = ResNetModel(config)
    vision.load_state_dict(body.state_dict())
    return vision, JointHeads(visual=config.hidden_sizes[-1], dim=DIM)


@dataclass(frozen=True)
class Batch:
    """Pictures of a step, scenes first, and the texts that the scenes are compared with."""

    pictures: Float[Tensor, "image 3 size size"]
    labels: Int[Tensor, "image head"]
    """Of the judge's heads."""
    shown: Int[Tensor, "scene attribute"]
    asked: Asked
    own: Int[Tensor, " scene"]
    """Which of the pairs of captions is each scene's own."""

    def to(self, device: str) -> "Batch":
        """The same on another device."""
        return Batch(**{name: value.to(device) for name, value in vars(self).items()})


def draw_batch(scenes: Shown, drawn: Shown, texts: Texts, plan: Plan, step: int) -> Batch:
    """This process's pictures of a step, disturbed; a third of them is drawn.

    It depends on the seed, the step and the process only.
    """
    rng = np.random.default_rng((plan.seed, step))
    part, parts = worker()
    from_drawn = round(plan.batch * DRAWN_SHARE)
    rows = rng.choice(len(scenes.pictures), plan.batch - from_drawn, replace=False)
    numbers = rng.integers(CAPTIONS, size=len(rows))
    claimed = rng.choice(len(texts.claimed), CLAIMS_AT_ONCE, replace=False)
    of_all = rng.choice(len(drawn.pictures), from_drawn)
    mine = range(part, len(rows), parts)
    made = [scenes.under(int(rows[n]), texts.finishes[rows[n]][numbers[n]]) for n in mine]
    more, labels = of_drawn(drawn, of_all[part::parts])
    pictures = [picture for picture, _ in made] + more
    return Batch(
        disturbed(pictures, np.random.default_rng((plan.seed, step, part))),
        torch.tensor([labels_of(named) for _, named in made] + labels),
        torch.tensor([said_of(named) for _, named in made]),
        texts.ask(rows * CAPTIONS + numbers, claimed),
        torch.tensor(list(mine)),
    )


class Told(nn.Module):
    """What is trained beside the encoder and left behind: heads that name what the judge names."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList([nn.Linear(width, len(values)) for values in HEADS.values()])

    def loss(
        self, seen: Float[Tensor, "image width"], labels: Int[Tensor, "image head"]
    ) -> Float[Tensor, ""]:
        """Sum over the heads of the cross entropy, where what is shown is known."""
        losses = [
            F.cross_entropy(head(seen), labels[:, place], ignore_index=UNKNOWN_LABEL)
            for place, head in enumerate(self.heads)
        ]
        return torch.stack(losses).sum()


def train_encoder(
    scenes: Shown, drawn: Shown, texts: Texts, plan: Plan, body: ResNetModel
) -> tuple[ResNetModel, JointHeads]:
    """Trains, or goes on training, a tower and its maps; returns them in evaluation mode."""
    vision, heads = make_encoder(body, plan.seed)
    told, naming = Told(heads.visual), Naming()
    model = nn.ModuleList([vision, heads, told, naming])
    nn.Module.to(model, device=plan.device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    model.train()

    def loss_of(step: int) -> Tensor:
        batch = draw_batch(scenes, drawn, texts, plan, step).to(plan.device)
        with precision(plan.device):
            seen = pooled(vision, batch.pictures).float()
            of_scenes = seen[: len(batch.shown)]
            loss = joint_loss(heads, naming, of_scenes, batch.shown, batch.asked, batch.own)
        return loss + NAMING * told.loss(seen, batch.labels)

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


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scenes", type=Path, default=SCENES, help="folder of rendered scenes")
    parser.add_argument("--out", type=Path, default=WEIGHTS / "encoder")
    parser.add_argument("--steps", type=int, default=2500, help="of tower and maps")
    parser.add_argument(
        "--heads-steps", type=int, default=3000, help="of the maps alone, at the end"
    )
    parser.add_argument(
        "--concepts-only",
        action="store_true",
        help="keep tower and maps that lie in --out, and make anew what builds on them; the second "
        "eye is kept, too, unless there is a new one",
    )
    parser.add_argument("--rate", type=float, default=1e-3, help="of learning, at its peak")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    return parser.parse_args()


def train_all(
    args: argparse.Namespace, scenes: Shown, drawn: Shown, texts: Texts
) -> tuple[ResNetModel, JointHeads]:
    """Trains tower and maps, then the maps alone."""
    plan = Plan(
        BUILD / "encoder.pt",
        steps=args.steps,
        rate=args.rate,
        batch=64,
        seed=args.seed,
        weight_decay=0.05,
        device=pick_device(args.device),
    )
    body = load_classifier("tower").body
    vision, heads = train_encoder(scenes, drawn, texts, plan, body)
    plan = replace(
        plan,
        checkpoint=BUILD / "encoder-heads.pt",
        steps=args.heads_steps,
        rate=HEADS_RATE,
        batch=HEADS_BATCH,
        device="cpu",
    )
    seen = see(vision.cpu(), scenes, texts, args.seed)
    return vision, train_heads(heads.cpu(), seen, texts, plan).eval()


@torch.inference_mode()
def second_eye(
    known: Classifier, shown: Iterable[Float[Tensor, "picture 3 size size"]]
) -> SecondEye:
    """What a classifier finds of every attribute, standardised on pictures that it trained on."""
    eye = SecondEye(known.body, [len(values) for values in HEADS.values()]).eval()
    heads = [cast(nn.Linear, known.heads[name]) for name in HEADS]
    eye.heads.weight.copy_(torch.cat([head.weight for head in heads]))
    eye.heads.bias.copy_(torch.cat([head.bias for head in heads]))
    return eye.standardised(torch.cat([eye(part) for part in shown]))


def main() -> None:
    """Trains the encoder, writes its weights in 16 bit, and measures it on held-out scenes."""
    args = _arguments()
    role = replace(ROLES["tower"], drawn=0) if args.concepts_only else ROLES["tower"]
    scenes, drawn = material_of(role, args.scenes)
    texts = embed_texts(scenes.attributes, args.seed, BUILD)
    if drawn is None:
        vision, heads = load_tower_and_maps(args.out, torch.device("cpu"))
    else:
        vision, heads = train_all(args, scenes, drawn, texts)
    if worker()[0]:
        return
    held_out = held_out_scenes(args.scenes)
    looked = look(vision, heads, held_out)
    concepts = concepts_of(vision, heads, texts, scenes, looked)
    evidence = make_evidence(heads, concepts, texts, looked[1], args.seed)
    shown = list(some_of(scenes, texts))
    if args.concepts_only and not folder_of("second").is_dir():
        second = load_second_eye(args.out, torch.device("cpu"))
    else:
        second = second_eye(load_classifier("second"), shown)
    sight = Sight(vision, heads, concepts, second)
    both = products_of(sight, shown)
    save_miniature_encoder(args.out, sight, both, evidence, reader=READER, dtype=torch.float16)
    figures = measure(MiniatureEncoder(args.out), held_out.pictures, held_out.attributes)
    (args.out / FIGURES).write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
