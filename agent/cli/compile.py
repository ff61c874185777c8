"""`pamela-agent compile`: tunes the instructions of a language model against held-out gain."""

import argparse
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.options import add_options, given_options
from agent.cli.output import print_json
from agent.cli.parsers import (
    Subparsers,
    add_command,
    add_json,
    add_overwrite,
    add_quiet,
    add_users,
    counted,
    named_path,
)

if TYPE_CHECKING:
    from agent.tuning.tune import Progress, Tuning

EXAMPLES = """\
examples:
  pamela-agent compile --llm openai/gpt-5-mini --optimizer gepa --trainset prompts.jsonl \\
      --users examples --out prompts/compiled/mini.json
  pamela-agent compile --llm ollama_chat/llama3.1:8b --reflection-llm openai/gpt-5 \\
      --optimizer gepa --max-calls 200 --trainset prompts.jsonl --users me.json \\
      --out prompts/compiled/llama.json
  pamela-agent run --user me.json --prompt "a tower by a lake" \\
      --llm ollama_chat/llama3.1:8b --program llama

The file holds instructions alone, which may quote the prompts and tastes that they were tuned on.
"""
TOLD = 25
"""Answers between two lines of progress where nobody watches."""
ELSEWHERE = (
    *("beam_width", "iterations", "fallback", "program", "vision"),
    *("keep", "max_renders", "time_limit"),
)
"""Options of a run that mean nothing here."""


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command."""
    summary = "tune the instructions of a language model"
    parser = add_command(subparsers, "compile", summary, EXAMPLES)
    parser.add_argument(
        "--optimizer",
        required=True,
        choices=("gepa", "mipro"),
        help="DSPy's GEPA, which learns from what is said of each answer, or its MIPROv2",
    )
    parser.add_argument(
        "--trainset",
        type=named_path,
        required=True,
        metavar="FILE",
        help='three prompts or more: {"prompt": "…"} a line in a .jsonl, or a prompt a line',
    )
    add_users(parser)
    parser.add_argument(
        "--out",
        type=named_path,
        required=True,
        metavar="FILE",
        help="where the program goes: prompts/compiled/NAME.json makes it `run --program NAME`",
    )
    add_overwrite(parser)
    parser.add_argument(
        "--reflection-llm",
        metavar="SPEC[@URL]",
        help="what rewrites the instructions (default: the same language model)",
    )
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument(
        "--auto",
        choices=("light", "medium", "heavy"),
        help="how long to look, as DSPy means it (default: light)",
    )
    budget.add_argument(
        "--max-calls", type=counted, metavar="N", help="about how many answers are judged instead"
    )
    add_json(parser)
    add_quiet(parser)
    add_options(parser, without=ELSEWHERE)


def execute(args: argparse.Namespace) -> int:
    """Tunes, measures and writes."""
    from agent.builders import make_config
    from agent.cli.signals import interruptible
    from agent.clock import Clock
    from agent.lists import read_people, read_prompts
    from agent.tuning.optimisers import Budget
    from agent.tuning.tune import Wish, tune

    with interruptible():
        wish = Wish(
            optimizer=args.optimizer,
            prompts=read_prompts(args.trainset, option="--trainset"),
            people=tuple(read_people(args.users, Clock()).values()),
            config=make_config(given_options(args)),
            budget=Budget(
                auto=None if args.max_calls else args.auto or "light", max_calls=args.max_calls
            ),
            out=args.out,
            reflection=args.reflection_llm,
            overwrite=args.overwrite,
        )
        with _progress(quiet=args.quiet) as told:
            tuning = tune(wish, told)
    if args.json:
        print_json(tuning.document())
    else:
        _say(tuning)
    return 0


@contextmanager
def _progress(*, quiet: bool) -> "Generator[Callable[[Progress], None]]":
    """A line on standard error that moves with every answer that is judged."""
    import sys

    from rich.progress import Progress as Bar
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    from agent.display import make_console
    from agent.summary import signed

    console = make_console(stderr=True)
    console.file = sys.stderr  # the one of now: what DSPy says is turned away while it works
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    shown = console.is_terminal and not quiet
    with Bar(*columns, console=console, transient=True, disable=not shown) as bar:
        task = bar.add_task("loading")

        def told(progress: "Progress") -> None:
            of = f" of about {progress.about}" if progress.about else ""
            line = f"{progress.judged}{of} answers judged, mean gain {signed(progress.mean)}"
            bar.update(task, description=line)
            if not shown and not quiet and progress.judged % TOLD == 0:
                console.print(line)

        yield told


def _say(tuning: "Tuning") -> None:
    from rich.text import Text

    from agent.display import make_console, say
    from agent.summary import figure_text
    from agent.text import printable

    console = make_console()
    spent, difference = tuning.spent, tuning.difference
    say(console, Text("Instructions", "bold"))
    for line in tuning.instructions.splitlines():
        say(console, Text(f"  {printable(line)}"))
    count = len(tuning.dealt.test)
    apart = "a prompt that was" if count == 1 else f"{count} prompts that were"
    verdict = f"{figure_text(tuning.before)} before, {figure_text(tuning.after)} after"
    sure = difference.ci95 is not None and difference.ci95[0] > 0
    doubt = "" if sure else ": not surely better"
    for name, value in (
        ("Gain", f"{verdict}, on {apart} set apart"),
        ("Difference", figure_text(difference) + doubt),
        (
            "Used",
            f"{tuning.judged} answers judged, {spent.llm_calls} calls of the language model, "
            f"{spent.tokens_in}/{spent.tokens_out} tokens, {spent.cost_usd:.4g} US dollars, "
            f"{spent.pictures} pictures",
        ),
        ("Written", f"{tuning.out}: {_use(tuning.out)}"),
    ):
        say(console, Text.assemble((f"{name:<12} ", "bold"), printable(value)))
    if spent.unpriced_calls:
        many = f"the price of {spent.unpriced_calls} calls is not known"
        say(console, Text(f"{many}: the dollars leave them out."))
    if spent.too_long:
        many = f"{spent.too_long} questions were too long for the language model"
        say(console, Text(f"{many}: give --reflection-llm one that reads more."))
    if not tuning.changed:
        say(console, Text("No better instructions were found: these are the built-in ones."))


def _use(out: Path) -> str:
    from agent.compiled import FOLDER

    return f"use it with --program {out.stem if out.parent == FOLDER else out}"
