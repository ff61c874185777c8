"""Does the search find what this person really likes?

The 24 miniature prompts, each for four of 24 simulated people who took no part in training, those
of the examples among them (with `--profiles examples` for these four only): one search each, with
the default settings.
Liking is measured on the held-out seeds, as predicted and as the simulated participant's true
liking (their hidden taste of what their own perception sees; the search never meets it). Beside
it: best-of-N, the best predicted of as many pictures of the unchanged prompt, on average over three
draws of that many; and the control that shows that it is personal, what a search for somebody else
gains for this person. With `--renderer scene --possible` also the share that the search got of what
trying everything would have got: some minutes of rendering more a prompt, kept for the next time.
Intervals are bootstrapped over prompts and over people, and the wider one counts; it leaves out
what only the two together vary by.
"""

import argparse
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL.Image

from agent.builders import Parts
from agent.cli.parsers import counted
from agent.render.base import Renderer, RenderRequest
from agent.seeds import derive_seeds
from agent.trajectory import Trajectory
from benchmarks.people import PEOPLE, examples, spare_people
from benchmarks.report import Report, bootstrap_ratio, in_one_line, parser
from benchmarks.runs import parts_for, run_once
from miniature.training import BUILD
from prompts import benchmark
from scorer.errors import InputError
from scorer.profile import UserProfile

if TYPE_CHECKING:
    from miniature.taste import Taste

ALL = len(benchmark("miniature"))
"""Prompts of the benchmark."""
TURNS = (0, 1, 3, 7)
"""A prompt is searched for the people that come so many places after its own: four a prompt, and of
24 people no two meet twice in this way."""
FIRST_SEED = 500_000
"""Of best-of-N: far from any seed that a search draws."""
DRAWS = 3
"""Of N pictures each: which of one draw is the best is half luck."""


@dataclass(frozen=True)
class Found:
    """One search, with the pictures that decide."""

    prompt: str
    person: str
    run: Trajectory
    initial: np.ndarray
    """Held-out pictures of the user's prompt, uint8 (seed, size, size, 3)."""
    best: np.ndarray
    """Of the best prompt, on the same seeds."""


@dataclass(frozen=True)
class Outcome:
    """What one search brought its person, in points of the rating scale."""

    prompt: str
    person: str
    predicted: float
    true: float
    best_of_n: float
    others: float
    """Mean true gain of the searches for the other people; NaN where there are none."""
    possible: float | None = None
    """Of the best of all lights, angles, shots and palettes, where everything can be tried."""


class Liking:
    """The true liking of simulated participants, by the tastes behind their profiles."""

    def __init__(self, tastes: Mapping[str, "Taste"]) -> None:
        from miniature.classifier import load_classifier

        self._tastes = tastes
        self._perception = load_classifier("perception")

    def possible(self, person: str, prompt: str, folder: Path) -> float:
        """The greatest gain that trying everything finds on the scene backend."""
        from benchmarks.exhaustive import possible_gain

        return possible_gain(prompt, self._tastes[person], folder)

    def __call__(self, person: str, pictures: np.ndarray) -> np.ndarray:
        """True liking of pictures, (picture,)."""
        from miniature.taste import perceive, true_liking

        return true_liking(self._tastes[person], perceive(self._perception, pictures))


def asked_for(number: int, people: Sequence[str]) -> list[str]:
    """For whom the prompt of this number is searched: everybody, or four of many in turn."""
    if len(people) <= len(TURNS):
        return list(people)
    turned = [people[(number + turn) % len(people)] for turn in TURNS]
    return list(dict.fromkeys(turned))


def pictures_of(run: Trajectory, runs_dir: Path, candidate: str) -> np.ndarray:
    """A candidate's held-out pictures in the order of their seeds."""
    chosen = sorted((h for h in run.heldout if h.candidate == candidate), key=lambda h: h.seed)
    paths = [runs_dir / run.id / h.image.path for h in chosen if h.image is not None]
    return np.stack([np.asarray(PIL.Image.open(path).convert("RGB")) for path in paths])


def drawn(prompt: str, seeds: Iterable[int], renderer: Renderer) -> list[PIL.Image.Image]:
    """Pictures of a prompt."""
    results = renderer.render([RenderRequest(prompt, seed) for seed in seeds])
    return [result.image.convert("RGB") for result in results if result.image is not None]


def search(
    prompt: str, user: UserProfile, runs_dir: Path, options: Mapping[str, Any], parts: Parts
) -> Found:
    """One search; where it kept the user's own prompt, `best` is `initial`."""
    run = run_once(prompt, user, runs_dir, options, parts)
    if run.initial is None or run.best is None:
        raise RuntimeError(f"run {run.id!r} ended without a best candidate")
    if run.best.id == run.initial.id:
        settings = run.config
        searched = derive_seeds(settings.seed, "search", settings.seeds)
        seeds = derive_seeds(settings.seed, "heldout", settings.heldout_seeds, avoid=searched)
        kept = np.stack([np.asarray(p) for p in drawn(prompt, seeds, parts.renderer)])
        return Found(prompt, user.user_id, run, kept, kept)
    initial, best = (pictures_of(run, runs_dir, c.id) for c in (run.initial, run.best))
    return Found(prompt, user.user_id, run, initial, best)


def best_of_n(prompt: str, user: UserProfile, count: int, parts: Parts) -> np.ndarray:
    """The best predicted of `count` pictures of the unchanged prompt, of each draw of that many.

    Returns:
        Pictures, uint8 (draw, size, size, 3).
    """
    best = []
    for first in range(FIRST_SEED, FIRST_SEED + DRAWS * count, count):
        pictures = drawn(prompt, range(first, first + count), parts.renderer)
        scores = parts.scorer.score(pictures, [prompt] * len(pictures), user)
        place = max(range(len(pictures)), key=lambda number: scores[number].value)
        best.append(np.asarray(pictures[place]))
    return np.stack(best)


