"""How well is a person's liking predicted, and how much do their ratings help?

All four evaluation splits of the simulated participants' ratings. Models, each beside the last:

- `constant`, `group mean` (of the training ratings) and `image mean`: the mean true liking of the
  seen people, an oracle of the population;
- `average`, the network with the person left out, and the predictor `zero-shot`, which knows the
  demographics, and with 5 to 50 of the person's ratings, or all of their training ratings;
- an oracle that is told what the person sees in a picture (that is all that liking depends on) and
  the distribution that tastes are drawn from, zero-shot and with the same ratings: Bayesian
  inference as if ratings were neither rounded nor cut, which moves its SROCC by less than .001;
- the same oracle with the judge's eyes instead of the person's: what is lost by seeing well, but
  not just as the person does, which no predictor can make good;
- `ceiling`, the true liking itself.

Adapting takes a seen person's training ratings; of an unseen person 50 ratings are set apart for
it and the rest is predicted, for all models alike. That more ratings never make the error larger
is asked of all people of the test splits, mean squared errors over 8 random orders of their
ratings; what is compared is the paired increase from one count to the next.

User figures are means over people with bootstrap intervals over people; pooled ones take all
ratings (for pairs: all pairs of one person) together.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from benchmarks.report import Report, bootstrap_mean, bootstrap_ratio, in_one_line, parser
from miniature import WEIGHTS
from miniature.calibration import calibration
from miniature.participants import (
    DATASET,
    SEED,
    Participant,
    ensure_dataset,
    make_participants,
)
from miniature.taste import (
    NOISE,
    SPREAD,
    expected_taste,
    own_covariance,
    true_liking,
)
from scorer.adapt import Prior, design, load_prior, posterior, predict_residual
from scorer.data.table import Row
from scorer.demographics import prior_mean
from scorer.evaluate import by_person, pooled, user_figures
from scorer.people import embeddings_of
from scorer.predictor import load_network, predict
from scorer.ratings import Ratings, without_person

SPLITS = ("pamela_val_seen", "pamela_val_unseen", "pamela_test_seen", "pamela_test_unseen")
TRAIN = "pamela_train"
COUNTS = (5, 10, 20, 50)
SET_ASIDE = max(COUNTS)
ALL = "all"
ORDERS = 8
"""In so many random orders a person's ratings are given, to see what more of them do."""
MOST_WORSE = 0.01
ROUNDING = 1 / 12
"""Variance that rounding to whole ratings adds to their noise."""


@dataclass(frozen=True)
class View:
    """One split as every model sees it; arrays are (rating,) or (rating, …)."""

    users: np.ndarray
    images: np.ndarray
    groups: np.ndarray
    truth: np.ndarray
    average: np.ndarray
    zero_shot: np.ndarray
    features: np.ndarray
    """What the adaptation regresses on, (rating, feature)."""
    percept: dict[str, np.ndarray]
    judged: dict[str, np.ndarray]
    """What the judge sees where the person has their percept."""

    def __getitem__(self, rows: np.ndarray) -> "View":
        def taken(value: Any) -> Any:
            if isinstance(value, dict):
                return {name: part[rows] for name, part in value.items()}
            return value[rows]

        return View(**{name: taken(value) for name, value in vars(self).items()})

    def of(self, user: str) -> "View":
        """The ratings of one person."""
        return self[np.flatnonzero(self.users == user)]


def _pictures(rows: Iterable[Row]) -> np.ndarray:
    return np.stack([np.asarray(PIL.Image.open(row.image).convert("RGB")) for row in rows])


def _percepts(rows: list[Row], eyes: Iterable[str]) -> dict[str, dict[str, np.ndarray]]:
    """What each of some classifiers sees in the picture of each row."""
    from miniature.classifier import load_classifier
    from miniature.taste import perceive

    first = {row.image: row for row in rows}
    number = {image: place for place, image in enumerate(first)}
    pictures = _pictures(first.values())
    places = [number[row.image] for row in rows]
    seen = {own: perceive(load_classifier(own), pictures) for own in eyes}
    return {own: {name: v[places] for name, v in found.items()} for own, found in seen.items()}


def view_of(rows: list[Row], ratings: Ratings, prior: Prior) -> View:
    """Scores, features and percepts of a split; zero-shot scores know the demographics."""
    score, features = predict(load_network(WEIGHTS / "predictor"), ratings.tokens)
    flat, _ = predict(
        load_network(WEIGHTS / "predictor" / "average"), without_person(ratings).tokens
    )
    starts = np.stack([prior_mean(prior, person) for person in embeddings_of(ratings)])
    start = starts[ratings.user.numpy()]
    seen = _percepts(rows, ("perception", "judge"))
    return View(
        users=np.array([row.user for row in rows]),
        images=np.array([row.image.name for row in rows]),
        groups=np.array([str(row.metadata["group"]) for row in rows]),
        truth=np.array([row.score for row in rows], float),
        average=flat.astype(float),
        zero_shot=score + (design(features, prior) * start).sum(1),
        features=features,
        percept=seen["perception"],
        judged=seen["judge"],
    )


