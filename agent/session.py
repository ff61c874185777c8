"""One run, from what the user asked for to what came of it.

    outcome = improve(Order(prompt="mossy rocks", user=Path("me.json")), clock=Clock())
    outcome.trajectory.best

The one rule that is not obvious: bad input is an exception and leaves no run behind; once a run
has begun, failure and interrupt are outcomes, with everything that was found until then.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agent.builders import Models, Parts, build_parts, make_config, option_of
from agent.cards import TasteCard, read_card
from agent.clock import Clock
from agent.config import MAX_PROMPT, RunConfig
from agent.errors import InputError, PamelaError, RunError
from agent.find import resolve_run
from agent.folder import check_own, check_writable, new_run_folder, read_header
from agent.header import changed_parts, make_header, path_from_run, profile_digest
from agent.limits import plan_budget
from agent.observer import Observer, Silent
from agent.optimize import optimize
from agent.records import RunHeader
from agent.retry import one_line
from agent.secrets import redact
from agent.store import RunStore, load_run
from agent.stray import verbatim
from agent.subject import FUNCTION_WORDS, words_of
from agent.text import brief, is_blank
from agent.track import Tracked, TrackerName, make_tracker
from agent.trajectory import Event, Origin, RunStatus, Trajectory
from scorer.profile import UserProfile

SHOWN = 80
"""Characters of a prompt that are quoted."""
EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED = 0, 1, 130


@dataclass(frozen=True)
class Order:
    """What the user asked for; what is None was not said."""

    prompt: str | None = None
    user: Path | None = None
    resume: str | None = None
    """An id, a unique prefix, `latest` or a folder."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `RunConfig` that were given."""
    runs_dir: Path = Path("runs")
    warm_start: Path | None = None
    """A taste card to begin from."""
    known: TasteCard | None = None
    """The one of the run before, which counts for its own person where no other is named."""
    origin: Origin | None = None
    """The run or picture that this one begins from."""
    track: TrackerName | None = None
    """Where it is followed besides."""


@dataclass(frozen=True)
class Outcome:
    """How it ended."""

    trajectory: Trajectory
    folder: Path | None
    """None where it ended before there was one."""
    exit_code: int = EXIT_DONE
    message: str | None = None
    """Why it failed."""


@dataclass(frozen=True)
class Session:
    """All that a search needs."""

    store: RunStore
    user: UserProfile
    parts: Parts


def improve(
    order: Order, *, clock: Clock, observer: Observer | None = None, models: Models | None = None
) -> Outcome:
    """Begins the run, or goes on with it, and takes it to its end.

    Args:
        order: What was asked for.
        clock: Of the run.
        observer: Who is told about it.
        models: Of the same settings, where they are loaded already.

    Raises:
        InputError: what was asked for can't be done.
    """
    observer = observer or Silent()
    observer.phase("prepare", iteration=0, total=0)
    tracker = make_tracker(order.track) if order.track is not None else None
    try:
        opened = _open(order, clock, models)
    except RunError as error:
        return _ended(error, _nothing(order), None)
    except KeyboardInterrupt as error:
        again = "say the same words again" if order.resume is None else "the run is as it was"
        told = f"interrupted while loading, before anything was drawn: {again}"
        return replace(_ended(error, _nothing(order), None), message=told)
    if isinstance(opened, Outcome):
        _complete(opened, observer)
        return opened
    if tracker is None:
        return _search(opened, order, observer, clock)
    with Tracked(observer, tracker, opened.store) as tracked:
        outcome = _search(opened, order, tracked, clock)
        tracked.ended(outcome.trajectory)
    return outcome


def _search(opened: Session, order: Order, observer: Observer, clock: Clock) -> Outcome:
    """Takes a run that was opened to its end."""
    folder = opened.store.folder
    try:
        with opened.store as store:
            optimize(
                store=store, user=opened.user, parts=opened.parts, observer=observer, clock=clock
            )
    except InputError as error:
        raise _after_beginning(error, folder, begun=order.resume is None) from error
    except (RunError, KeyboardInterrupt) as error:
        outcome = _ended(error, load_run(folder), folder)
    else:
        outcome = Outcome(load_run(folder), folder)
    _report(folder, observer)
    return outcome


