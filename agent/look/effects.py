"""What each edit of a run brought: the mean gain over its parents, by axis and by value.

    for effect in effects_of(Family(run)):
        effect.axis, effect.name, effect.mean, effect.ci95, len(effect.gains)

A value is known by its name in the catalogue where the new words speak of one, so that what a
language model says in its own words counts beside what the catalogue says; else by the edit's own
instruction. The one rule that is not obvious: these are plain means of what was observed. Parents
were chosen for their score, so the mean of few gains is pessimistic; `agent.look.card` allows for
that.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean

from agent.gain import paired_interval
from agent.lm.wording import mentioned
from agent.look.family import Family
from agent.trajectory import Candidate
from prompts.catalogue import load_catalogue

FREE = "free"


@dataclass(frozen=True, order=True)
class Worth:
    """One thing that a picture can be changed to."""

    axis: str
    name: str


@dataclass(frozen=True)
class Effect:
    """What came of an axis, or of one value on it."""

    axis: str
    name: str | None
    """None for the whole axis."""
    gains: tuple[float, ...]
    """Score less the parent's, on the same seeds; one an edit that was scored."""
    tried: int
    """The unscored ones too."""
    best: str
    """Id of the candidate that it brought most."""

    @property
    def mean(self) -> float | None:
        """The mean gain."""
        return fmean(self.gains) if self.gains else None

    @property
    def ci95(self) -> tuple[float, float] | None:
        """The 95 % t-interval of the mean; None with fewer than two gains."""
        return paired_interval(self.gains)


def parts_of(prompt: str) -> list[str]:
    """What stands between the commas."""
    return [part for part in (" ".join(piece.split()) for piece in prompt.split(",")) if part]


def new_values(candidate: Candidate, parent: Candidate) -> tuple[Worth, ...]:
    """What the edit put in; at least one thing for any edit."""
    if candidate.edit is None:
        return ()
    before = set(parts_of(parent.prompt))
    fresh = ", ".join(part for part in parts_of(candidate.prompt) if part not in before)
    axis = candidate.edit.axis
    fitting = tuple(worth for worth in named_in(fresh) if axis in (FREE, worth.axis))
    if fitting:
        return fitting
    return (Worth(axis, " ".join(candidate.edit.instruction.split()) or "no instruction"),)


@lru_cache(maxsize=4096)
def named_in(text: str) -> tuple[Worth, ...]:
    """The values of the catalogue that a text speaks of; edits of a run are much alike."""
    catalogue = load_catalogue()
    names = mentioned(text, catalogue)
    return tuple(sorted(Worth(catalogue.value(name).axis, name) for name in names))


def label(worths: Iterable[Worth]) -> str:
    """Several values as one name."""
    return " + ".join(worth.name for worth in worths)


def effects_of(family: Family) -> list[Effect]:
    """By axis and by value, the best mean first; those that were never scored at the end."""
    groups: dict[tuple[str, str | None], list[Candidate]] = defaultdict(list)
    for candidate in family.run.candidates:
        parent = family.parent(candidate)
        if parent is None or candidate.edit is None:
            continue
        axis = candidate.edit.axis
        groups[axis, None].append(candidate)
        groups[axis, label(new_values(candidate, parent))].append(candidate)
    effects = [_effect(family, axis, name, tried) for (axis, name), tried in groups.items()]
    return sorted(effects, key=lambda e: (e.mean is None, -(e.mean or 0.0), e.axis, e.name or ""))


def _effect(family: Family, axis: str, name: str | None, tried: list[Candidate]) -> Effect:
    gains = [(gain, c.id) for c in tried if (gain := family.gain(c)) is not None]
    best = max(gains, key=lambda pair: pair[0])[1] if gains else tried[0].id
    return Effect(axis, name, tuple(gain for gain, _ in gains), len(tried), best)
