"""Same seed, same decisions: the search at batch size 1 and at batch size 8.

Over the 24 miniature prompts and the first example profile. Pictures may differ by a grey level
(diffusers promises no bit-equality between batch sizes); ids, selection and best prompt must not.
The smallest margin by which a decision was made says how safe that is.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np

from agent.cli.parsers import counted
from agent.search.beam import TIE
from agent.trajectory import Trajectory
from benchmarks.report import Report, in_one_line, parser
from benchmarks.runs import run_once
from miniature.training import BUILD
from prompts import benchmark
from scorer.profile import UserProfile


def decisions(run: Trajectory) -> dict[str, object]:
    """Everything that a search decided."""
    return {
        "candidates": [(c.id, c.parent, c.prompt, c.status) for c in run.candidates],
        "beams": [step.beam for step in run.steps],
        "best": run.best.prompt if run.best else None,
    }


def margins(run: Trajectory) -> list[float]:
    """How far each pair of scores that a beam had to order was from being ordered otherwise.

    The beam's order counts, and its last against the best that was left out. Two scores change
    places where their distance passes `TIE`, so it is the distance to that.
    """
    scores = {c.id: c.score for c in run.candidates if c.score is not None}
    found = []
    for step in run.steps:
        known = [c.id for c in run.candidates if c.iteration <= step.iteration and c.id in scores]
        left = sorted((scores[name] for name in known if name not in step.beam), reverse=True)
        ordered = [scores[name] for name in step.beam] + left[:1]
        found += [abs(abs(a - b) - TIE) for a, b in pairwise(ordered)]
    return found


def main() -> None:
    """Searches twice a prompt, compares, prints."""
    from tqdm import tqdm

    made = parser(__doc__)
    made.add_argument("--prompts", type=counted, default=24, help="how many (default: all 24)")
    made.add_argument("--profile", type=Path, default=Path("examples/profile.json"))
    args = made.parse_args()
    report = Report("python -m benchmarks.batches")
    user = UserProfile.load(args.profile)
    same: list[bool] = []
    distances: list[float] = []
    scores: list[float] = []
    for prompt in tqdm(benchmark("miniature")[: args.prompts], desc="prompts"):
        runs = [
            run_once(prompt, user, BUILD / "batches" / str(size), {"batch_size": size})
            for size in (1, 8)
        ]
        same.append(decisions(runs[0]) == decisions(runs[1]))
        distances += margins(runs[1])
        pairs = zip(runs[0].candidates, runs[1].candidates, strict=False)
        scores += [
            abs(a.score - b.score) for a, b in pairs if a.score is not None and b.score is not None
        ]
    report.figures["smallest score margin of a decision"] = min(distances, default=None)
    report.figures["largest difference of a score"] = float(max(scores))
    report.bar(
        "share of prompts with the same decisions", float(np.mean(same)), at_least=1, n=len(same)
    )
    report.close(json_output=args.json)


if __name__ == "__main__":
    in_one_line(main)
