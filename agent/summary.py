"""What a run came to, in words: the headline, the best prompt with its edits marked, the tree.

    for line in closing(trajectory, Path("runs") / trajectory.id, colourful=False):
        console.print(line)

The one rule that is not obvious: everything here is a `rich.text.Text` made of `printable` text,
never markup, because prompts and edits come from people and models.
"""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree

from agent.gain import paired_differences
from agent.look.family import Family
from agent.names import REPORT
from agent.standings import Figure
from agent.text import brief, marked, printable, without_the_middle, word_diff
from agent.trajectory import Candidate, Event, Trajectory

if TYPE_CHECKING:
    from agent.cards import TasteCard

STYLES = {"same": "", "added": "bold green", "removed": "red strike"}
WIDEST_NAME = 48
DEEPEST = 20
"""Levels of the tree that are told apart; a terminal has no room for more."""
ON_THE_SCALE = ("pamela", "average")
"""Scorers whose points are those of the rating scale."""


def signed(value: float) -> str:
    """`+0.42`."""
    return f"{value:+z.2f}"


def figure_text(figure: Figure | None) -> str:
    """`+0.42 [0.10, 0.74]`; a dash where nothing is known."""
    if figure is None:
        return "–"
    if figure.ci95 is None:
        return signed(figure.mean)
    low, high = figure.ci95
    return f"{signed(figure.mean)} [{low:z.2f}, {high:z.2f}]"


def headline(run: Trajectory) -> str:
    """The gain in one honest sentence."""
    if run.status == "running":
        return _so_far(run)
    if len(run.candidates) == 1:
        return f"no edit was tried, so nothing is known of the gain{_why_none(run)}"
    if run.initial is None or run.best is None or run.gain.search is None:
        return "nothing is known of the gain: the first prompt has no score"
    if run.best.id == run.initial.id:
        stays = "no edit was predicted to be liked more: the first prompt stays the best"
        return stays + _all_rejected(run)
    personal = run.config.scorer.partition(":")[0] in ON_THE_SCALE
    what = "predicted liking" if personal else f"score of {printable(run.config.scorer)}"
    scale = " on a scale of 1 to 5" if personal else ""
    if run.gain.heldout is None:
        return (
            f"{what} {signed(run.gain.search)}{scale}, on the seeds of the search only "
            f"(optimistic: the search chose by them)"
        )
    return f"{what} {_heldout_in_words(run, scale)}"


def _so_far(run: Trajectory) -> str:
    """What is known before anything is decided."""
    if run.best is None or run.initial is None or run.best.id == run.initial.id:
        return "not decided yet: no edit is ahead of the first prompt so far"
    if run.gain.search is None:
        return "not decided yet"
    return (
        f"not decided yet: the best so far is ahead by {signed(run.gain.search)}, on the seeds of "
        f"the search only"
    )


def event_line(event: Event) -> str:
    """An event for people."""
    return f"{event.type.replace('_', ' ')}: {event.message}"


def event_style(event: Event) -> str:
    """How an event looks in a terminal."""
    return "yellow" if event.is_trouble else ""


def _why_none(run: Trajectory) -> str:
    """What kept the search from trying anything, as far as it was recorded."""
    reasons = [e.message for e in run.events if e.type in ("limit", "proposal_failed")]
    return f" ({printable(reasons[-1])})" if reasons else ""


def _all_rejected(run: Trajectory) -> str:
    """Says so where nothing came of any edit, with the last reason."""
    edits = [candidate for candidate in run.candidates if candidate.parent is not None]
    reasons = [edit.error for edit in edits if edit.status == "rejected" and edit.error]
    if not reasons or any(edit.status == "scored" for edit in edits):
        return ""
    return f" ({len(reasons)} of {len(edits)} edits were rejected: {printable(reasons[-1])})"