def _report(folder: Path, observer: Observer) -> None:
    """Writes the report; one that can't be written is a pity, but the run is what it is."""
    from agent.look.report import write_report

    try:
        write_report(folder)
    except Exception as error:  # noqa: BLE001 - nothing about a page may cost anybody a run
        reason = str(error) if isinstance(error, PamelaError) else one_line(error)
        message = redact(f"the report can't be written: {reason}")
        observer.event(Event(type="warning", iteration=0, message=message))


def _complete(outcome: Outcome, observer: Observer) -> None:
    """A run that was done already gets what it lacks, and says what is wrong with it."""
    from agent.look.completion import complete

    if outcome.folder is not None:
        for problem in complete(outcome.folder):
            observer.event(Event(type="warning", iteration=0, message=redact(problem)))


def _after_beginning(error: InputError, folder: Path, *, begun: bool) -> InputError:
    """Bad input that was seen late: a run that was `begun` now and tried nothing does not stay."""
    if begun and not load_run(folder).candidates:
        shutil.rmtree(folder, ignore_errors=True)
        return error
    go_on = f"once that is mended, go on with `pamela-agent run --resume {folder}`"
    return type(error)(f"{error}; {go_on}")


def _ended(error: BaseException, trajectory: Trajectory, folder: Path | None) -> Outcome:
    if isinstance(error, KeyboardInterrupt):
        stopped = trajectory.model_copy(update={"status": "interrupted"})
        return Outcome(stopped, folder, EXIT_INTERRUPTED)
    failed = trajectory.model_copy(update={"status": "failed"})
    return Outcome(failed, folder, EXIT_FAILED, str(error))


def _nothing(order: Order) -> Trajectory:
    """The run that never began."""
    status: RunStatus = "failed"
    config = make_config(order.options)
    return Trajectory(id="", status=status, prompt=order.prompt or "", user_id="", config=config)


def _open(order: Order, clock: Clock, models: Models | None) -> Session | Outcome:
    if order.resume is None:
        return _begin(order, clock, models)
    return _go_on(order, clock, resolve_run(order.runs_dir, order.resume), models)


def _begin(order: Order, clock: Clock, models: Models | None) -> Session:
    prompt = check_prompt(order.prompt)
    config = make_config(order.options)
    if order.origin is None and config.keep is not None:
        check_keep(config.keep, prompt)
    plan_budget(config)
    if order.user is None:
        raise InputError(
            "--user is missing: name a profile, or make one with `pamela-agent init PROFILE`"
        )
    user = load_user(order.user, clock)
    card = _card_of(user, order)
    check_writable(order.runs_dir)
    parts = build_parts(config, clock, models)
    with clock.stage("render"):  # what the renderer says of itself takes longest: it reads weights
        place = path_from_run(order.user, order.runs_dir)
        header = make_header("", prompt, config, user, parts, profile_path=place)
        header = header.model_copy(update={"warm_start": card, "origin": order.origin})
    folder = new_run_folder(order.runs_dir, prompt)
    try:
        store = RunStore.create(folder, header.model_copy(update={"id": folder.name}))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Session(store, user, parts)


def _card_of(user: UserProfile, order: Order) -> TasteCard | None:
    path = order.warm_start
    if path is None:
        known = order.known
        return known if known is not None and known.user_id == user.user_id else None
    card = read_card(path)
    if card.user_id != user.user_id:
        raise InputError(
            f"the card {str(path)!r} is of {card.user_id!r}, and the run is for {user.user_id!r}: "
            f"make one from their own runs with `pamela-agent card`"
        )
    return card


def _go_on(order: Order, clock: Clock, folder: Path, models: Models | None) -> Session | Outcome:
    check_own(folder)
    header = read_header(folder)
    _check_same(header, order)
    trajectory = load_run(folder)
    if trajectory.status == "done":
        if order.user is not None:
            _same_user(header, folder, order.user, clock)
        return Outcome(trajectory, folder)
    user = _same_user(header, folder, order.user, clock)
    store = RunStore.resume(folder)
    try:
        store.check_pictures()
        parts = build_parts(header.config, clock, models)
        with clock.stage("render"):
            changes = changed_parts(header, parts)
        for message in changes:
            store.record(Event(type="warning", iteration=0, message=message))
    except BaseException:
        store.close()
        raise
    return Session(store, user, parts)