def image_means(view: View, people: dict[str, Participant]) -> np.ndarray:
    """The mean true liking of the seen people."""
    seen = [person for person in people.values() if person.group == "seen"]
    return np.mean([true_liking(person.taste, view.percept) for person in seen], axis=0)


def group_means(view: View, train: View) -> np.ndarray:
    """The mean training rating of each picture's group."""
    means = {g: train.truth[train.groups == g].mean() for g in np.unique(train.groups)}
    return np.array([means.get(group, train.truth.mean()) for group in view.groups])


def adapted(asked: View, known: View, prior: Prior) -> np.ndarray:
    """The predictor's scores after a person's known ratings."""
    taste = posterior(known.features, known.truth - known.zero_shot, prior)
    return asked.zero_shot + predict_residual(asked.features, taste, prior).mean


def oracle(asked: View, known: View, person: Participant) -> np.ndarray:
    """The best guess of who knows the percepts and the prior, after the same ratings.

    Gaussian process regression (Rasmussen and Williams 2006, eq. 2.25) on ratings that are neither
    rounded nor cut; rounding counts as noise.
    """
    expected = expected_taste(person.demographics, seed=SEED)
    start = true_liking(expected, asked.percept)
    if not len(known.truth):
        return start
    noise = NOISE * SPREAD**2 + ROUNDING
    among = own_covariance(known.percept, known.percept) + noise * np.eye(len(known.truth))
    left = known.truth - true_liking(expected, known.percept)
    return start + own_covariance(asked.percept, known.percept) @ np.linalg.solve(among, left)


def oracles(asked: View, known: View, person: Participant, given: str) -> dict[str, np.ndarray]:
    """The oracle, and the one that sees with the judge's eyes."""
    seen, rated = (replace(view, percept=view.judged) for view in (asked, known))
    return {
        f"oracle {given}": oracle(asked, known, person),
        f"oracle with the judge's eyes {given}": oracle(seen, rated, person),
    }


def known_and_asked(view: View, train: View, user: str) -> tuple[View, View]:
    """Ratings to adapt on, in random order, and ratings to predict."""
    own, earlier = view.of(user), train.of(user)
    rng = np.random.default_rng(int(user.rsplit("-", 1)[-1]))
    if len(earlier.truth):
        return earlier[rng.permutation(len(earlier.truth))], own
    order = rng.permutation(len(own.truth))
    return own[order[:SET_ASIDE]], own[order[SET_ASIDE:]]


def scores_of(
    view: View, train: View, prior: Prior, people: dict[str, Participant]
) -> tuple[View, dict[str, np.ndarray]]:
    """The rows that are predicted, and every model's scores of them."""
    means, groups = image_means(view, people), group_means(view, train)
    place = {(u, i): n for n, (u, i) in enumerate(zip(view.users, view.images, strict=True))}
    rows: list[int] = []
    scores: dict[str, list[np.ndarray]] = {}
    for user in dict.fromkeys(view.users):
        known, asked = known_and_asked(view, train, user)
        person = people[user]
        here = [place[user, image] for image in asked.images]
        rows += here
        found = {
            "constant": np.full(len(here), train.truth.mean()),
            "group mean": groups[here],
            "image mean": means[here],
            "average": asked.average,
            "zero-shot": asked.zero_shot,
            **oracles(asked, known[np.arange(0)], person, "zero-shot"),
            "ceiling": true_liking(person.taste, asked.percept),
        }
        for count in COUNTS:
            few = known[np.arange(count)]
            found[f"{count} ratings"] = adapted(asked, few, prior)
            found |= oracles(asked, few, person, f"{count} ratings")
        if len(known.truth) > SET_ASIDE:
            found[f"{ALL} ratings"] = adapted(asked, known, prior)
            found |= oracles(asked, known, person, f"{ALL} ratings")
        for name, values in found.items():
            scores.setdefault(name, []).append(values)
    return view[np.array(rows)], {name: np.concatenate(parts) for name, parts in scores.items()}


def people_srocc(view: View, score: np.ndarray) -> np.ndarray:
    """The SROCC of every person, (person,)."""
    return np.array(list(by_person(view.users.tolist(), view.truth, score, "srocc").values()))


def errors(view: View, train: View, prior: Prior) -> np.ndarray:
    """The mean squared error with 0 to 50 ratings, (person, count)."""
    found = []
    for user in dict.fromkeys(view.users):
        known, asked = known_and_asked(view, train, user)
        rng = np.random.default_rng(0)
        orders = [rng.permutation(len(known.truth)) for _ in range(ORDERS)]
        squares = [
            [
                ((adapted(asked, known[order[:count]], prior) - asked.truth) ** 2).mean()
                for count in (0, *COUNTS)
            ]
            for order in orders
        ]
        found.append(np.mean(squares, axis=0))
    return np.array(found)


