"""Does knowing the person help to predict what they like?

Mean rank correlation per simulated participant (SROCC) on the test splits: `average` (the person
left out), the predictor zero-shot from demographics, and adapted: seen participants by their
training ratings, unseen ones by 20 of their own, with the rest predicted. Differences come with
paired bootstrap intervals over participants. The ceiling is their true liking.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.report import Report, bootstrap_mean, in_one_line, parser
from miniature import WEIGHTS
from miniature.participants import DATASET, ensure_dataset
from miniature.predictor import embeddings_of
from scorer.adapt import Group, Prior, design, load_prior, posterior, predict_residual
from scorer.demographics import prior_mean
from scorer.metrics import pairwise_accuracy, plcc, srocc
from scorer.predictor import PamelaNetwork, load_network, predict
from scorer.train import Ratings, without_person

FEW = 20
METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "srocc": srocc,
    "plcc": plcc,
    "pairwise": pairwise_accuracy,
}


def scored(
    network: PamelaNetwork, ratings: Ratings, prior: Prior | None = None
) -> tuple[list[np.ndarray], list[Group]]:
    """Zero-shot scores and what they leave over, a person each, in the order of their numbers.

    With a prior, what the demographics say of a person's weights is in the score.
    """
    score, cls = predict(network, ratings.tokens)
    users, given = ratings.user.numpy(), ratings.score.numpy()
    rows = [np.flatnonzero(users == user) for user in np.unique(users)]
    scores = [score[r].astype(np.float64) for r in rows]
    if prior is not None:
        starts = [prior_mean(prior, person) for person in embeddings_of(ratings)]
        scores = [
            s + design(cls[r], prior) @ m for s, r, m in zip(scores, rows, starts, strict=True)
        ]
    return scores, [Group(cls[r], given[r] - s) for s, r in zip(scores, rows, strict=True)]


def adapted(score: np.ndarray, asked: Group, known: Group, prior: Prior) -> np.ndarray:
    """Scores corrected by what is known of the person."""
    person = posterior(known.features, known.residual, prior)
    return score + predict_residual(asked.features, person, prior).mean


def few_and_rest(group: Group, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to adapt on and rows to predict, drawn at random."""
    order = np.random.default_rng(seed).permutation(len(group.residual))
    return order[:count], order[count:]


def by_person(metric: str, truth: list[np.ndarray], score: list[np.ndarray]) -> np.ndarray:
    """The metric of every person, (person,)."""
    pairs = zip(truth, score, strict=True)
    return np.array([METRICS[metric](t, s) for t, s in pairs])


class Sides:
    """Truth and scores of one test split, person by person."""

    def __init__(self, truth: list[np.ndarray], scores: dict[str, list[np.ndarray]]) -> None:
        self.truth, self.scores = truth, scores

    def add_to(self, report: Report, split: str, contrasts: list[tuple[str, bool]]) -> None:
        """Figures of every model, and its gain over `average`, as a bar where it is one."""
        for name, score in self.scores.items():
            report.figures[f"{split}: {name}"] = {
                metric: round(float(by_person(metric, self.truth, score).mean()), 4)
                for metric in METRICS
            }
        base = by_person("srocc", self.truth, self.scores["average"])
        for name, is_bar in contrasts:
            ahead = by_person("srocc", self.truth, self.scores[name]) - base
            value, interval = float(ahead.mean()), bootstrap_mean(ahead)
            words = f"{split}: SROCC of {name} beyond average"
            if is_bar:
                report.positive(words, value, n=len(ahead), ci95=interval)
            else:
                report.figures[words] = {"value": round(value, 4), "ci95": interval}


def seen_sides(
    personal: PamelaNetwork,
    average: PamelaNetwork,
    data: dict[str, Ratings],
    names: dict[str, tuple[str, ...]],
) -> Sides:
    """New pictures of seen participants, adapted by their training ratings."""
    test = data["pamela_test_seen"]
    prior = load_prior(WEIGHTS / "predictor")
    zero, asked = scored(personal, test, prior)
    _, known = scored(personal, data["pamela_train"], prior)
    places = {name: place for place, name in enumerate(names["pamela_train"])}
    corrected = [
        adapted(z, a, known[places[name]], prior)
        for z, a, name in zip(zero, asked, names["pamela_test_seen"], strict=True)
    ]
    flat, _ = scored(average, without_person(test))
    truth = [z + a.residual for z, a in zip(zero, asked, strict=True)]
    return Sides(truth, {"average": flat, "zero-shot": zero, "adapted": corrected})