def check_prompt(prompt: str | None) -> str:
    """The prompt, if it can be drawn.

    Raises:
        InputError: it is missing, empty, too long, or no text.
    """
    if prompt is None:
        raise InputError("--prompt is missing: say what the picture shows")
    if is_blank(prompt):
        raise InputError(f"--prompt {prompt!r} is empty: say what the picture shows")
    if len(prompt) > MAX_PROMPT:
        raise InputError(
            f"--prompt {prompt[:40] + '…'!r} has {len(prompt)} characters, {MAX_PROMPT} are "
            f"allowed: shorten it"
        )
    try:
        prompt.encode()
    except UnicodeEncodeError:
        raise InputError(f"--prompt {prompt!r} is not valid UTF-8: check its encoding") from None
    return prompt


def check_keep(words: str, prompt: str) -> None:
    """Whether words are those of a prompt, in their order, and say something.

    Raises:
        InputError: they are not; names the first that is missing.
    """
    share, gone = verbatim(words, prompt)
    shown = f"--keep {brief(words, SHOWN)!r}"
    if share < 1:
        raise InputError(
            f"{shown} is not what the prompt {brief(prompt, SHOWN)!r} says: there is no {gone!r} "
            f"in that place; give words of the prompt, in their order"
        )
    if all(word.text in FUNCTION_WORDS for word in words_of(words)):
        raise InputError(f"{shown} says nothing: keep at least what the picture is of")


def load_user(path: Path, clock: Clock) -> UserProfile:
    """Reads the profile; decoding its pictures counts to scoring."""
    with clock.stage("score"):
        return UserProfile.load(path)


def _check_same(header: RunHeader, order: Order) -> None:
    """What is said again beside `--resume` has to be what was said then."""
    given = {**header.config.model_dump(), **order.options}
    config = make_config(given)
    for name in RunConfig.model_fields:
        before, now = getattr(header.config, name), getattr(config, name)
        if before != now:
            raise InputError(
                f"the run {header.id!r} has {option_of(name)} {_said(before)}, not {_said(now)}: "
                f"leave the option out, or start a new run"
            )
    if order.warm_start is not None and read_card(order.warm_start) != header.warm_start:
        raise InputError(
            f"the run {header.id!r} did not begin with the card {str(order.warm_start)!r}: leave "
            f"--warm-start out, or start a new run"
        )
    if order.prompt is not None and order.prompt != header.prompt:
        raise InputError(
            f"the run {header.id!r} has --prompt {header.prompt!r}, not {order.prompt!r}: leave "
            f"it out, or start a new run"
        )


def _said(value: object) -> str:
    """A setting as it is given on the command line."""
    if isinstance(value, tuple):
        return "x".join(str(part) for part in value)
    if isinstance(value, bool):
        return "on" if value else "off"
    return "at its default" if value is None else repr(value)


def _same_user(header: RunHeader, folder: Path, path: Path | None, clock: Clock) -> UserProfile:
    """The profile that the run began with, from where it was or from `path`."""
    place = path or (folder / header.profile_path if header.profile_path is not None else None)
    if place is None:
        raise InputError(f"the run {header.id!r} does not say where its profile is: give --user")
    if path is None and not place.exists():
        raise InputError(
            f"the profile {str(place.resolve())!r} of the run {header.id!r} is gone: say with "
            f"--user where it lies now"
        )
    user = load_user(place, clock)
    place = place.resolve()
    if user.user_id != header.user_id:
        raise InputError(
            f"the run {header.id!r} is for the user_id {header.user_id!r}, the profile "
            f"{str(place)!r} holds {user.user_id!r}: leave --user out, or start a new run"
        )
    if profile_digest(user) != header.profile_sha256:
        raise InputError(
            f"the profile {str(place)!r} or one of its pictures has changed since the run "
            f"{header.id!r} began: restore it, or start a new run"
        )
    return user