def _heldout_in_words(run: Trajectory, scale: str) -> str:
    assert run.initial is not None and run.best is not None and run.gain.heldout is not None  # noqa: S101, PT018  the caller has looked
    pairs = len(paired_differences(run.initial.id, run.best.id, run.heldout))
    seeds = f"on {pairs} held-out seed{'s' if pairs != 1 else ''}"
    if run.gain.heldout_ci95 is None:
        return f"{signed(run.gain.heldout)}{scale}, {seeds} (too few for an interval)"
    low, high = run.gain.heldout_ci95
    sentence = f"{signed(run.gain.heldout)} [{low:z.2f}, {high:z.2f}]{scale}, {seeds}"
    if low <= 0 <= high:
        sentence += ": the interval covers zero, so there may be no gain"
    return sentence


def diff_text(before: str, after: str, *, colourful: bool, whole: bool = True) -> Text:
    """The new prompt with its changes marked, by colour or by brackets.

    Args:
        before: The prompt before it.
        after: The new one.
        colourful: Whether colours mark it.
        whole: Whether long stretches that stayed the same are shown, too.
    """
    pieces = word_diff(before, after)
    if not whole:
        pieces = without_the_middle(pieces)
    if not colourful:
        return Text(printable(marked(pieces)))
    return Text.assemble(*((printable(piece.text), STYLES[piece.change]) for piece in pieces))


def closing(run: Trajectory, folder: Path | None, *, colourful: bool) -> Iterator[Text]:
    """The end of a run, line by line."""
    if run.best is not None:
        yield Text.assemble(("Best prompt  ", "bold"), printable(run.best.prompt))
        if run.best.parent is not None:
            yield Text("Edits marked ").append_text(
                diff_text(run.prompt, run.best.prompt, colourful=colourful, whole=False)
            )
        yield from _edits(run, run.best)
    if run.status == "done":
        yield Text.assemble(("Gain         ", "bold"), headline(run))
    else:
        yield Text.assemble(("Status       ", "bold"), f"{run.status}, the gain is not measured")
    yield from _stepped_in(run)
    if folder is not None:
        yield Text.assemble(("Pictures     ", "bold"), printable(str(folder / "images")))
        yield from _commands(run, folder)


def _edits(run: Trajectory, best: Candidate) -> Iterator[Text]:
    """The edits that led to the best prompt, and which of them later ones took back."""
    before = run.prompt
    for step in Family(run).lineage(best):
        if step.edit is not None:
            pieces = word_diff(before, step.prompt)
            added = [words for p in pieces if p.change == "added" and (words := p.text.strip(" ,"))]
            left = not added or any(words in best.prompt for words in added)
            since = "" if left else " (replaced since)"
            yield Text(f"  {step.edit.axis}: {printable(step.edit.instruction)}{since}")
        before = step.prompt


def _stepped_in(run: Trajectory) -> Iterator[Text]:
    """How often the language model was of no use, if it ever was."""
    times = sum(event.type == "fallback" for event in run.events)
    if times:
        often = "once" if times == 1 else f"{times} times"
        model = printable(run.config.llm)
        yield Text.assemble(("Stepped in   ", "bold"), f"the catalogue, {often}, for {model}")


def _commands(run: Trajectory, folder: Path) -> Iterator[Text]:
    where = printable(shlex.quote(str(folder)))
    if run.best is not None:
        yield Text.assemble(("Best picture ", "bold"), printable(str(folder / "best.png")))
    if (folder / REPORT).is_file():
        yield Text.assemble(("Report       ", "bold"), printable(str(folder / REPORT)))
    if run.status in ("interrupted", "failed"):
        yield Text.assemble(("Go on        ", "bold"), f"pamela-agent run --resume {where}")
    yield Text.assemble(("Look again   ", "bold"), f"pamela-agent show {where}")


