"""One candidate of a run in words, line by line.

    for line in closeup(family, candidate, folder, colourful=True):
        console.print(line)

The one rule that is not obvious: text of people and models is shown through `printable`, and a
picture is named by its path only where it lies in the run's folder.
"""

from collections.abc import Iterator
from pathlib import Path

from rich.text import Text

from agent.errors import InputError
from agent.look.family import Family
from agent.look.inside import inside
from agent.names import LINES
from agent.summary import diff_text, signed
from agent.text import printable
from agent.trajectory import Candidate


def find_candidate(family: Family, name: str) -> Candidate:
    """The candidate of that id; `best` and `initial` name theirs, and `12` is `c0012`.

    Raises:
        InputError: there is none, or its line is lost.
    """
    named = {"best": family.run.best, "initial": family.run.initial}
    chosen = family.by_id.get(name) or named.get(name)
    if chosen is None and name.isdecimal() and len(name) < 10:
        chosen = family.by_id.get(f"c{int(name):04d}")
    if chosen is None:
        lost = _lost(family, name)
        if lost is not None:
            raise InputError(
                f"the line of {lost!r} in {LINES} is lost, so it can't be shown: look at what is "
                f"left of the run, or restore {LINES}"
            )
        ids = list(family.by_id)
        known = f"{ids[0]} to {ids[-1]}" if ids else "none"
        raise InputError(
            f"the run {family.run.id!r} has no candidate {name!r}: there are {known}; best and "
            f"initial name two of them"
        )
    return chosen


def _lost(family: Family, name: str) -> str | None:
    """The id of a candidate that the beams speak of and that is not there."""
    beam = family.last_step.beam if family.last_step is not None else ()
    if name == "best":
        return beam[0] if beam and family.run.best is None else None
    return name if name in family.ever_kept else None


def closeup(
    family: Family, candidate: Candidate, folder: Path, *, colourful: bool
) -> Iterator[Text]:
    """What was tried, what it changed, how it was scored, and what became of it."""
    yield _line("Candidate", f"{candidate.id}, iteration {candidate.iteration}")
    yield _line("Prompt", candidate.prompt)
    parent = family.parent(candidate)
    if parent is not None:
        changed = diff_text(parent.prompt, candidate.prompt, colourful=colourful)
        yield _line("Changed", "").append_text(changed)
        yield _line("Made from", f"{parent.id}, {_score(parent)}")
    if candidate.edit is not None:
        yield _line("Edit", f"{candidate.edit.axis}: {candidate.edit.instruction}")
    yield _line("Score", _score(candidate) + _gains(family, candidate))
    for name, value in candidate.scores.items():
        yield _line("", f"{name} {value:.3f}{_beside(family, name)}")
    yield _line("Became", family.fate(candidate))
    children = family.children.get(candidate.id, [])
    if children:
        yield _line("Led to", ", ".join(f"{child.id} ({_score(child)})" for child in children))
    for image in candidate.images:
        place = inside(folder, image.path)
        where = str(folder / image.path) if place is not None else f"{image.path} is missing"
        yield _line("Picture", f"{where} (seed {image.seed})")
    if candidate.seconds:
        spent = ", ".join(f"{stage} {value:.2f}" for stage, value in candidate.seconds.items())
        yield _line("Seconds", spent)


def _line(name: str, value: str) -> Text:
    return Text.assemble((f"{name:<12} ", "bold"), printable(value))


def _score(candidate: Candidate) -> str:
    return candidate.status if candidate.score is None else f"{candidate.score:.3f}"


def _gains(family: Family, candidate: Candidate) -> str:
    gain, beyond = family.gain(candidate), family.beyond_initial(candidate)
    words = [f"{signed(gain)} to its parent"] if gain is not None else []
    words += [f"{signed(beyond)} to the first prompt"] if beyond is not None else []
    return f" ({', '.join(words)})" if words else ""


def _beside(family: Family, name: str) -> str:
    first = family.run.initial
    if first is None or name not in first.scores:
        return ""
    return f" (the first prompt {first.scores[name]:.3f})"