def unseen_sides(personal: PamelaNetwork, average: PamelaNetwork, test: Ratings) -> Sides:
    """Participants never trained on: zero-shot, and after 20 ratings, on the same other ones."""
    prior = load_prior(WEIGHTS / "predictor")
    zero, groups = scored(personal, test, prior)
    flat, _ = scored(average, without_person(test))
    scores: dict[str, list[np.ndarray]] = {"average": [], "zero-shot": [], f"{FEW} ratings": []}
    truth = []
    for number, (z, group) in enumerate(zip(zero, groups, strict=True)):
        few, rest = few_and_rest(group, FEW, seed=number)
        known = Group(group.features[few], group.residual[few])
        asked = Group(group.features[rest], group.residual[rest])
        truth.append(z[rest] + asked.residual)
        scores["average"].append(flat[number][rest])
        scores["zero-shot"].append(z[rest])
        scores[f"{FEW} ratings"].append(adapted(z[rest], asked, known, prior))
    return Sides(truth, scores)


def ceiling(dataset: Path, split: str) -> dict[str, float]:
    """What the participants' own true liking reaches against their ratings."""
    import PIL.Image

    from miniature.classifier import load_classifier
    from miniature.participants import make_participants
    from miniature.taste import perceive, true_liking
    from scorer.data.pamela import load_pamela

    rows = load_pamela(dataset, [split], check_pictures=False).rows
    images = {image: number for number, image in enumerate(dict.fromkeys(r.image for r in rows))}
    pixels = np.stack([np.asarray(PIL.Image.open(image).convert("RGB")) for image in images])
    percept = perceive(load_classifier("perception"), pixels)
    likings = {p.id: true_liking(p.taste, percept) for p in make_participants()}
    truth, score = [], []
    for user in dict.fromkeys(row.user for row in rows):
        own = [row for row in rows if row.user == user]
        truth.append(np.array([row.score for row in own], float))
        score.append(likings[user][[images[row.image] for row in own]])
    return {m: round(float(by_person(m, truth, score).mean()), 4) for m in METRICS}


def retest(people: int = 80, pictures: int = 200) -> float:
    """Mean SROCC of two ratings of the same pictures by the same simulated participant."""
    from miniature.classifier import load_classifier
    from miniature.participants import make_participants
    from miniature.taste import perceive, rate, true_liking

    pixels = _test_pixels(pictures)
    percept = perceive(load_classifier("perception"), pixels)
    figures = []
    for person in make_participants()[:people]:
        liking = true_liking(person.taste, percept)
        rngs = [np.random.default_rng((person.number, time)) for time in (1, 2)]
        figures.append(srocc(*(rate(liking, rng).astype(float) for rng in rngs)))
    return float(np.nanmean(figures))


def _test_pixels(count: int) -> np.ndarray:
    import PIL.Image

    from miniature.examples import test_pictures

    rows = test_pictures(DATASET)[:count]
    return np.stack([np.asarray(PIL.Image.open(row.image).convert("RGB")) for row in rows])


def main() -> None:
    """Loads the data set (made again if it is not of the present weights), compares, prints."""
    from miniature.predictor import load_splits
    from scorer.data.pamela import load_pamela

    args = parser(__doc__).parse_args()
    report = Report("python -m benchmarks.predictor")
    ensure_dataset()
    data = load_splits(DATASET)
    table = load_pamela(DATASET, check_pictures=False)
    names = {split: table.where(split=split).users for split in data}
    personal = load_network(WEIGHTS / "predictor")
    average = load_network(WEIGHTS / "predictor" / "average")
    seen = seen_sides(personal, average, data, names)
    seen.add_to(report, "seen", [("zero-shot", False), ("adapted", True)])
    unseen = unseen_sides(personal, average, data["pamela_test_unseen"])
    unseen.add_to(report, "unseen", [("zero-shot", True), (f"{FEW} ratings", True)])
    for split in ("seen", "unseen"):
        report.figures[f"{split}: ceiling"] = ceiling(DATASET, f"pamela_test_{split}")
    report.bar("test-retest SROCC", retest(), at_least=0.6, at_most=0.75, n=80)
    report.close(json_output=args.json)


if __name__ == "__main__":
    in_one_line(main)
