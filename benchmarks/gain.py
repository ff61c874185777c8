"""Does the search find what this person really likes?

The 24 miniature prompts × the four example profiles: one search each, with the default settings.
Liking is measured on the held-out seeds, as predicted and as the simulated participant's true
liking (their hidden taste of what their own perception sees; the search never meets it). Beside
it: best-of-N, the best predicted of as many pictures of the unchanged prompt, and the control
that shows that it is personal, what a search for somebody else gains for this person. With
`--renderer scene --possible` also the share that the search got of what trying everything would
have got: some minutes of rendering more a prompt, kept for the next time.
Intervals are bootstrapped over prompts; of people there are four, so they say nothing of others.
"""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from agent.cli.parsers import counted
from agent.render.base import RenderRequest
from agent.seeds import derive_seeds
from agent.trajectory import Trajectory
from benchmarks.report import Report, bootstrap_mean, bootstrap_ratio, in_one_line, parser
from benchmarks.runs import parts_for, run_once
from miniature.training import BUILD
from prompts import benchmark
from scorer.errors import InputError
from scorer.profile import UserProfile

ALL = len(benchmark("miniature"))
"""Prompts of the benchmark."""
FIRST_SEED = 500_000
"""Of best-of-N: far from any seed that a search draws."""


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

    predicted: float
    true: float
    best_of_n: float
    others: float
    """Mean true gain of the searches for the other people."""
    possible: float | None = None
    """Of the best of all lights, angles, shots and palettes, where everything can be tried."""


class Liking:
    """The true liking of the simulated participants behind the example profiles."""

    def __init__(self) -> None:
        from miniature.classifier import load_classifier
        from miniature.examples import example_tastes

        self._tastes = example_tastes()
        self._perception = load_classifier("perception")

    def possible(self, person: str, prompt: str, folder: Path) -> float:
        """The greatest gain that trying everything finds on the scene backend."""
        from benchmarks.exhaustive import possible_gain

        return possible_gain(prompt, self._tastes[person], folder)

    def __call__(self, person: str, pictures: np.ndarray) -> np.ndarray:
        """True liking of pictures, (picture,)."""
        from miniature.taste import perceive, true_liking

        return true_liking(self._tastes[person], perceive(self._perception, pictures))


def load_people(folder: Path) -> dict[str, UserProfile]:
    """The example profiles by user id."""
    profiles = [UserProfile.load(path) for path in sorted(folder.glob("*.json"))]
    return {profile.user_id: profile for profile in profiles}


def pictures_of(run: Trajectory, runs_dir: Path, candidate: str) -> np.ndarray:
    """A candidate's held-out pictures in the order of their seeds."""
    chosen = sorted((h for h in run.heldout if h.candidate == candidate), key=lambda h: h.seed)
    paths = [runs_dir / run.id / h.image.path for h in chosen if h.image is not None]
    return np.stack([np.asarray(PIL.Image.open(path).convert("RGB")) for path in paths])


def drawn(prompt: str, seeds: Iterable[int], options: Mapping[str, Any]) -> list[PIL.Image.Image]:
    """Pictures of a prompt by the renderer of the options."""
    wanted = [RenderRequest(prompt, seed) for seed in seeds]
    results = parts_for(options).renderer.render(wanted)
    return [result.image.convert("RGB") for result in results if result.image is not None]


def search(prompt: str, user: UserProfile, runs_dir: Path, options: Mapping[str, Any]) -> Found:
    """One search; where it kept the user's own prompt, `best` is `initial`."""
    run = run_once(prompt, user, runs_dir, options)
    if run.initial is None or run.best is None:
        raise RuntimeError(f"run {run.id!r} ended without a best candidate")
    if run.best.id == run.initial.id:
        settings = run.config
        searched = derive_seeds(settings.seed, "search", settings.seeds)
        seeds = derive_seeds(settings.seed, "heldout", settings.heldout_seeds, avoid=searched)
        kept = np.stack([np.asarray(p) for p in drawn(prompt, seeds, options)])
        return Found(prompt, user.user_id, run, kept, kept)
    initial, best = (pictures_of(run, runs_dir, c.id) for c in (run.initial, run.best))
    return Found(prompt, user.user_id, run, initial, best)


def best_of_n(prompt: str, user: UserProfile, count: int, options: Mapping[str, Any]) -> np.ndarray:
    """The best predicted of `count` pictures of the unchanged prompt, uint8 (1, size, size, 3)."""
    pictures = drawn(prompt, range(FIRST_SEED, FIRST_SEED + count), options)
    scores = parts_for(options).scorer.score(pictures, [prompt] * len(pictures), user)
    best = max(range(len(pictures)), key=lambda number: scores[number].value)
    return np.asarray(pictures[best])[None]


