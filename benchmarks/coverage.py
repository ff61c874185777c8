"""Does the held-out interval tell the truth when there is nothing to find?

200 runs with a scorer of pure noise and the fake renderer: no edit helps, so about 95 % of the
held-out intervals must cover zero. (The gain on the searched seeds would fool one every time.)
"""

import tempfile
from pathlib import Path

import numpy as np

from agent.cli.parsers import counted
from benchmarks.report import Report, in_one_line, parser
from benchmarks.runs import run_once
from scorer.profile import UserProfile


def noisy_runs(count: int, folder: Path) -> tuple[list[bool], list[float]]:
    """Of runs without anything to find: whether zero is covered, and the gain on searched seeds."""
    user = UserProfile(user_id="nobody")
    options = {"renderer": "fake", "scorer": "fake:noise", "heldout_seeds": 8, "iterations": 2}
    covered, searched = [], []
    for seed in range(count):
        run = run_once("mossy rocks", user, folder, {**options, "seed": seed})
        interval = run.gain.heldout_ci95
        if interval is None or run.gain.search is None:
            raise RuntimeError(f"run {run.id!r} has no held-out interval")
        covered.append(interval[0] <= 0 <= interval[1])
        searched.append(run.gain.search)
    return covered, searched


def main() -> None:
    """Runs, counts, prints."""
    made = parser(__doc__)
    made.add_argument("--runs", type=counted, default=200, help="how many (default 200)")
    args = made.parse_args()
    report = Report(f"python -m benchmarks.coverage --runs {args.runs}")
    with tempfile.TemporaryDirectory() as folder:
        covered, searched = noisy_runs(args.runs, Path(folder))
    share = float(np.mean(covered))
    spread = 1.96 * float(np.sqrt(share * (1 - share) / len(covered)))
    report.figures["mean gain on the searched seeds"] = round(float(np.mean(searched)), 4)
    report.bar(
        "intervals that cover zero",
        share,
        at_least=0.91,
        at_most=0.98,
        n=len(covered),
        ci95=(share - spread, min(1.0, share + spread)),
    )
    report.close(json_output=args.json)


if __name__ == "__main__":
    in_one_line(main)
