"""The first minute: the demo's run, its overhead, and how fast the command line answers.

Runs the demo's command as a process of its own with an empty picture cache, as a new user does.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.report import Report, in_one_line, parser

COMMAND = Path(sys.executable).parent / "pamela-agent"
PROMPT = "floating mossy rocks"


def timed(arguments: list[str], cache: str) -> tuple[float, str]:
    """Wall time in seconds and standard output of a `pamela-agent` command."""
    environment = {**os.environ, "PAMELA_CACHE_DIR": cache}
    started = time.monotonic()
    done = subprocess.run(  # noqa: S603 - our own command, fixed arguments
        [str(COMMAND), *arguments], capture_output=True, text=True, check=True, env=environment
    )
    return time.monotonic() - started, done.stdout


def main() -> None:
    """Runs, measures, prints."""
    made = parser(__doc__)
    made.add_argument("--profile", type=Path, default=Path("examples/profile.json"))
    args = made.parse_args()
    report = Report("python -m benchmarks.demo")
    with tempfile.TemporaryDirectory() as folder:
        helps = [timed(["--help"], folder)[0] for _ in range(5)]
        words = ["run", "--user", str(args.profile), "--prompt", PROMPT]
        wall, printed = timed([*words, "--runs-dir", f"{folder}/runs", "--json"], folder)
    run = json.loads(printed)
    seconds = run["usage"]["seconds"]
    report.figures |= {
        "seconds": seconds,
        "gain": run["gain"],
        "initial": run["initial"]["prompt"],
        "best": run["best"]["prompt"],
    }
    report.bar("wall time of the demo's run in seconds", wall, at_most=90, n=1)
    report.bar("pictures drawn", run["usage"]["renders"], at_least=40, n=1)
    report.bar("share of overhead", seconds["overhead"] / seconds["total"], at_most=0.03, n=1)
    report.bar("seconds of --help, best of 5", min(helps), at_most=0.5, n=5)
    report.close(json_output=args.json)


if __name__ == "__main__":
    in_one_line(main)
