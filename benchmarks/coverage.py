"""Does the held-out interval tell the truth when there is nothing to find?

200 runs with a scorer of pure noise and the fake renderer: no edit helps, so about 95 % of the
held-out intervals must cover zero. (The gain on the searched seeds would fool one every time.)
"""

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.report import Report, parser
from benchmarks.runs import run_once
from scorer.profile import UserProfile


def main() -> None:
    """Runs, counts, prints."""
    made = parser(__doc__)
    made.add_argument("--runs", type=int, default=200, help="how many (default 200)")
    args = made.parse_args()
    report = Report(f"python -m benchmarks.coverage --runs {args.runs}")
    user = UserProfile(user_id="nobody")
    options = {"renderer": "fake", "scorer": "fake:noise", "heldout_seeds": 8, "iterations": 2}
    covered, searched = [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(args.runs):
            run = run_once("mossy rocks", user, Path(folder), {**options, "seed": seed})
            interval = run.gain.heldout_ci95
            if interval is None or run.gain.search is None:
                raise RuntimeError(f"run {run.id!r} has no held-out interval")
            covered.append(interval[0] <= 0 <= interval[1])
            searched.append(run.gain.search)
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
    main()
