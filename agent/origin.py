"""Runs that begin where another one got to: from a picture, or from a candidate of a run.

    order, notes = from_picture(order, Path("picture.png"), repeat=False)
    order, notes = from_candidate(order, "latest", "c0012")

Both fill in what was not said. The one rule that is not obvious: going on is a run of its own,
whose prompt is the candidate's, so every gain in it is measured against that prompt, on seeds that
the run before never chose by; but the words that count as the user's are still those that they
said, and what edits have added may be replaced. Only repeating takes the prompt that the run before
began with.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.builders import make_config, option_of
from agent.config import MAX_PROMPT, RunConfig
from agent.errors import InputError
from agent.find import resolve_run
from agent.folder import read_header
from agent.gaps import FEW, named
from agent.session import Order, check_keep
from agent.store import load_run
from agent.story import ADDRESSES, Story, Told, read_told
from agent.stray import OwnWords, strays
from agent.text import brief
from agent.trajectory import Origin
from scorer.minilm import embed_spans

LONGEST = 40
"""Characters of a tag that is named."""
OF_THE_MODEL = ("steps", "guidance", "size")


def from_picture(order: Order, path: Path, *, repeat: bool) -> tuple[Order, tuple[str, ...]]:
    """The order with what a picture says where nothing else was said, and what can't be used of it.

    Args:
        order: What was asked for beside the picture.
        path: Of the picture.
        repeat: Whether its whole run is repeated.

    Raises:
        InputError: it says nothing of how it was made, or not enough.
    """
    told = read_told(path)
    if repeat:
        return _repeated(order, path, told), told.notes
    story = told.story
    if story is not None:
        _check_addresses(story, order.options)
    origin = Origin(
        run=story.run if story is not None else None,
        candidate=story.candidate if story is not None else None,
        picture=path.name,
    )
    prompt = told.prompt if order.prompt is None else order.prompt
    told = replace(told, notes=(*told.notes, *_of_the_prompt(told, order.prompt)))
    taken, notes = (told.options, told.notes) if story is not None else _fitting(told, order)
    options = {name: value for name, value in {**taken, **order.options}.items() if name != "keep"}
    words = prompt  # of another program, or said now: all of it is the user's
    if story is not None and order.prompt is None:
        words = str(told.options.get("keep") or story.user_prompt)
    keep, said = _kept(words, prompt, order, options)
    options |= {} if keep is None else {"keep": keep}
    notes = (*notes, *said)
    return replace(order, prompt=prompt, options=options, origin=origin), notes


def _kept(
    words: str, prompt: str, order: Order, options: Mapping[str, Any]
) -> tuple[str | None, tuple[str, ...]]:
    """What of a prompt is the user's, null for all of it, and what is to be known of that.

    Args:
        words: The user's in the run before.
        prompt: That the new run begins with.
        order: What was asked for.
        options: The new run's settings.
    """
    if (said := order.options.get("keep")) is not None:
        check_keep(make_config({"keep": said}).keep or "", prompt)
        return said, ()
    if words.split() == prompt.split() or not words.strip() or len(words) > MAX_PROMPT:
        return None, ()
    left = strays(OwnWords(words, embed_spans), prompt, make_config(options).stray)
    if left is None:
        return words, ()
    return None, (
        f"nothing in the prompt stands for {left.gone!r} of what the run before began with, so "
        f"all of its words count as yours: say with --keep which do",
    )


def _of_the_prompt(told: Told, said: str | None) -> list[str]:
    """What is to be known of a picture's prompt beside the one that was said."""
    if said is not None:
        return [] if said == told.prompt else ["its own prompt gives way to --prompt"]
    if not told.literal:
        return []
    what = named((brief(text, LONGEST) for text in told.literal), FEW)
    return [f"weights and tags in its prompt are taken literally, as words: {what}"]


