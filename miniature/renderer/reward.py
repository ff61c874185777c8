"""Teaches the diffusion model to be obeyed: classifiers say whether its pictures show the caption.

    torchrun --nproc-per-node 2 -m -- miniature.renderer.reward --fused

Direct reward fine-tuning (Clark et al. 2024, arXiv 2309.17400): a picture is drawn as it will be
drawn, in all steps of the sampler, decoded, moved about and shown to classifiers, and what they
miss of the caption is followed back through every step into the transformer. Its own weights of
before hold it near what it drew then. Which classifiers, and why the judge is none of them:
docs/decisions/0034-a-reward-for-being-obeyed.md.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderTiny, PixArtTransformer2DModel
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from miniature import WEIGHTS
from miniature.attributes import sample
from miniature.augment import disturb
from miniature.captions import SAYABLE, commonly, evenly, pair
from miniature.classifier import HEADS, UNKNOWN, Classifier, load_classifier
from miniature.finish import draw_finish
from miniature.renderer.__main__ import DISTILLED, FOLDER, digest_of
from miniature.renderer.autoencoder import CHANNELS
from miniature.renderer.distil import student_of
from miniature.renderer.export import (
    INDEX,
    STEPS,
    export_pipeline,
    load_parts,
    make_scheduler,
)
from miniature.renderer.transformer import LATENT_SIDE, velocity
from miniature.training import Plan, fit, pick_device, precision, wait_for_all, worker
from scorer.files import written
from scorer.minilm import text_encoder_and_tokenizer

CRITICS = ("perception", "critic")
"""Whom the pictures are shown to; `benchmarks.control` asks the judge, who shares nothing."""
WORTH = {
    "subject": 0.15,
    "environment": 0.1,
    "lighting": 0.2,
    "camera_angle": 0.2,
    "shot": 0.3,
    "palette": 0.15,
    "look": 0.05,
    "viewpoint": 0.05,
    "weather": 0.05,
}
"""What the cross entropy of an attribute counts; the others have `OF_OTHERS`."""
OF_OTHERS = 0.03
GOES_WITHOUT = {"palette": "natural", "look": "photographic", "weather": "clear"}
"""What a caption asks for that says nothing of it; flags have "no"."""
EARLY = 4
"""So many of the sampler's steps decide what is where and in which light; the others, how it is
painted."""
ANCHOR_EARLY, ANCHOR_LATE = 1.0, 4.0
"""Weight of the squared difference from the teacher's velocity, at one early and one late step."""
FOCUS = 2.0
"""The cross entropy counts by (1 - p) to this power, so that what is seen surely enough asks for
nothing more (focal loss, Lin et al. 2017, arXiv 1708.02002)."""
PLAIN_SHARE = 0.2
"""How many captions are in plain words; half of all others are in common, half in any."""
HIDDEN_SHARE = 0.1
"""How many tokens the transformer is not shown, so that it leans on no single word."""
CYCLES = ((3 / 4, 1 / 3), (1.0, 2 / 3))
"""The rate falls to nothing twice: after so much of the training, and with what share the weights
of then are in the mean that ships (stochastic weight averaging, Izmailov et al. 2018, arXiv
1803.05407). The second cycle goes on at the rate of the whole training there, .6 of the peak."""
PADDING = 48
"""Captions are padded to a multiple of so many tokens."""


@dataclass(frozen=True)
class Asked:
    """Captions as the transformer reads them, and what their pictures are to show."""

    tokens: Float[Tensor, "caption token 384"]
    mask: Float[Tensor, "caption token"]
    labels: Int[Tensor, "caption head"]


def wanted_labels(said: tuple[int, ...]) -> list[int]:
    """The index of each attribute's value, in the order of `HEADS`, or `UNKNOWN` if left open."""
    told = dict(zip(SAYABLE, said, strict=True))
    return [_wanted_label(name, values, told[name]) for name, values in HEADS.items()]


def _wanted_label(name: str, values: tuple[str, ...], said: int) -> int:
    if values == ("no", "yes"):
        return said
    if said:
        return values.index(SAYABLE[name][said])
    return values.index(GOES_WITHOUT[name]) if name in GOES_WITHOUT else UNKNOWN


