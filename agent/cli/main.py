"""`pamela-agent`: finds the command, runs it, and turns what goes wrong into one line.

    exit_code = main(["runs", "--json"])

Exit codes: 0 done, 1 the run failed, 2 bad input or usage, 130 interrupted. The one rule that is
not obvious: only the file of the command that was named is imported, and none of them imports
anything heavy before it is executed, so that help is there at once.
"""

import argparse
import errno
import importlib
import io
import os
import re
import shlex
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn, cast

from agent.cli.output import Forgiving, complain, documents, print_json
from agent.errors import InputError, PamelaError

COMMANDS = (
    "run",
    "fork",
    "show",
    "runs",
    "diff",
    "report",
    "export",
    "card",
    "score",
    "init",
    "rate",
    "view",
    "doctor",
    "train",
    "evaluate",
    "compare-llms",
    "compile",
)
EXIT_FAILED, EXIT_INPUT, EXIT_INTERRUPTED = 1, 2, 130
TRACEBACK = "PAMELA_TRACEBACK"

DESCRIPTION = """\
Rewrites an image prompt, one small named edit at a time, until the picture suits one person's
taste, and says how much better it is predicted to be liked on seeds that the search never saw.
"""
EXAMPLES = """\
examples:
  pamela-agent init me.json
  pamela-agent run --user me.json --prompt "floating mossy rocks"
  pamela-agent run --resume latest
  pamela-agent show latest
  pamela-agent runs --json

exit codes: 0 done, 1 the run failed, 2 bad input or usage, 130 interrupted (resumable)
"""
LIBRARIES = {
    "OMP_WAIT_POLICY": "passive",  # threads that spin crawl as soon as another program runs
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_VERBOSITY": "error",  # what can't be fetched is said once, by us
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
}


LACKS_VALUE = re.compile(r"argument (?:\S+/)?(--[a-z-]+): expected (?:one|at least one) argument")


class Parser(argparse.ArgumentParser):
    """A parser whose errors are `InputError`s: one line, like all bad input."""

    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride]  # it has overloads
        self, args: Any = None, namespace: Any = None
    ) -> Any:
        """Keeps the words, for messages."""
        self._words = [] if args is None else list(args)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Raises instead of printing the usage."""
        advice = self._joined(message) or f"`{self.prog} --help` shows what there is"
        raise InputError(f"{message} ({advice})")

    def _joined(self, message: str) -> str | None:
        """How to give a value that was taken for an option, if that is what happened."""
        found = LACKS_VALUE.match(message)
        if found is None or found[1] not in self._words[:-1]:
            return None
        value = self._words[self._words.index(found[1]) + 1]
        if not value.startswith("-") or value.partition("=")[0] in self._option_string_actions:
            return None
        given = shlex.quote(f"{found[1]}={value}")
        return f"a value that begins with - is joined by =, as in {given}"


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from agent import __version__

        sys.stdout.write(f"pamela-agent {__version__}\n")
        parser.exit()


def build_parser(commands: Sequence[str] = COMMANDS) -> Parser:
    """The parser with the given commands in it."""
    parser = Parser(
        prog="pamela-agent",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True, dest="command")
    for name in commands:
        _module(name).add_parser(subparsers)
    return parser


def _module(command: str) -> ModuleType:
    """The file of a command."""
    return importlib.import_module(f"agent.cli.{command.replace('-', '_')}")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code; never raises."""
    words = list(sys.argv[1:] if argv is None else argv)
    reserved = "--json" in words and not {"-h", "--help", "--version"} & set(words)
    stderr = sys.stderr
    _prepare()
    try:
        with documents(reserved=reserved):
            code = _guarded(words, wants_json=reserved)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has gone, as in `… | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EXIT_FAILED
    except OSError as error:  # a full disk behind `>`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        complain(f"standard output can't be written ({error.strerror})")
        return EXIT_FAILED
    finally:
        sys.stderr = stderr or sys.stderr
    return code


def _prepare() -> None:
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the shell, as in `>&-`
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - open to the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if not isinstance(sys.stderr, Forgiving):
        sys.stderr = cast(Any, Forgiving(sys.stderr))
    for name, value in LIBRARIES.items():
        os.environ.setdefault(name, value)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def _guarded(words: Sequence[str], *, wants_json: bool) -> int:
    try:
        parser = build_parser([words[0]] if words and words[0] in COMMANDS else COMMANDS)
        args = parser.parse_args(words)
        return int(_module(args.command).execute(args))
    except SystemExit as stopped:  # after --help and --version
        return int(stopped.code or 0)
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        return _ended("interrupted", EXIT_INTERRUPTED, wants_json=wants_json)
    except OSError as error:
        if error.errno == errno.ENOSPC and error.filename is None:  # standard output: see `main`
            raise
        if error.errno == errno.ENAMETOOLONG:
            name = str(error.filename)[:60]
            problem = f"the path {name + '…'!r} is too long: give a shorter one"
            return _ended(problem, EXIT_INPUT, wants_json=wants_json)
        return _unexpected(error, wants_json=wants_json)
    except PamelaError as error:
        code = EXIT_INPUT if isinstance(error, InputError) else EXIT_FAILED
        return _ended(str(error), code, wants_json=wants_json)
    except Exception as error:  # noqa: BLE001 - the last resort: never a traceback
        return _unexpected(error, wants_json=wants_json)


def _unexpected(error: Exception, *, wants_json: bool) -> int:
    if os.environ.get(TRACEBACK):
        raise error
    message = f"unexpected {type(error).__name__}: {error} ({TRACEBACK}=1 shows where)"
    return _ended(message, EXIT_FAILED, wants_json=wants_json)


def _ended(message: str, code: int, *, wants_json: bool) -> int:
    from agent.secrets import redact

    clean = redact(message)
    complain(clean)
    if wants_json:
        print_json({"error": {"message": clean}})
    return code


if __name__ == "__main__":
    sys.exit(main())
