"""Same seed, same decisions: the search at batch size 1 and at batch size 8.

Over the 24 miniature prompts and the first example profile. Pictures may differ by a grey level
(diffusers promises no bit-equality between batch sizes); ids, selection and best prompt must not.
The smallest margin by which a decision was made says how safe that is.
"""

from pathlib import Path

import numpy as np

from agent.trajectory import Trajectory
from benchmarks.report import Report, parser
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


def smallest_margin(run: Trajectory) -> float:
    """The smallest distance between the last that stayed in a beam and the first that did not."""
    scores = {c.id: c.score for c in run.candidates if c.score is not None}
    margins = []
    for step in run.steps:
        known = [c.id for c in run.candidates if c.iteration <= step.iteration and c.id in scores]
        left = [scores[name] for name in known if name not in step.beam]
        if left and step.beam:
            margins.append(min(scores[name] for name in step.beam) - max(left))
    return min(margins, default=float("nan"))


def main() -> None:
    """Searches twice a prompt, compares, prints."""
    from tqdm import tqdm

    made = parser(__doc__)
    made.add_argument("--prompts", type=int, default=24, help="how many (default: all 24)")
    made.add_argument("--profile", type=Path, default=Path("examples/profile.json"))
    args = made.parse_args()
    report = Report("python -m benchmarks.batches")
    user = UserProfile.load(args.profile)
    same, margins, scores = [], [], []
    for prompt in tqdm(benchmark("miniature")[: args.prompts], desc="prompts"):
        runs = [
            run_once(prompt, user, BUILD / "batches" / str(size), {"batch_size": size})
            for size in (1, 8)
        ]
        same.append(decisions(runs[0]) == decisions(runs[1]))
        margins.append(smallest_margin(runs[1]))
        pairs = zip(runs[0].candidates, runs[1].candidates, strict=False)
        scores += [abs(a.score - b.score) for a, b in pairs if a.score and b.score]
    report.figures["smallest score margin of a decision"] = float(np.nanmin(margins))
    report.figures["largest difference of a score"] = float(max(scores))
    report.bar(
        "share of prompts with the same decisions", float(np.mean(same)), at_least=1, n=len(same)
    )
    report.close(json_output=args.json)


if __name__ == "__main__":
    main()
