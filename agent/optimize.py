"""The loop: ask the searcher, have edits proposed, draw and score them, tell the searcher.

    with RunStore.create(folder, header) as store:
        trajectory = optimize(store=store, user=user, parts=parts)

The one rule that is not obvious: the loop never asks whether it is resumed. It always begins at
the beginning; what the store holds already is taken from there instead of being made again.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from agent.asking import (
    Asker,
    drafts_of,
    drawable_values,
    leanings_of,
    leanings_told,
    stray_rule,
)
from agent.builders import Parts, build_searcher
from agent.clock import Clock
from agent.errors import PamelaError, RunError
from agent.gain import honest_gain
from agent.inquiry import Inquirer
from agent.judge import Draft, adherence_floor, unknown_subject
from agent.ledger import Ledger
from agent.limits import plan_budget
from agent.observer import Observer, Silent
from agent.records import INITIAL_ID, Result, trajectory_of, usage_of
from agent.screen import Rules
from agent.search.base import Expansion, Searcher
from agent.secrets import redact
from agent.store import RunStore
from agent.stray import OwnWords
from agent.studio import Studio
from agent.trajectory import Candidate, Event, Gain, Trajectory
from agent.tryout import compare, draw, try_out
from scorer.base import Scorer
from scorer.minilm import embed_spans
from scorer.profile import UserProfile


def optimize(  # noqa: PLR0913 - what a caller may bring, each by its name
    *,
    store: RunStore,
    user: UserProfile,
    parts: Parts,
    searcher: Searcher | None = None,
    observer: Observer | None = None,
    clock: Clock | None = None,
    overlap: bool = True,
) -> Trajectory:
    """Searches for a prompt whose pictures the user is predicted to like more.

    Settings and the user's prompt are those in the store's header. An interrupt goes through to
    the caller; the run can then be resumed.

    Args:
        store: Where the run is kept; what it holds already is not made again.
        user: Whose taste counts.
        parts: What proposes, draws and judges.
        searcher: What decides what to try; a new `BeamSearch` of the settings by default.
        observer: Who is told about it.
        clock: Measures it; a new one by default.
        overlap: Whether hosted models are waited for while pictures are drawn. Off, the run
            takes longer and is the same.

    Raises:
        InputError: `max_renders` does not cover the user's own prompt.
        RunError: the run failed; it is recorded as such, with the reason.
    """
    if store.records.result is not None and store.records.result.status == "done":
        return trajectory_of(store.header, store.records, held=False)
    clock = clock or Clock()
    clock.continue_from(store.records.spent)
    ledger = Ledger(store, observer or Silent(), clock, plan_budget(store.header.config))
    try:
        searcher = searcher or build_searcher(ledger.config)
        return _search(ledger, user, parts, searcher, overlap=overlap)
    except PamelaError as error:
        _fail(ledger, str(error))
        raise
    except Exception as error:
        reason = redact(f"{type(error).__name__}: {error}")
        _fail(ledger, reason)
        raise RunError(f"the run failed unexpectedly: {reason}") from error


def _search(
    ledger: Ledger, user: UserProfile, parts: Parts, searcher: Searcher, *, overlap: bool
) -> Trajectory:
    config, values = ledger.config, drawable_values(ledger.config.renderer)
    asker = Asker(
        user=user,
        prompt=ledger.words,
        seed=config.seed,
        values=values,
        stray=stray_rule(config.stray),
        card=ledger.store.header.warm_start,
        leanings=_leanings(ledger, user, parts.scorer, values),
        pictures=ledger.store.folder if config.vision else None,
    )
    inquirer = Inquirer(ledger, asker, parts.proposer, searcher, overlap=overlap)
    studio = _studio(ledger, user, parts)
    rules = Rules(OwnWords(ledger.words, embed_spans), config.stray, studio.unread)
    encoder = parts.scorer.describe().get("encoder", "")
    inquirer.ask_first()
    initial = _draw_initial(ledger, studio, encoder)
    searcher.tell([initial])
    ledger.step(searcher.step())
    floor = adherence_floor(initial, config.adherence_tolerance, encoder)
    try_edits = partial(try_out, ledger, studio, rules=rules, floor=floor)
    while not searcher.done and not ledger.stopped:
        iteration = searcher.step().iteration + 1
        reason = ledger.limit_before_iteration(iteration)
        if reason is not None:
            ledger.stop(iteration, reason)
            break
        searcher.tell(_expand(ledger, inquirer, searcher.ask(), iteration, try_edits))
        ledger.step(searcher.step())
    inquirer.close()
    _check_usable(ledger)
    best = ledger.tried[searcher.step().beam[0]]
    heldout = compare(ledger, studio, initial, best) if best.id != initial.id else []
    gain = honest_gain(initial, best, heldout) if len(ledger.tried) > 1 else Gain()
    return _close(ledger, Result(status="done", best=best.id, gain=gain))


def _leanings(
    ledger: Ledger, user: UserProfile, scorer: Scorer, values: Sequence[str]
) -> dict[str, float]:
    """What the scorer expects before anything is drawn, recorded."""
    with ledger.clock.stage("score"):
        found = leanings_of(scorer, ledger.words, user, values)
    told = any(event.type == "leanings" for event in ledger.store.records.events)
    if found and not told:  # a resumed run may be on another machine, where a digit differs
        ledger.event("leanings", 0, leanings_told(found))
    return found


def _expand(
    ledger: Ledger,
    inquirer: Inquirer,
    expansions: list[Expansion],
    iteration: int,
    try_edits: Callable[..., list[Candidate]],
) -> list[Candidate]:
    """Tries the edits of an iteration: first those that were asked ahead, then the others."""
    told: list[Candidate] = []
    early, rest = inquirer.early(expansions)
    given = tuple(edit.prompt for answer in early.answers for edit in answer.edits) if early else ()
    asked = inquirer.ask(rest, iteration=iteration, given=given) if rest else None
    if early is not None:
        drafts = drafts_of(early, first_number=len(ledger.tried))
        told += try_edits(drafts, before_last=None if asked else inquirer.ask_ahead)
    if asked is not None:
        record = inquirer.take(asked)
        drafts = drafts_of(record, first_number=len(ledger.tried))
        if not ledger.stopped:
            told += try_edits(drafts, before_last=inquirer.ask_ahead)
    return told


def _studio(ledger: Ledger, user: UserProfile, parts: Parts) -> Studio:
    return Studio(
        renderer=parts.renderer,
        scorer=parts.scorer,
        store=ledger.store,
        user=user,
        prompt=ledger.words,
        size=ledger.config.size,
        clock=ledger.clock,
        observer=ledger.observer,
    )


def _draw_initial(ledger: Ledger, studio: Studio, encoder: str) -> Candidate:
    """Draws and scores the user's own prompt, without which nothing can be compared."""
    for warning in studio.warnings(ledger.prompt):
        ledger.event("warning", 0, warning)
    if ledger.budget.notice is not None:
        ledger.event("limit", 0, ledger.budget.notice)
    ledger.observer.phase("draw", iteration=0, total=ledger.config.seeds)
    draft = Draft(INITIAL_ID, None, 0, ledger.prompt, None)
    (initial,) = draw(ledger, studio, [draft], floor=None)
    if initial.status != "scored":
        raise RunError(f"the first prompt could not be drawn and scored: {initial.error}")
    unknown = unknown_subject(ledger.config.renderer, encoder, ledger.words, initial)
    if unknown is not None:
        ledger.event("warning", 0, unknown)
    return initial