def outcomes(
    searches: Sequence[Found],
    people: Mapping[str, UserProfile],
    liking: Liking,
    parts: Parts,
    exhaustive: Path | None = None,
) -> list[Outcome]:
    """What each search brought its person; with a folder, beside what was possible."""
    found = {(s.prompt, s.person): s for s in searches}
    results = []
    for own in searches:
        start = float(liking(own.person, own.initial).mean())
        lucky = best_of_n(own.prompt, people[own.person], own.run.usage.renders, parts)
        others = [
            float(liking(own.person, found[own.prompt, other].best).mean()) - start
            for prompt, other in found
            if prompt == own.prompt and other != own.person
        ]
        results.append(
            Outcome(
                prompt=own.prompt,
                person=own.person,
                predicted=own.run.gain.heldout or 0.0,
                true=float(liking(own.person, own.best).mean()) - start,
                best_of_n=float(liking(own.person, lucky).mean()) - start,
                others=float(np.mean(others)) if others else math.nan,
                possible=None
                if exhaustive is None
                else liking.possible(own.person, own.prompt, exhaustive),
            )
        )
    return results


def column(results: Iterable[Outcome], name: str) -> np.ndarray:
    """One figure of every search."""
    return np.array([getattr(result, name) for result in results])


def _sums(values: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """The sum of the values under each label."""
    return np.bincount(np.unique(labels, return_inverse=True)[1], values)


def _wider(intervals: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return max(intervals, key=lambda ends: ends[1] - ends[0])


def ratio(
    results: Sequence[Outcome], above: np.ndarray, below: np.ndarray
) -> tuple[float, tuple[float, float]]:
    """Of two means over searches, with the wider of the intervals over prompts and over people."""
    units = [[one.prompt for one in results], [one.person for one in results]]
    found = [bootstrap_ratio(_sums(above, of), _sums(below, of)) for of in units]
    return found[0][0], _wider([interval for _, interval in found])


def add_mean(report: Report, results: Sequence[Outcome], name: str) -> None:
    """The mean of one figure of every search, with its interval."""
    values = column(results, name)
    report.figures[f"mean gain: {name}"] = {
        "mean": round(float(values.mean()), 4),
        "ci95": [round(x, 4) for x in ratio(results, values, np.ones(len(values)))[1]],
    }


def add_figures(report: Report, results: Sequence[Outcome]) -> None:
    """Means with intervals, and the bars."""

    def interval(values: np.ndarray) -> tuple[float, float]:
        return ratio(results, values, np.ones(len(values)))[1]

    n = len(results)
    for name in ("predicted", "true", "best_of_n", "others"):
        add_mean(report, results, name)
    if results[0].possible is not None:
        add_mean(report, results, "possible")
        got, within = ratio(results, column(results, "true"), column(results, "possible"))
        report.figures["mean gain: possible"] |= {
            "share that the search got": round(got, 4),
            "its ci95": [round(x, 4) for x in within],
        }
    for name, need in (("predicted", 0.9), ("true", 0.9)):
        positive = (column(results, name) > 0).astype(float)
        share = float(positive.mean())
        report.bar(
            f"share of runs with a positive {name} gain",
            share,
            at_least=need,
            n=n,
            ci95=interval(positive),
        )
    for name, words in (("best_of_n", "best-of-N"), ("others", "a search for somebody else")):
        ahead = column(results, "true") - column(results, name)
        report.positive(f"true gain beyond {words}", float(ahead.mean()), n=n, ci95=interval(ahead))
    times, within = ratio(results, column(results, "true"), column(results, "best_of_n"))
    report.bar("true gain, in gains of best-of-N", times, at_least=2.0, n=n, ci95=within)


def _arguments() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument("--renderer", default="miniature", help="miniature (default) or scene")
    made.add_argument("--prompts", type=counted, default=ALL, help=f"how many (default: all {ALL})")
    made.add_argument(
        "--possible", action="store_true", help="scene only: render what could be tried, all of it"
    )
    made.add_argument(
        "--profiles", type=Path, help="folder of the example profiles (default: 24 people)"
    )
    made.add_argument("--runs-dir", type=Path, default=BUILD / "gain")
    return made.parse_args()


def main() -> None:
    """Searches for everybody, compares, prints."""
    from tqdm import tqdm

    args = _arguments()
    asked = f" --prompts {args.prompts}" if args.prompts != ALL else ""
    asked += f" --profiles {args.profiles}" if args.profiles else ""
    asked += " --possible" if args.possible else ""
    report = Report(f"python -m benchmarks.gain --renderer {args.renderer}{asked}")
    if args.possible and args.renderer != "scene":
        raise InputError(f"--possible is for --renderer scene, not {args.renderer!r}")
    options = {"renderer": args.renderer}
    people, tastes = examples(args.profiles) if args.profiles else spare_people(PEOPLE)
    jobs = [
        (prompt, people[person])
        for number, prompt in enumerate(benchmark("miniature")[: args.prompts])
        for person in asked_for(number, list(people))
    ]
    folder, parts = args.runs_dir / args.renderer, parts_for(options)
    searches = [search(p, u, folder, options, parts) for p, u in tqdm(jobs, desc="searches")]
    report.figures["runs that kept the user's prompt"] = sum(s.best is s.initial for s in searches)
    exhaustive = BUILD / "exhaustive" if args.possible else None
    found = outcomes(searches, people, Liking(tastes), parts, exhaustive)
    add_figures(report, found)
    report.close(json_output=args.json)


if __name__ == "__main__":
    in_one_line(main)
