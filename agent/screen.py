"""What becomes of drafts before anything is drawn: shortened, turned away, or let through.

    rules = Rules(OwnWords("a mossy rock", embed_spans), "medium", renderer.unread)
    screened = screen(drafts, tried, recorded, rules)
    screened.fresh              # to be drawn
    screened.undrawn            # pruned and rejected candidates, which cost no picture

The one rule that is not obvious: what a resumed run has recorded of a draft is not judged again.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from agent.config import Stray
from agent.fitting import Fit, fitted
from agent.judge import Draft, pruned, refused, same_prompt
from agent.stray import OwnWords, strays
from agent.trajectory import Candidate

SHOWN = 80
"""Characters of what would be lost that are quoted."""


@dataclass(frozen=True)
class Rules:
    """What every edit of a run is held to."""

    own: OwnWords
    level: Stray
    unread: Callable[[str], str]
    """The end of a prompt that the renderer does not read."""


@dataclass(frozen=True)
class Screened:
    """Drafts, sorted."""

    fresh: tuple[Draft, ...]
    undrawn: tuple[Candidate, ...]
    shortened: Mapping[str, str]
    """By id, what was taken out of a prompt so that the renderer reads the rest."""


def screen(
    drafts: Iterable[Draft],
    tried: Mapping[str, Candidate],
    recorded: Mapping[str, Candidate],
    rules: Rules,
) -> Screened:
    """Sorts the drafts of an iteration.

    Args:
        drafts: In the order of their ids.
        tried: All candidates of earlier iterations.
        recorded: What was written of this run, of drafts too if it was resumed.
        rules: What they are held to.
    """
    known = {same_prompt(c.prompt): c.id for c in tried.values() if c.status != "pruned"}
    fresh: list[Draft] = []
    undrawn: list[Candidate] = []
    shortened: dict[str, str] = {}
    for given in drafts:
        fit = _fit(given, tried, rules)
        draft = _refitted(given, fit)
        twin = known.setdefault(same_prompt(draft.prompt), draft.id)
        turned_away = (
            pruned(draft, twin) if twin != draft.id else _refusal(draft, fit, recorded, rules)
        )
        if turned_away is not None:
            undrawn.append(turned_away)
            continue
        fresh.append(draft)
        if fit.dropped:
            shortened[draft.id] = ", ".join(fit.dropped)
    return Screened(tuple(fresh), tuple(undrawn), shortened)


def _fit(draft: Draft, tried: Mapping[str, Candidate], rules: Rules) -> Fit:
    parent = tried[draft.parent].prompt if draft.parent is not None else rules.own.prompt
    return fitted(draft.prompt, parent=parent, user=rules.own.prompt, unread=rules.unread)


def _refitted(draft: Draft, fit: Fit) -> Draft:
    if not fit.dropped:
        return draft
    edit = draft.edit and draft.edit.model_copy(update={"prompt": fit.prompt})
    return replace(draft, prompt=fit.prompt, edit=edit)


def _refusal(
    draft: Draft, fit: Fit, recorded: Mapping[str, Candidate], rules: Rules
) -> Candidate | None:
    """The draft as a rejected candidate, or None if it may be drawn."""
    before = recorded.get(draft.id)
    if before is not None:
        return before if before.status == "rejected" and not before.images else None
    if fit.lost:
        return refused(draft, _loss(fit.lost, own_is_cut=bool(rules.unread(rules.own.prompt))))
    left = strays(rules.own, draft.prompt, rules.level)
    return left and refused(draft, left.message(), {left.figure: left.value})


def _loss(lost: str, *, own_is_cut: bool) -> str:
    shown = lost if len(lost) <= SHOWN else f"{lost[:SHOWN]}…"
    advice = ": shorten your prompt" if own_is_cut else ""
    return f"the renderer would not read {shown!r}{advice}"
