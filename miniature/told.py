"""What the image-text encoder compares pictures with: captions, and single phrases as claims.

texts = embed_texts(attributes, seed, kept=Path("build"))
asked = texts.ask(captions=np.array([0, 7]), claims=np.array([3]))
loss = joint_loss(heads, naming, seen, shown, asked, own)

Every caption comes with one that is wrong in a single value: against other pictures' captions
alone, which differ in everything, hardly more than the subject has to be read.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Int8
from torch import Tensor, nn
from torch.nn import functional as F

from miniature import WEIGHTS
from miniature.attributes import Attributes
from miniature.captions import SAYABLE, Claim, claims, contrast
from miniature.finish import Finish, draw_finish
from miniature.states import Captions, embed_captions
from miniature.training import wait_for_all, worker
from scorer.miniature_encoder import GATHERED, JointHeads

CAPTIONS = 2
"""Captions embedded beforehand for every scene, each under a finish of its own."""
CLAIMS = 0.2
"""Weight of a single phrase in the loss, beside a caption."""
OWN = 4.0
"""Weight of a picture's own captions, the right one and the wrong one, beside others'."""
RANKED = {"subject": 60.0, "lighting": 30.0}
"""Weight of a right caption's being above wrong ones of other pictures, by what is wrong in them.

What adheres enough is told by a limit that is the same for all pictures and captions.
"""
READER = WEIGHTS / "renderer"
"""Where the layer lies that reads captions (decision 15)."""


@dataclass(frozen=True)
class Asked:
    """The texts of a step: right and wrong captions in turn, then claims."""

    states: Float[Tensor, "text token 384"]
    mask: Float[Tensor, "text token"]
    said: Int[Tensor, "text attribute"]
    captions: int
    """How many pairs of captions there are."""

    def to(self, device: str) -> "Asked":
        """The same on another device."""
        states, mask, said = (t.to(device) for t in (self.states, self.mask, self.said))
        return Asked(states, mask, said, self.captions)


@dataclass(frozen=True)
class Texts:
    """Token states of everything that a picture is compared with."""

    states: Captions
    """Scene by scene its captions, right and wrong in turn; then the claims."""
    said: Int8[np.ndarray, "text attribute"]
    """What they say (`miniature.captions.said_of`)."""
    finishes: list[list[Finish]]
    """Of each scene, the finishes of its captions."""
    claimed: list[Claim]

    @property
    def first_claim(self) -> int:
        """Number of the first text that is a claim."""
        return len(self.said) - len(self.claimed)

    def ask(self, captions: np.ndarray, claims: np.ndarray) -> Asked:
        """Captions, by number of their picture, and claims by theirs."""
        pairs = np.stack([2 * captions, 2 * captions + 1], 1).ravel()
        numbers = np.concatenate([pairs, self.first_claim + claims])
        states, mask = map(torch.from_numpy, self.states.padded(numbers))
        return Asked(states, mask, torch.from_numpy(self.said[numbers]), len(captions))


class Naming(nn.Module):
    """Names what a text says, each attribute from one query; the last value is what never is.

    It is trained along and left behind; what ships learns on the finished maps
    (`miniature.evidence`).
    """

    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.ModuleList([nn.Linear(GATHERED, len(v) + 1) for v in SAYABLE.values()])

    def loss(
        self, gathered: Float[Tensor, "text query gathered"], said: Int[Tensor, "text attribute"]
    ) -> Float[Tensor, ""]:
        """Sum over the attributes of the cross entropy."""
        losses: list[Tensor] = []
        for place, head in enumerate(self.heads):
            logits = head(gathered[:, place])
            named = said[:, place].long() % logits.shape[1]  # -1, what no scene shows, is the last
            losses.append(F.cross_entropy(logits, named))
        return torch.stack(losses).sum()


def true_of(
    said: Int[Tensor, "text attribute"], shown: Int[Tensor, "image attribute"]
) -> Bool[Tensor, "image text"]:
    """Which texts are true of which pictures: those that say nothing that is not shown."""
    return ((said == 0) | (said == shown[:, None])).all(-1)


def sigmoid_losses(
    logits: Float[Tensor, "image text"], true: Bool[Tensor, "image text"]
) -> Float[Tensor, "image text"]:
    """Sigmoid loss for language-image pre-training, where a text may be true of many images."""
    return -F.logsigmoid((2 * true.to(logits.dtype) - 1) * logits)


def ranking_loss(
    logits: Float[Tensor, "image text"], asked: Asked, own: Int[Tensor, " image"]
) -> Float[Tensor, ""]:
    """How far right captions of any picture are from lying above wrong ones of any other."""
    rows = torch.arange(len(own), device=own.device)
    right, wrong = logits[rows, 2 * own], logits[rows, 2 * own + 1]
    differs = asked.said[2 * own] != asked.said[2 * own + 1]
    loss = logits.new_zeros(())
    for name, weight in RANKED.items():
        others = wrong[differs[:, list(SAYABLE).index(name)]]
        if len(others):
            loss = loss + weight * F.softplus(others - right[:, None]).mean()
    return loss


def joint_loss(
    heads: JointHeads,
    naming: Naming,
    seen: Float[Tensor, "image visual"],
    shown: Int[Tensor, "image attribute"],
    asked: Asked,
    own: Int[Tensor, " image"],
) -> Float[Tensor, ""]:
    """What is wrong with the maps of some pictures and texts.

    Args:
        heads: The maps.
        naming: Heads that name what a text says.
        seen: What the tower sees in the pictures.
        shown: What they show.
        asked: The texts.
        own: Which of the pairs of captions is each picture's own.
    """
    gathered = heads.reading.gather(asked.states, asked.mask)
    logits = heads.logits(heads.picture(seen), heads.reading(gathered)).float()
    losses = sigmoid_losses(logits, true_of(asked.said, shown))
    weights = torch.ones_like(losses)
    weights[:, 2 * asked.captions :] = CLAIMS
    rows = torch.arange(len(own), device=own.device)
    weights[rows, 2 * own] = weights[rows, 2 * own + 1] = OWN
    contrast_loss = (weights * losses).sum() / len(losses)
    named = naming.loss(gathered.float(), asked.said)
    return contrast_loss + ranking_loss(logits, asked, own) + named


def embed_texts(attributes: list[Attributes], seed: int, kept: Path) -> Texts:
    """Captions of scenes and all claims, as the sentence encoder and its layer read them.

    The first of several processes reads and keeps them in a folder, the others load it.
    """
    rng = np.random.default_rng(seed)
    finishes = [[draw_finish(rng) for _ in range(CAPTIONS)] for _ in attributes]
    pairs = [
        contrast(finish.of(named), rng)
        for named, own in zip(attributes, finishes, strict=True)
        for finish in own
    ]
    known = claims()
    texts = [text for pair in pairs for text in (pair.right, pair.wrong)]
    texts += [claim.text for claim in known]
    said = [told for pair in pairs for told in (pair.said, pair.said_wrongly)]
    said += [claim.said for claim in known]
    digest = hashlib.sha256("\n".join(texts).encode())
    for file in sorted(READER.glob("text_layers*")):
        digest.update(file.read_bytes())
    name = f"encoder-texts-{digest.hexdigest()[:16]}"
    if worker()[0] == 0 and Captions.load(kept, name) is None:
        embed_captions(texts, READER).save(kept, name)
    wait_for_all()
    states = Captions.load(kept, name)
    if states is None:
        raise RuntimeError(f"no texts in {str(kept)!r}")
    return Texts(states, np.array(said, np.int8), finishes, known)