def _check_usable(ledger: Ledger) -> None:
    """A language model that nothing stands in for, and that never gave an edit, is a failed run."""
    answers = [answer for record in ledger.asked for answer in record.answers]
    config = ledger.config
    if not answers or any(answer.edits for answer in answers):
        return
    if config.fallback == "catalogue" or config.llm == "catalogue":
        return
    failures = [e for answer in answers for e in answer.events if e.type == "proposal_failed"]
    raise RunError(
        f"the language model {config.llm!r} gave no usable edit"
        f"{f' ({failures[-1].message})' if failures else ''}: take a more capable one, or let the "
        f"catalogue step in with --fallback catalogue, in a new run"
    )


def _fail(ledger: Ledger, reason: str) -> None:
    iteration = max(ledger.store.records.steps, default=0)
    with suppress(PamelaError):  # the first reason counts, even if the disk is full
        message = redact(f"the run failed: {reason}")
        ledger.store.record(Event(type="warning", iteration=iteration, message=message))
        _close(ledger, Result(status="failed"))


def _close(ledger: Ledger, result: Result) -> Trajectory:
    usage = usage_of(ledger.store.records, ledger.clock.seconds())
    ledger.store.record(result.model_copy(update={"usage": usage}))
    return trajectory_of(ledger.store.header, ledger.store.records, held=True)
