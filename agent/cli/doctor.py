"""`pamela-agent doctor`: what is installed, what is missing, and what to do about it."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from agent.cli.output import print_json
from agent.cli.parsers import Subparsers, add_command, add_json

if TYPE_CHECKING:
    from agent.checks import Check

NAMED = ("llm", "llm_base_url", "renderer", "scorer")
EXAMPLES = """\
examples:
  pamela-agent doctor
  pamela-agent doctor --json
  pamela-agent doctor --llm ollama_chat/llama3.1:8b --renderer diffusers:models/my-pipeline

exit codes: 0 `pamela-agent run` can work, 1 something that it needs is missing
"""


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command."""
    summary = "check the installation and say what is missing"
    parser = add_command(subparsers, "doctor", summary, EXAMPLES)
    add_json(parser)
    for name, metavar, words in (
        ("--llm", "SPEC", "say of this language model whether it can be used"),
        ("--llm-base-url", "URL", "address of its server"),
        ("--renderer", "SPEC", "say it of this renderer"),
        ("--scorer", "SPEC", "say it of this scorer"),
    ):
        parser.add_argument(name, metavar=metavar, default=argparse.SUPPRESS, help=words)


def execute(args: argparse.Namespace) -> int:
    """Checks the installation."""
    from agent.doctor import examine, healthy

    named = {name: value for name, value in vars(args).items() if name in NAMED}
    checks = examine(**named)
    ready = healthy(checks)
    if args.json:
        print_json({"ok": ready, "checks": [asdict(check) for check in checks]})
    else:
        _show(checks, ready=ready)
    return 0 if ready else 1


def _show(checks: "Sequence[Check]", *, ready: bool) -> None:
    from rich.text import Text

    from agent.console import make_console, say
    from agent.text import printable

    console = make_console()
    width = max(len(check.name) for check in checks)
    for check in checks:
        mark = "ok     " if check.ok else "missing" if check.required else "absent "
        advice = f"  ->  {check.fix}" if check.fix and not check.ok else ""
        say(console, Text(f"{mark}  {check.name:<{width}}  {printable(check.detail + advice)}"))
    console.print()
    verdict = "`pamela-agent run` can work." if ready else "Something is missing; see above."
    say(console, Text(verdict))