def outcomes(
    searches: Sequence[Found],
    people: Mapping[str, UserProfile],
    liking: Liking,
    options: Mapping[str, Any],
    exhaustive: Path | None = None,
) -> list[Outcome]:
    """What each search brought its person; with a folder, beside what was possible."""
    found = {(s.prompt, s.person): s for s in searches}
    results = []
    for own in searches:
        start = float(liking(own.person, own.initial).mean())
        lucky = best_of_n(own.prompt, people[own.person], own.run.usage.renders, options)
        others = [
            float(liking(own.person, found[own.prompt, other].best).mean()) - start
            for other in people
            if other != own.person
        ]
        results.append(
            Outcome(
                predicted=own.run.gain.heldout or 0.0,
                true=float(liking(own.person, own.best).mean()) - start,
                best_of_n=float(liking(own.person, lucky)[0]) - start,
                others=float(np.mean(others)),
                possible=None
                if exhaustive is None
                else liking.possible(own.person, own.prompt, exhaustive),
            )
        )
    return results


def _column(results: Iterable[Outcome], name: str) -> np.ndarray:
    return np.array([getattr(result, name) for result in results])


def add_figures(report: Report, results: Sequence[Outcome], people: int) -> None:
    """Means with intervals, and the bars; the results of a prompt lie side by side."""

    def of_prompts(values: np.ndarray) -> np.ndarray:
        return values.reshape(-1, people).mean(1)

    def interval(values: np.ndarray) -> tuple[float, float]:
        return bootstrap_mean(of_prompts(values))

    n = len(results)
    for name in ("predicted", "true", "best_of_n", "others"):
        values = _column(results, name)
        report.figures[f"mean gain: {name}"] = {
            "mean": round(float(values.mean()), 4),
            "ci95": [round(x, 4) for x in interval(values)],
        }
    if results[0].possible is not None:
        most = _column(results, "possible")
        got, within = bootstrap_ratio(of_prompts(_column(results, "true")), of_prompts(most))
        report.figures["mean gain: possible"] = {
            "mean": round(float(most.mean()), 4),
            "ci95": [round(x, 4) for x in interval(most)],
            "share that the search got": round(got, 4),
            "its ci95": [round(x, 4) for x in within],
        }
    for name, need in (("predicted", 0.9), ("true", 0.9)):
        positive = (_column(results, name) > 0).astype(float)
        share = float(positive.mean())
        report.bar(
            f"share of runs with a positive {name} gain",
            share,
            at_least=need,
            n=n,
            ci95=interval(positive),
        )
    for name, words in (("best_of_n", "best-of-N"), ("others", "a search for somebody else")):
        ahead = _column(results, "true") - _column(results, name)
        report.positive(f"true gain beyond {words}", float(ahead.mean()), n=n, ci95=interval(ahead))
    true, lucky = (of_prompts(_column(results, name)) for name in ("true", "best_of_n"))
    times, within = bootstrap_ratio(true, lucky)
    report.bar("true gain, in gains of best-of-N", times, at_least=2.0, n=n, ci95=within)


def _arguments() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument("--renderer", default="miniature", help="miniature (default) or scene")
    made.add_argument("--prompts", type=counted, default=ALL, help=f"how many (default: all {ALL})")
    made.add_argument(
        "--possible", action="store_true", help="scene only: render what could be tried, all of it"
    )
    made.add_argument("--profiles", type=Path, default=Path("examples"))
    made.add_argument("--runs-dir", type=Path, default=BUILD / "gain")
    return made.parse_args()


def main() -> None:
    """Searches for everybody, compares, prints."""
    from tqdm import tqdm

    args = _arguments()
    asked = f" --prompts {args.prompts}" if args.prompts != ALL else ""
    asked += " --possible" if args.possible else ""
    report = Report(f"python -m benchmarks.gain --renderer {args.renderer}{asked}")
    if args.possible and args.renderer != "scene":
        raise InputError(f"--possible is for --renderer scene, not {args.renderer!r}")
    options = {"renderer": args.renderer}
    people = load_people(args.profiles)
    if len(people) < 2:
        raise InputError(
            f"--profiles {str(args.profiles)!r} holds {len(people)} profiles: 2 or more"
        )
    jobs = [(p, u) for p in benchmark("miniature")[: args.prompts] for u in people.values()]
    folder = args.runs_dir / args.renderer
    searches = [search(p, u, folder, options) for p, u in tqdm(jobs, desc="searches")]
    report.figures["runs that kept the user's prompt"] = sum(s.best is s.initial for s in searches)
    exhaustive = BUILD / "exhaustive" if args.possible else None
    found = outcomes(searches, people, Liking(), options, exhaustive)
    add_figures(report, found, len(people))
    report.close(json_output=args.json)


if __name__ == "__main__":
    in_one_line(main)