class Captions:
    """Draws captions and reads them.

    Args:
        folder: A pipeline, whose layer of words reads on top of the frozen encoder.
    """

    def __init__(self, folder: Path) -> None:
        self.encoder, self.tokenizer = text_encoder_and_tokenizer(folder)

    @torch.no_grad()
    def ask(self, count: int, rng: np.random.Generator) -> Asked:
        """Captions of scenes of chance, half of them in words that are seldom said."""
        texts, labels = [], []
        for number in range(count):
            told = pair(draw_finish(rng).of(sample(rng)), rng, (commonly, evenly)[number % 2])
            texts.append(told.plain if rng.random() < PLAIN_SHARE else told.other)
            labels.append(wanted_labels(told.said))
        words = self.tokenizer(texts, padding=True, pad_to_multiple_of=PADDING, return_tensors="pt")
        mask = words["attention_mask"].float()
        with precision("cpu"):
            states = self.encoder(**words)[0].float()
        hidden = torch.from_numpy(rng.random(mask.shape) < HIDDEN_SHARE)
        hidden[:, 0] = False
        return Asked(states * mask[..., None], mask.masked_fill(hidden, 0), torch.tensor(labels))


def drawn(
    student: PixArtTransformer2DModel,
    teacher: PixArtTransformer2DModel,
    asked: Asked,
    noise: Float[Tensor, "caption channel rows columns"],
    compared: tuple[int, int],
) -> tuple[Float[Tensor, "caption channel rows columns"], Tensor]:
    """Latents after all steps, and how far the student's velocities are from the teacher's there.

    The latents at which the two are compared are taken as given: no gradient goes back through
    them, or the student would be led to where both happen to agree.

    Args:
        student: Draws; gradients go back to it.
        teacher: What it is compared with.
        asked: Captions.
        noise: To begin with.
        compared: An early and a late step at which both are asked.
    """
    scheduler, latents = make_scheduler(), noise
    scheduler.set_timesteps(STEPS)
    strayed = noise.new_zeros(())
    for step, time in enumerate(scheduler.timesteps):
        at = scheduler.sigmas[step].expand(len(noise)).to(noise.device)
        given = (at, asked.tokens, asked.mask)
        with precision(noise.device.type):
            found = velocity(student, latents, *given)
            if step in compared:
                here = latents.detach()
                near = velocity(student, here, *given)
                with torch.no_grad():
                    known = velocity(teacher, here, *given)
                weight = ANCHOR_EARLY if step < EARLY else ANCHOR_LATE
                strayed = strayed + weight * ((near - known) ** 2).mean()
        latents: Any = scheduler.step(found, time, latents, return_dict=False)[0]
    return latents, strayed


def missed(
    critics: list[Classifier],
    pictures: Float[Tensor, "caption 3 size size"],
    labels: Int[Tensor, "caption head"],
) -> Tensor:
    """Weighted focal loss of what was asked for, the mean over the critics."""
    losses = []
    for critic in critics:
        with precision(pictures.device.type):
            seen = critic(pictures)
        for number, name in enumerate(HEADS):
            known = labels[:, number] != UNKNOWN
            if known.any():
                entropy = F.cross_entropy(
                    seen[name][known].float(), labels[known, number], reduction="none"
                )
                doubt = (1 - (-entropy).exp()) ** FOCUS
                losses.append(WORTH.get(name, OF_OTHERS) * (doubt * entropy).mean())
    return torch.stack(losses).sum() / len(critics)


