"""What a proposer is asked, and the drafts that its answers become; pure.

    requests = asker.requests(searcher.ask(), tried, iteration=1)
    drafts = drafts_of(record, first_number=1)

The one rule that is not obvious: the edits that went best and worst are told to every request,
whatever its parent, because what helped one candidate often helps another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import prompts
from agent.cards import TasteCard
from agent.config import Stray
from agent.judge import MINIATURES, Draft
from agent.proposer import Known, ProposalRequest, Tried, strongest
from agent.records import INITIAL_ID, ProposalRecord
from agent.search.base import Expansion
from agent.search.beam import id_order
from agent.seeds import derive_seed
from agent.trajectory import Axis, Candidate
from scorer.base import Leans, Scorer
from scorer.profile import UserProfile

AXES: tuple[Axis, ...] = get_args(Axis)
LEANINGS_TOLD = 8
"""Of what the scorer expects beforehand, how much the record says."""
TOLD = 4
"""How many of the best and of the worst edits a proposer hears of."""


def tried_edits(candidates: Mapping[str, Candidate]) -> list[Tried]:
    """The edits with what came of them, best gain first."""
    tried: list[tuple[Tried, str]] = []
    for candidate in candidates.values():
        parent = candidates.get(candidate.parent or "")
        if candidate.edit is None or candidate.score is None or parent is None:
            continue
        gain = candidate.score - (parent.score or 0.0)
        edit = candidate.edit.model_dump()
        tried.append((Tried(**edit, score=candidate.score, gain=gain), candidate.id))
    tried.sort(key=lambda pair: (-pair[0].gain, id_order(pair[1])))
    return [edit for edit, _ in tried]


def known_of(card: TasteCard | None) -> tuple[Known, ...]:
    """What a card says, the surest first."""
    if card is None:
        return ()
    effects = sorted(card.effects, key=lambda e: e.high - e.low - 2 * abs(e.effect))
    return tuple(
        Known(axis=e.axis, name=e.name, effect=e.effect, low=e.low, high=e.high) for e in effects
    )


@dataclass(frozen=True)
class Asker:
    """For whom edits are wanted, and of what; the same for the whole run."""

    user: UserProfile
    prompt: str
    """The user's own."""
    seed: int
    values: tuple[str, ...] = ()
    """The catalogue's values that the renderer can draw, by name; empty means any."""
    stray: str = ""
    """How far edits may leave the user's words, in a sentence."""
    card: TasteCard | None = None
    """What earlier runs have shown."""
    leanings: Mapping[str, float] = field(default_factory=dict)
    """What the scorer expects of the catalogue's values, by name."""
    pictures: Path | None = None
    """The folder that the paths of pictures begin at, where parents' pictures are shown."""

    def requests(
        self, expansions: Sequence[Expansion], tried: Mapping[str, Candidate], *, iteration: int
    ) -> list[ProposalRequest]:
        """One request an expansion, in their order."""
        edits = tried_edits(tried)
        best = tuple(edit for edit in edits[:TOLD] if edit.gain > 0)
        worst = tuple(edit for edit in reversed(edits[-TOLD:]) if edit.gain < 0)
        known, first = known_of(self.card), tried[INITIAL_ID]
        texts = dict.fromkeys(tried[name].prompt for name in sorted(tried, key=id_order))
        return [
            ProposalRequest(
                candidate_id=expansion.parent,
                iteration=iteration,
                user_prompt=self.prompt,
                began_with=first.prompt if first.prompt != self.prompt else None,
                parent_prompt=tried[expansion.parent].prompt,
                parent_score=tried[expansion.parent].score,
                first_score=first.score,
                likes=self.user.likes,
                dislikes=self.user.dislikes,
                notes=self.user.notes,
                known=known,
                spread=self.card.spread if self.card is not None else 0.0,
                leanings=dict(self.leanings),
                best_edits=best,
                worst_edits=worst,
                tried=tuple(edits),
                tried_prompts=tuple(texts),
                axes=AXES,
                values=self.values,
                stray=self.stray,
                count=expansion.count,
                seed=derive_seed(self.seed, "propose", iteration, expansion.parent),
                picture=self._picture(tried[expansion.parent]),
            )
            for expansion in expansions
        ]

    def _picture(self, parent: Candidate) -> Path | None:
        """The parent's picture on the first of its seeds."""
        if self.pictures is None or not parent.images:
            return None
        return self.pictures / parent.images[0].path


def drawable_values(renderer: str) -> tuple[str, ...]:
    """The catalogue's values that a renderer spec is known to be limited to; empty means any."""
    from prompts.catalogue import load_catalogue

    kind = renderer.partition(":")[0]
    return load_catalogue().vocabulary("miniature" if kind in MINIATURES else kind)


def leanings_of(
    scorer: Scorer, prompt: str, user: UserProfile, values: Sequence[str]
) -> dict[str, float]:
    """What a scorer expects of the values that can be drawn; nothing of one that can't say."""
    return scorer.leanings(prompt, user, phrases_of(values)) if isinstance(scorer, Leans) else {}


def leanings_told(leanings: Mapping[str, float]) -> str:
    """The strongest of them in words, the most liked first."""
    told = strongest(leanings, LEANINGS_TOLD)
    ordered = sorted(told, key=lambda name: -leanings[name])
    listed = ", ".join(f"{name} {leanings[name]:+.2f}" for name in ordered)
    return f"expected before anything was drawn, in standard deviations of the score: {listed}"


def phrases_of(values: Sequence[str]) -> dict[str, dict[str, tuple[str, ...]]]:
    """By axis and name, the phrases of the catalogue's values that can be drawn."""
    from prompts.catalogue import load_catalogue

    words: dict[str, dict[str, tuple[str, ...]]] = {}
    for value in load_catalogue().values:
        if not values or value.name in values:
            words.setdefault(value.axis, {})[value.name] = value.phrases
    return words


def stray_rule(level: Stray) -> str:
    """What a proposer is told of `--stray`."""
    return prompts.load(f"stray_{level}")


def candidate_id(number: int) -> str:
    """`c0000` is the user's own prompt, the rest are numbered as they come."""
    return f"c{number:04d}"


def drafts_of(record: ProposalRecord, first_number: int) -> list[Draft]:
    """The proposed prompts, numbered in order: parent by parent, edit by edit."""
    edits = [
        (parent, edit)
        for parent, answer in zip(record.parents, record.answers, strict=True)
        for edit in answer.edits
    ]
    return [
        Draft(candidate_id(first_number + n), parent, record.iteration, edit.prompt, edit)
        for n, (parent, edit) in enumerate(edits)
    ]
