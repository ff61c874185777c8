"""How much of what a search misses is the predictor's doing?

The search of `benchmarks.gain` and its best-of-N once more, with a perfect predictor in the place
of the trained one: the simulated participant's true liking of each picture. Every prompt for one
person, in turn. No better predictor gains much more with these settings; the ratio to best-of-N,
which is told the same, need not grow with what is known. What is expected of words before anything
is drawn is still the trained predictor's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import PIL.Image

from benchmarks.gain import Liking, add_mean, asked_for, column, outcomes, ratio, search
from benchmarks.people import PEOPLE, spare_people
from benchmarks.report import Report, in_one_line, parser
from benchmarks.runs import parts_for
from miniature.training import BUILD
from prompts import benchmark
from scorer.base import Leans, Scorer, Scores
from scorer.profile import UserProfile

OF_THE_PREDICTOR = ("personal", "personal_sd")


class Perfect:
    """A scorer that knows what people truly like; guards and leanings are those of another one."""

    def __init__(self, inner: Scorer, liking: Callable[[str, np.ndarray], np.ndarray]) -> None:
        self._inner, self._liking = inner, liking

    def score(
        self,
        images: Sequence[PIL.Image.Image],
        prompts: Sequence[str | None],
        user: UserProfile,
    ) -> list[Scores]:
        """True liking, with the guards."""
        guarded = self._inner.score(images, prompts, user)
        pictures = np.stack([np.asarray(image.convert("RGB")) for image in images])
        true = self._liking(user.user_id, pictures)
        return [_replaced(s, float(v)) for s, v in zip(guarded, true, strict=True)]

    def leanings(
        self,
        prompt: str | None,
        user: UserProfile,
        words: Mapping[str, Mapping[str, Sequence[str]]],
    ) -> dict[str, float]:
        """What the trained predictor expects of words: a prompt alone has no true liking."""
        return cast(Leans, self._inner).leanings(prompt, user, words)

    def describe(self) -> dict[str, str]:
        """The other scorer, and that its liking is the true one."""
        return {**self._inner.describe(), "liking": "true"}


def _replaced(scores: Scores, liking: float) -> Scores:
    guards = {name: value for name, value in scores.parts.items() if name not in OF_THE_PREDICTOR}
    return Scores(liking, {"true": liking, **guards})


def main() -> None:
    """Searches with perfect knowledge, compares, prints."""
    from tqdm import tqdm

    made = parser(__doc__)
    made.add_argument("--renderer", default="miniature", help="miniature (default) or scene")
    made.add_argument("--runs-dir", type=Path, default=BUILD / "perfect")
    args = made.parse_args()
    report = Report(f"python -m benchmarks.perfect --renderer {args.renderer}")
    people, tastes = spare_people(PEOPLE)
    liking, options = Liking(tastes), {"renderer": args.renderer}
    parts = parts_for(options)
    parts = replace(parts, scorer=Perfect(parts.scorer, liking))
    jobs = [
        (prompt, people[asked_for(number, list(people))[0]])
        for number, prompt in enumerate(benchmark("miniature"))
    ]
    folder = args.runs_dir / args.renderer
    searches = [search(p, u, folder, options, parts) for p, u in tqdm(jobs, desc="searches")]
    found = outcomes(searches, people, liking, parts)
    for name in ("true", "best_of_n"):
        add_mean(report, found, name)
    times, within = ratio(found, column(found, "true"), column(found, "best_of_n"))
    report.figures["true gain, in gains of best-of-N"] = {
        "ratio": round(times, 4),
        "ci95": [round(x, 4) for x in within],
    }
    report.close(json_output=args.json)


if __name__ == "__main__":
    in_one_line(main)