def add_increases(report: Report, error: np.ndarray) -> None:
    """How much larger the error gets from one count of ratings to the next."""
    counts = (0, *COUNTS)
    report.figures["mean squared error"] = dict(
        zip(map(str, counts), error.mean(axis=0).round(4).tolist(), strict=True)
    )
    for place in range(1, len(counts)):
        before, after = error[:, place - 1], error[:, place]
        increase = (after - before) / before.mean()
        within = bootstrap_mean(increase)
        report.bar(
            f"{counts[place - 1]} to {counts[place]} ratings: larger error, upper bound",
            within[1],
            at_most=MOST_WORSE,
            n=len(error),
            ci95=within,
        )


def add_bars(report: Report, found: dict[str, tuple[View, dict[str, np.ndarray]]]) -> None:
    """What has to be reached."""

    @cache
    def user(split: str, model: str) -> np.ndarray:
        view, scores = found[f"pamela_test_{split}"]
        return people_srocc(view, scores[model])

    share, interval = bootstrap_ratio(user("seen", f"{ALL} ratings"), user("seen", "ceiling"))
    count = len(user("seen", "ceiling"))
    report.bar("seen: share of the ceiling", share, at_least=0.85, n=count, ci95=interval)
    for split in ("seen", "unseen"):
        for model in ("zero-shot", "20 ratings"):
            ahead = user(split, model) - user(split, "average")
            words = f"{split}: {model} beyond average"
            least = 0.05 if (split, model) == ("unseen", "zero-shot") else 0.0
            value, within = float(ahead.mean()), bootstrap_mean(ahead)
            report.bar(words, value, at_least=least, n=len(ahead), ci95=within)
    for given, least in ((20, 0.8), (50, 0.85)):
        ours = user("unseen", f"{given} ratings") - user("unseen", "zero-shot")
        theirs = user("unseen", f"oracle {given} ratings") - user("unseen", "oracle zero-shot")
        share, interval = bootstrap_ratio(ours, theirs)
        words = f"unseen: share of the oracle's gain from {given} ratings"
        report.bar(words, share, at_least=least, n=len(ours), ci95=interval)


def add_ratings_bars(report: Report, figures: dict[str, float], unseen: View, people: int) -> None:
    """What the ratings themselves have to be like (decision 13).

    What `average` reaches is asked of all ratings of unseen people: it needs none of them.
    """
    report.figures["ratings"] = figures
    flat = people_srocc(unseen, unseen.average)
    report.bar(
        "unseen: average, all ratings",
        float(flat.mean()),
        at_least=0.37,
        at_most=0.43,
        n=len(flat),
        ci95=bootstrap_mean(flat),
    )
    for name, low, high in (
        ("mean rating", 3.06, 3.26),
        ("spread of group means", 0.31, 0.41),
        ("demographic share", 0.12, 0.18),
        ("test-retest SROCC", 0.60, 0.75),
    ):
        report.bar(name, figures[name], at_least=low, at_most=high, n=people)


def main() -> None:
    """Loads the data set (made again if it is not of the present weights), compares, prints."""
    from miniature.predictor import load_splits
    from scorer.data.pamela import load_pamela

    made = parser(__doc__)
    made.add_argument("--data", type=Path, default=DATASET, help="folder in PAMELA's layout")
    args = made.parse_args()
    report = Report("python -m benchmarks.predictor")
    if args.data == DATASET:
        ensure_dataset()
    data, table = load_splits(args.data), load_pamela(args.data, check_pictures=False)
    prior = load_prior(WEIGHTS / "predictor")
    views = {
        split: view_of(list(table.where(split=split).rows), data[split], prior)
        for split in (TRAIN, *SPLITS)
    }
    people = {person.id: person for person in make_participants()}
    found = {split: scores_of(views[split], views[TRAIN], prior, people) for split in SPLITS}
    for split, (view, scores) in found.items():
        users = view.users.tolist()
        report.figures[split] = {
            name: {
                "user": user_figures(users, view.truth, score),
                "pooled": pooled(users, view.truth, score),
            }
            for name, score in scores.items()
        }
    add_bars(report, found)
    tests = [views[split] for split in SPLITS if "test" in split]
    add_increases(report, np.concatenate([errors(v, views[TRAIN], prior) for v in tests]))
    unseen = views["pamela_test_unseen"]
    add_ratings_bars(report, calibration(args.data), unseen, people=len(people))
    report.close(json_output=args.json)


if __name__ == "__main__":
    in_one_line(main)