def _fitting(told: Told, order: Order) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Of another program's settings those that fit: the miniature has its own way of drawing."""
    if order.options.get("renderer", RunConfig().renderer) != RunConfig().renderer:
        return told.options, told.notes
    kept = {name: value for name, value in told.options.items() if name not in OF_THE_MODEL}
    lost = [name for name in OF_THE_MODEL if name in told.options]
    if not lost:
        return kept, told.notes
    note = f"its {', '.join(lost)} are another model's: with --renderer they are taken over"
    return kept, (*told.notes, note)


def _repeated(order: Order, path: Path, told: Told) -> Order:
    """The run that the picture is of, as it was."""
    story = told.story
    if story is None:
        raise InputError(
            f"the picture {str(path)!r} is of no run, so there is none to repeat: leave --repeat "
            f"out to begin from its prompt"
        )
    if told.notes:
        raise InputError(f"the run of {str(path)!r} can't be repeated here: {told.notes[0]}")
    changed = [name for name in order.options if name not in ADDRESSES]
    changed += ["prompt"] if order.prompt is not None else []
    if changed:
        raise InputError(
            f"--repeat takes the run as it was, so {option_of(changed[0])} can't be given: leave "
            f"it out, or leave --repeat out"
        )
    if story.warm_start and order.warm_start is None:
        raise InputError(
            f"the run of {str(path)!r} began from a taste card, which is not in the picture: give "
            f"it with --warm-start, or leave --repeat out"
        )
    _check_addresses(story, order.options)
    origin = Origin(run=story.run, candidate=story.candidate, picture=path.name, repeats=True)
    options = {**told.options, **order.options}
    return replace(order, prompt=story.user_prompt, options=options, origin=origin)


def _check_addresses(story: Story, options: Mapping[str, Any]) -> None:
    """A model's name is no use without its server: another one's may bear the same."""
    whose = {"llm_base_url": "llm", "image_base_url": "renderer"}
    for name in story.left_out:
        part = whose.get(name)
        if part is not None and name not in options and part not in options:
            raise InputError(
                f"the picture's --{part} {story.config.get(part)!r} was on a server whose address "
                f"is not in the picture: give {option_of(name)}, or another --{part}"
            )


def from_candidate(order: Order, run: str, candidate: str) -> tuple[Order, tuple[str, ...]]:
    """The order with the prompt of a candidate, and with its run's settings where none were given.

    Beside it stands what is to be known of it.

    Args:
        order: What was asked for; without a person it is that of the run.
        run: An id, a unique prefix, `latest` or a folder.
        candidate: An id, `best` or `initial`.

    Raises:
        InputError: there is no such run or candidate, or its profile is gone.
    """
    from agent.look.closeup import find_candidate
    from agent.look.family import Family

    folder = resolve_run(order.runs_dir, run)
    header = read_header(folder)
    chosen = find_candidate(Family(load_run(folder)), candidate)
    user = order.user
    if user is None:
        if header.profile_path is None:
            raise InputError(
                f"the run {header.id!r} does not say where its profile is: give --user"
            )
        user = folder / header.profile_path
        if not user.exists():
            raise InputError(
                f"the profile {str(user.resolve())!r} of the run {header.id!r} is gone: say with "
                f"--user where it lies now"
            )
    options = _settings(header.config, order.options)
    words = header.config.words_of(header.prompt)
    options["keep"], notes = _kept(words, chosen.prompt, order, options)
    begun = replace(
        order,
        prompt=chosen.prompt,
        user=user,
        options=options,
        known=header.warm_start,
        origin=Origin(run=header.id, candidate=chosen.id),
    )
    return begun, notes


def _settings(config: RunConfig, said: Mapping[str, Any]) -> dict[str, Any]:
    """The run's settings, with what was said; a server serves the model that it was named for."""
    kept = config.model_dump()
    for part, address in (("llm", "llm_base_url"), ("renderer", "image_base_url")):
        if part in said:
            kept.pop(address)
    return {**kept, **said}
