"""Which pairs of attributes do the training people's ratings ask for?

The encoder can hand on products of what it finds of two attributes, or of one attribute with
itself. A person's ratings, less what a line through everybody's says, are taken for a Gaussian
process with one variance for each attribute and one for each pair of attributes, all of them alike
at the begin; printed is what makes the training people's ratings most likely (as in
`scorer.relevance`, with weights of groups of features instead of single ones). Only training
ratings are read, and no product that the encoder hands on already.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np
import PIL.Image
import torch
from jaxtyping import Float, Int
from torch import Tensor
from tqdm import tqdm

from benchmarks.report import Report, in_one_line, parser
from miniature import WEIGHTS
from miniature.classifier import HEADS
from miniature.participants import DATASET, ensure_dataset
from miniature.together import TOGETHER, look_at_all, places_of, products_between
from scorer.concepts import mean_and_spread
from scorer.data.pamela import load_pamela
from scorer.data.table import Row
from scorer.line import fit_line
from scorer.miniature_encoder import load_sight, to_pixels
from scorer.relevance import LEVEL, NOISE, RATE, RATINGS, SIGNAL, STEPS, Person, surprise

PEOPLE = 48
"""Of a step."""
AT_ONCE = 64
NAMES = tuple(name for name in HEADS if len(places_of(name)) > 1)
PAIRS = tuple(combinations_with_replacement(NAMES, 2))


class Rated(NamedTuple):
    """Ratings, by person, of pictures that both eyes have looked at."""

    told: Float[Tensor, "picture told"]
    again: Float[Tensor, "picture value"]
    people: list[tuple[Int[Tensor, " rating"], Float[Tensor, " rating"]]]
    """Which pictures somebody rated, and what the line leaves over of it."""


def look_at(rows: Sequence[Row]) -> Rated:
    """Looks at every picture once, and takes the line away from the ratings."""
    files = list(dict.fromkeys(row.image for row in rows))
    sight = load_sight(WEIGHTS / "encoder", torch.device("cpu"))
    parts = np.array_split(np.array(files), max(1, len(files) // AT_ONCE))
    pixels = (
        torch.from_numpy(to_pixels([PIL.Image.open(file) for file in part], sight.size))
        for part in tqdm(parts, desc="looks")
    )
    told, again = look_at_all(sight, pixels)
    place = {file: number for number, file in enumerate(files)}
    picture = np.array([place[row.image] for row in rows])
    score = np.array([row.score for row in rows])
    count = np.bincount(picture)
    seen = torch.cat([told, again], dim=1).numpy().astype(np.float64)
    weights, level = fit_line(seen, np.bincount(picture, score) / count, count)
    left = score - (seen @ weights + level)[picture]
    users = np.array([row.user for row in rows])
    people = [
        (torch.from_numpy(picture[own]), torch.tensor(left[own], dtype=torch.float32))
        for own in (np.flatnonzero(users == name) for name in dict.fromkeys(users))
    ]
    return Rated(told, again, people)


def groups_of(rated: Rated) -> Iterator[Float[Tensor, "picture feature"]]:
    """What both eyes find of each attribute, then the products of each pair; all standardised."""
    for name in NAMES:
        agreed = products_between([(name, name)]).agreed(rated.told, rated.again)
        centre, spread = mean_and_spread(agreed)
        yield (agreed - centre) / spread
    for pair in PAIRS:
        products = products_between([pair]).standardised(rated.told, rated.again)
        yield products(rated.told, rated.again)


def likeliest(rated: Rated, seed: int) -> tuple[Float[np.ndarray, " group"], float]:
    """The variance of each group's features together, and what each began with."""
    groups = list(groups_of(rated))
    size = torch.tensor([float(group.shape[1]) for group in groups])
    group_of = torch.repeat_interleave(torch.arange(len(groups)), size.long())
    features = torch.cat(groups, dim=1)
    total = float(torch.cat([left for _, left in rated.people]).var())
    count = len(rated.people)
    begin = SIGNAL / len(groups) * total
    start = [*[begin] * len(groups), LEVEL * total, NOISE * total]
    logs = torch.tensor(start).log().requires_grad_(True)
    optimizer, rng = torch.optim.Adam([logs], lr=RATE), np.random.default_rng(seed)
    for _ in tqdm(range(STEPS), desc="steps"):
        optimizer.zero_grad()
        for number in rng.choice(count, min(PEOPLE, count), replace=False):
            picture, left = rated.people[number]
            rows = torch.from_numpy(rng.choice(len(left), min(RATINGS, len(left)), replace=False))
            own = (logs[:-2].exp() / size)[group_of]
            variances = torch.cat([own, logs[-2:].exp()])
            surprise(variances, Person(features[picture[rows]], left[rows])).backward()
        optimizer.step()
    return logs.detach().exp().numpy()[:-2], begin


def main() -> None:
    """Looks, estimates, prints."""
    made = parser(__doc__)
    made.add_argument("--seed", type=int, default=0, help="of who is in a step (default 0)")
    args = made.parse_args()
    report = Report(f"python -m benchmarks.together --seed {args.seed}")
    ensure_dataset()
    rows = load_pamela(DATASET).where(split="pamela_train").rows
    found, begin = likeliest(look_at(rows), args.seed)
    named = [(name,) for name in NAMES] + [*PAIRS]
    order = np.argsort(-found)
    report.figures["every group at the begin"] = round(begin, 4)
    report.figures["more at the end"] = {
        " x ".join(named[k]): round(float(found[k]), 4) for k in order if found[k] > begin
    }
    share = dict(zip(named, map(float, found), strict=True))
    used = min(share[pair] for pair in TOGETHER)
    others = [share[a, b] for a, b in PAIRS if a != b and (a, b) not in TOGETHER]
    report.bar("least of the pairs in use", used, at_least=begin, n=len(rows))
    report.bar("most of other pairs of two attributes", max(others), at_most=begin, n=len(rows))
    report.close(json_output=args.json)


if __name__ == "__main__":
    in_one_line(main)