def train_on_reward(
    parts: tuple[AutoencoderTiny, PixArtTransformer2DModel],
    captions: Captions,
    critics: list[Classifier],
    plan: Plan,
    *,
    fused: bool = False,
) -> PixArtTransformer2DModel:
    """Trains, or goes on training, a copy of the transformer; returns it in evaluation mode.

    Args:
        parts: Autoencoder and transformer of a pipeline with its guidance in its weights.
        captions: What is asked for.
        critics: Who say whether a picture shows it.
        plan: Length, rate, checkpoint, and the seed of captions and noise.
        fused: Whether blocks are compiled.
    """
    autoencoder, teacher = parts
    student = student_of(teacher, plan.device, fused=fused)
    for model in (autoencoder, *critics):
        model.eval().requires_grad_(False)
        nn.Module.to(model, device=plan.device)
    part, parts_in_all = worker()

    def loss_of(step: int) -> Tensor:
        rng = np.random.default_rng((plan.seed, step, part))
        asked = captions.ask(plan.batch // parts_in_all, rng)
        asked = Asked(*(t.to(plan.device) for t in (asked.tokens, asked.mask, asked.labels)))
        shape = (len(asked.mask), CHANNELS, LATENT_SIDE, LATENT_SIDE)
        noise = torch.from_numpy(rng.standard_normal(shape, np.float32)).to(plan.device)
        compared = (int(rng.integers(EARLY)), int(rng.integers(EARLY, STEPS)))
        latents, strayed = drawn(student, teacher, asked, noise, compared)
        with precision(plan.device):
            decoded = autoencoder.decoder(latents).float().clamp(-1, 1)
        shown = disturb(decoded, rng)
        return missed(critics, shown, asked.labels) + strayed

    fit(student, loss_of, plan, "reward")
    return student


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m miniature.renderer.reward",
        description=__doc__.splitlines()[0] if __doc__ else "",
        epilog="The weights that ship are its --out; it never begins with them unless told to.",
    )
    parser.add_argument(
        "--start", type=Path, default=DISTILLED, help="pipeline folder (default %(default)s)"
    )
    parser.add_argument("--out", type=Path, default=WEIGHTS / "renderer", help="pipeline folder")
    parser.add_argument("--work", type=Path, default=FOLDER, help="folder of checkpoints")
    parser.add_argument("--steps", type=int, default=400, help="of training (default %(default)s)")
    parser.add_argument("--batch", type=int, default=64, help="pictures a step")
    parser.add_argument("--rate", type=float, default=2e-4, help="of learning, at its peak")
    parser.add_argument("--fused", action="store_true", help="compile the transformer's blocks")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    return parser.parse_args()


def train_in_cycles(
    train: Callable[[Plan], PixArtTransformer2DModel], plan: Plan
) -> PixArtTransformer2DModel:
    """The mean of the weights at the ends of the cycles; each goes on from the one before.

    Args:
        train: Trains, or goes on training, as a plan says.
        plan: Of the whole; each cycle has a checkpoint of its own, named by its last step.
    """
    ends: list[PixArtTransformer2DModel] = []
    before = None
    for length, _ in CYCLES:
        steps = round(plan.steps * length)
        own = plan.checkpoint.with_stem(f"{plan.checkpoint.stem}-{steps}")
        if before is not None and not own.is_file() and worker()[0] == 0:
            with written(own) as stream:
                stream.write(before.read_bytes())
        wait_for_all()
        ends.append(train(replace(plan, checkpoint=own, steps=steps)).cpu())
        before = own
    shares = [(share, end.state_dict()) for (_, share), end in zip(CYCLES, ends, strict=True)]
    mean = {name: sum(share * state[name] for share, state in shares) for name in shares[0][1]}
    ends[-1].load_state_dict(mean)
    return ends[-1].eval()


def main() -> None:
    """Trains from one pipeline folder into another."""
    args = _arguments()
    if not (args.start / INDEX).is_file():
        raise SystemExit(
            f"no pipeline in {str(args.start)!r}: train one with `python -m miniature.renderer`"
        )
    captions, critics = Captions(args.start), [load_classifier(role) for role in CRITICS]
    layer = captions.encoder.encoder.layer[-1]
    known = [digest_of(model) for model in (layer, *critics)]
    autoencoder, teacher = load_parts(args.start)
    origin = digest_of(teacher, known, args.batch, args.rate, args.seed, args.steps, CYCLES)
    plan = Plan(
        args.work / f"reward-{origin}.pt",
        args.steps,
        rate=args.rate,
        batch=args.batch,
        seed=args.seed,
        device=pick_device(args.device),
        weight_decay=0.0,
        warmup=20,
        every=50,
    )

    def train(own: Plan) -> PixArtTransformer2DModel:
        parts = autoencoder, load_parts(args.start)[1]
        return train_on_reward(parts, captions, critics, own, fused=args.fused)

    student = train_in_cycles(train, plan)
    if worker()[0] == 0:
        export_pipeline(autoencoder.cpu(), student, layer, args.out)


if __name__ == "__main__":
    main()
