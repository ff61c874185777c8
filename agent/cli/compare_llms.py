"""`pamela-agent compare-llms`: language models side by side, on equal budgets and seeds."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from agent.cli.options import add_options, given_options
from agent.cli.output import complain, print_json
from agent.cli.parsers import (
    Subparsers,
    add_command,
    add_json,
    add_quiet,
    add_runs_dir,
    add_users,
    named_path,
)

if TYPE_CHECKING:
    from rich.table import Table

    from agent.comparison import Part, Plan
    from agent.observer import Observer
    from agent.standings import Standing

EXAMPLES = """\
examples:
  pamela-agent compare-llms --llm openai/gpt-5-mini --llm ollama_chat/llama3.1:8b \\
      --prompts prompts.txt --users examples
  pamela-agent compare-llms --llm openai/my-llama@http://localhost:8000/v1 \\
      --prompts prompts.txt --users me.json --iterations 2 --json

The catalogue is always among them. Each search is an ordinary run in --runs-dir; what is there
already with the same settings is not run again, so the same words go on after Ctrl-C.
"""
EXIT_FAILED, EXIT_INTERRUPTED = 1, 130


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command."""
    summary = "compare language models on equal budgets and seeds"
    parser = add_command(subparsers, "compare-llms", summary, EXAMPLES)
    parser.add_argument(
        "--llm",
        action="append",
        dest="llms",
        required=True,
        metavar="SPEC[@URL]",
        help="a language model, with the address of its server if it has one of its own; may be "
        "repeated",
    )
    parser.add_argument(
        "--prompts",
        type=named_path,
        required=True,
        metavar="FILE",
        help='what is to be improved: a prompt a line, or {"prompt": "…"} a line in a .jsonl',
    )
    add_users(parser)
    add_runs_dir(parser)
    add_json(parser)
    add_quiet(parser)
    add_options(parser, without=("llm", "keep"))


def execute(args: argparse.Namespace) -> int:
    """Runs all searches that are missing and prints the table."""
    from agent.cli.signals import interruptible
    from agent.clock import Clock
    from agent.comparison import comparison_document, make_plan, standings
    from agent.lists import read_people, read_prompts

    with interruptible():
        prompts, people = read_prompts(args.prompts), read_people(args.users, Clock())
        options = given_options(args)
        plan = make_plan(args.llms, prompts, people, options, runs_dir=args.runs_dir)
        parts, code = _searched(plan, quiet=args.quiet)
    if code == EXIT_INTERRUPTED:
        complain("interrupted: the same command goes on where it stopped")
    found = standings(parts)
    if args.json:
        print_json(comparison_document(plan, parts, found))
    else:
        _show(plan, found)
    return code


def _searched(plan: "Plan", *, quiet: bool) -> "tuple[dict[str, list[Part]], int]":
    """All searches, as far as they were made, and the exit code."""
    from agent.comparison import Pairing, searches
    from agent.display import Display

    code = 0
    parts: dict[str, list[Part]] = {contender.name: [] for contender in plan.contenders}
    with Display(quiet=True) as display:
        for contender in plan.contenders:

            def observe(pairing: Pairing, name: str = contender.name) -> "Observer":
                if not quiet:
                    complain(f"{name}: {pairing.prompt!r} for {pairing.user.user_id!r}")
                return display

            for part in searches(plan, contender, observe):
                if part.outcome.exit_code == EXIT_INTERRUPTED:
                    return parts, EXIT_INTERRUPTED
                if part.outcome.message is not None:
                    complain(part.outcome.message)
                    code = EXIT_FAILED
                parts[contender.name].append(part)
    return parts, code


def _show(plan: "Plan", found: "Sequence[Standing]") -> None:
    from rich.text import Text

    from agent.display import make_console, say
    from agent.text import printable

    console = make_console()
    console.print(_table(found))
    say(
        console,
        Text(
            f"{len(plan.pairings)} searches each, for every prompt and person; gains on held-out "
            f"seeds, with 95 % intervals over prompts. The runs lie in "
            f"{printable(str(plan.runs_dir))}"
        ),
    )


def _table(found: "Sequence[Standing]") -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from agent.summary import figure_text
    from agent.text import printable

    table = Table(box=SIMPLE_HEAD, padding=(0, 1))
    table.add_column("Language model", overflow="fold")
    for name in (
        "Gain",
        "Beyond the catalogue",
        "Valid edits",
        "Distinct",
        "Stepped in",
        "Tokens in/out",
        "Cost",
        "Seconds asking",
        "Failed",
    ):
        table.add_column(name, justify="right")
    for one in found:
        edits = one.edits
        cells = (
            figure_text(one.gain),
            figure_text(one.beyond_catalogue),
            "–" if edits.rate is None else f"{100 * edits.rate:.0f} % of {edits.asked}",
            str(edits.distinct),
            str(edits.stepped_in),
            f"{one.tokens_in}/{one.tokens_out}",
            f"{one.cost_usd:.4g} $",
            f"{one.seconds:.1f}",
            f"{one.failed}/{one.runs}",
        )
        table.add_row(Text(printable(one.llm)), *(Text(cell) for cell in cells))
    return table