def card_lines(card: "TasteCard") -> Iterator[Text]:
    """A taste card, a line a value: what is surely liked or disliked is coloured."""
    if not card.effects:
        yield Text("too few scored prompts to say anything")
        return
    width = max(len(printable(effect.name)) for effect in card.effects)
    for effect in card.effects:
        style = ("bold green" if effect.effect > 0 else "bold red") if effect.is_sure else "dim"
        figures = f"{signed(effect.effect)} [{signed(effect.low)}, {signed(effect.high)}]"
        name = printable(effect.name).ljust(min(width, WIDEST_NAME))
        times = f"tried {effect.tried} time{'s' if effect.tried > 1 else ''}"
        yield Text.assemble(f"  {effect.axis:<12} {name}  ", (figures, style), f"  {times}")


def heading(run: Trajectory) -> Iterator[Text]:
    """Whose run it is and what it worked with."""
    config, usage = run.config, run.usage
    for name, value in (
        ("Run", f"{run.id} ({run.status})"),
        ("Person", run.user_id),
        ("Prompt", run.prompt),
        *([("Your words", config.keep)] if config.keep is not None else []),
        *([("Began from", run.origin.in_words)] if run.origin is not None else []),
        ("Models", f"llm {config.llm}, renderer {config.renderer}, scorer {config.scorer}"),
        (
            "Search",
            f"beam width {config.beam_width}, branching {config.branching}, "
            f"{config.iterations} iterations, {config.seeds} seeds, seed {config.seed}",
        ),
        (
            "Used",
            f"{usage.renders} pictures, {_asked(run)}{usage.seconds.total:.1f} s "
            f"({usage.seconds.overhead:.1f} s beside the models)",
        ),
    ):
        yield Text.assemble((f"{name:<12} ", "bold"), printable(value))
    for event in run.events:
        line = f"{event_line(event)} (iteration {event.iteration})"
        yield Text(printable(line), event_style(event))


def _asked(run: Trajectory) -> str:
    """What the language model was asked and cost, if there is one."""
    if run.config.llm == "catalogue":
        return ""
    usage = run.usage
    return f"{usage.llm_calls} calls of the language model, {usage.cost_usd:.4g} US dollars, "


def tree(run: Trajectory, *, colourful: bool = False) -> RenderableType:
    """All candidates under their parents, each with its score and what its edit changed."""
    family = Family(run)
    if not run.candidates:
        return Text("nothing was tried")
    root = Tree("", hide_root=True)
    branches = [root]
    for depth, candidate in family.depth_first():
        label = _label(family, candidate, colourful=colourful)
        level = min(depth, DEEPEST)
        del branches[level + 1 :]
        branches.append(branches[level].add(label))
    return root


def _label(family: Family, candidate: Candidate, *, colourful: bool) -> Text:
    run, parent = family.run, family.parent(candidate)
    is_best = run.best is not None and candidate.id == run.best.id
    label = Text.assemble(
        (printable(candidate.id), "bold"), "  ", (_verdict(family, candidate), "cyan")
    )
    if candidate.edit is not None:
        label.append(f"  {candidate.edit.axis}: {printable(candidate.edit.instruction)}")
    if is_best:
        label.append("  best", "bold green")
    elif candidate.id in family.ever_kept:
        label.append("  kept", "green")
    if candidate.score is not None and (why := family.why(candidate)):
        label.append(f"  {why}", "yellow")
    if candidate.error is not None:
        label.append(f"\n{printable(candidate.error)}", "yellow")
    label.append("\n")
    if parent is None:
        return label.append(printable(brief(candidate.prompt)))
    return label.append_text(
        diff_text(parent.prompt, candidate.prompt, colourful=colourful, whole=False)
    )


def _verdict(family: Family, candidate: Candidate) -> str:
    run = family.run
    if candidate.score is None:
        return family.why(candidate)
    words = [f"{candidate.score:.3f}"]
    if run.initial is not None and run.initial.score is not None and candidate.parent is not None:
        words.append(f"({signed(candidate.score - run.initial.score)})")
    names: Sequence[str] = ("adherence", "saturation", "sharpness")
    words += [f"{n} {candidate.scores[n]:.2f}" for n in names if n in candidate.scores]
    return " ".join(words)
