"""Makes the simulated participants' rating data set, in the layout of PAMELA.

    python -m miniature.participants

Pictures are fresh scenes in several finishes and pictures that the diffusion model draws; people,
taste and noise are those of `docs/decisions/0013-a-larger-world.md`. Everybody in it is simulated.
Four spare participants, far apart in taste, become the profiles of `examples/`; `benchmarks.gain`
searches for 24 of them.
"""

import argparse
import json
import shutil
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from miniature.classifier import load_classifier
from miniature.rated_pictures import (
    Picture,
    digest_of,
    generated_pictures,
    pictures_origin,
    rendered_pictures,
    save_picture,
)
from miniature.taste import (
    NATIONALITIES,
    Percept,
    Taste,
    constants,
    draw_taste,
    perceive,
    rate,
    true_liking,
)
from miniature.training import BUILD
from scorer.data.pamela import write_pamela
from scorer.data.table import Row

DATASET = BUILD / "participants"
SEED = 7
SEEN, UNSEEN_VALIDATION, UNSEEN_TEST, SPARE = 156, 13, 30, 25
RATERS = {
    "train": {"seen": 14},
    "val": {"seen": 10, "val_unseen": 4},
    "test": {"seen": 10, "test_unseen": 4},
}
"""By part, ratings a picture from each group of people: 14 in all, as in the real data set."""
ORIGIN = "origin.json"
"""What pictures, or ratings, were made from; written last, so it says that they are whole."""
SHARES = {"train": 0.7, "val": 0.1, "test": 0.2}
"""Of the pictures."""
AGE_BINS = ((19, 29), (30, 39), (40, 49), (50, 60))


@dataclass(frozen=True)
class Participant:
    """A simulated person."""

    number: int
    group: str
    """`seen`, `val_unseen`, `test_unseen` or `spare`."""
    demographics: dict[str, str | int]
    taste: Taste

    @property
    def id(self) -> str:
        return f"simulated-{self.number:03d}"


def draw_demographics(rng: np.random.Generator) -> dict[str, str | int]:
    """Age 19–60, gender, one of 23 nationalities."""
    return {
        "age": int(rng.integers(19, 61)),
        "gender": str(rng.choice(["female", "male", "non-binary"], p=[0.48, 0.48, 0.04])),
        "nationality": str(rng.choice(NATIONALITIES)),
    }


def age_bin(age: int) -> str:
    """The data set's `age_binned`: `30-39`."""
    low, high = next(bounds for bounds in AGE_BINS if bounds[0] <= age <= bounds[1])
    return f"{low}-{high}"


def make_participants(seed: int = SEED) -> list[Participant]:
    """All simulated participants of a seed; their tastes are stored nowhere else."""
    groups = (
        ["seen"] * SEEN
        + ["val_unseen"] * UNSEEN_VALIDATION
        + ["test_unseen"] * UNSEEN_TEST
        + ["spare"] * SPARE
    )
    people = []
    for number, group in enumerate(groups):
        demographics = draw_demographics(np.random.default_rng((seed, 3, number)))
        taste = draw_taste(demographics, seed=seed, number=number)
        people.append(Participant(number, group, demographics, taste))
    return people


def split_of(source: tuple[int, int], seed: int) -> str:
    """The part of the data set that everything of one source belongs to.

    It depends on nothing else, so no picture changes sides when the data set grows.
    """
    point = np.random.default_rng((seed, 6, *source)).random()
    if point < SHARES["train"]:
        return "train"
    return "val" if point < SHARES["train"] + SHARES["val"] else "test"


def rating_rows(
    pictures: list[Picture],
    paths: dict[str, Path],
    percept: Percept,
    people: list[Participant],
    seed: int,
) -> list[Row]:
    """Every picture rated by as many people of each group as `RATERS` says."""
    groups = {g: [p for p in people if p.group == g] for g in {p.group for p in people}}
    likings = {p.number: true_liking(p.taste, percept) for p in people if p.group != "spare"}
    rows = []
    for number, picture in enumerate(pictures):
        rng = np.random.default_rng((seed, 7, zlib.crc32(picture.name.encode())))
        part = split_of(picture.source, seed)
        for group, count in RATERS[part].items():
            split = "pamela_train" if part == "train" else f"pamela_{part}_{group.split('_')[-1]}"
            for index in rng.choice(len(groups[group]), count, replace=False):
                person = groups[group][index]
                score = int(rate(likings[person.number][number : number + 1], rng)[0])
                rows.append(_row(person, picture, paths[picture.name], split, score))
    return rows


def _row(person: Participant, picture: Picture, path: Path, split: str, score: int) -> Row:
    age = int(person.demographics["age"])
    return Row(
        user=person.id,
        image=path,
        score=score,
        dataset="pamela",
        split=split,
        demographics={**person.demographics, "age_binned": age_bin(age)},
        metadata=_metadata(picture),
    )


def _metadata(picture: Picture) -> dict[str, str]:
    """Type and style as the real data set has them: only art has a style."""
    told = {"prompt": picture.prompt, "group": picture.group}
    if picture.look == "photographic":
        return {**told, "type": "Photorealism"}
    return {**told, "type": "Art", "style": picture.look}


def far_apart(people: list[Participant], percept: Percept, count: int = 4) -> list[Participant]:
    """The people whose true likings of the same pictures agree least with each other."""
    likings = np.stack([true_liking(person.taste, percept) for person in people])
    likings = likings / likings.std(1, keepdims=True)
    agreement = np.corrcoef(likings)
    first, second = np.unravel_index(agreement.argmin(), agreement.shape)
    chosen = [int(first), int(second)]
    while len(chosen) < count:
        worst = agreement[:, chosen].max(1)
        worst[chosen] = np.inf
        chosen.append(int(worst.argmin()))
    return [people[index] for index in chosen]


def ratings_origin(pictures: Mapping[str, int | str]) -> dict[str, Any]:
    """What the ratings of these pictures would be made from now."""
    told = json.dumps([constants(), RATERS, SHARES, SEEN, UNSEEN_VALIDATION, UNSEEN_TEST, SPARE])
    digest = digest_of("perception")
    digest.update(told.encode())
    return {"pictures": dict(pictures), "taste": digest.hexdigest()[:16]}


def ensure_dataset(
    out: Path = DATASET, *, rendered: int = 1200, generated: int = 3800, seed: int = SEED
) -> None:
    """Builds the data set unless it is there, whole, and made from what is there now.

    Pictures are made again only if their own origin has changed; drawing goes on where it was
    stopped.
    """
    images = out / "images"
    shown = pictures_origin(rendered=rendered, generated=generated, seed=seed)
    rated = ratings_origin(shown)
    if _is_of(out, rated):
        return
    (out / ORIGIN).unlink(missing_ok=True)
    if not _is_of(images, shown):
        shutil.rmtree(images, ignore_errors=True)
        images.mkdir(parents=True)
        (images / ORIGIN).write_text(json.dumps(shown) + "\n")
    shutil.rmtree(out / "annotations", ignore_errors=True)
    build_dataset(out, rendered=rendered, generated=generated, seed=seed)
    (out / ORIGIN).write_text(json.dumps(rated) + "\n")


def _is_of(folder: Path, origin: Mapping[str, Any]) -> bool:
    file = folder / ORIGIN
    return file.is_file() and json.loads(file.read_text()) == origin


def build_dataset(out: Path, *, rendered: int, generated: int, seed: int) -> int:
    """Makes the pictures, lets everybody rate them, writes the data set; returns its size."""
    images = out / "images"
    pictures = rendered_pictures(rendered, seed)
    for picture in pictures:
        save_picture(picture.pixels, picture.prompt, images / f"{picture.name}.png")
    pictures += generated_pictures(generated, seed, images) if generated else []
    order = np.random.default_rng((seed, 8)).permutation(len(pictures))
    pictures = [pictures[index] for index in order]
    percept = perceive(
        load_classifier("perception"), np.stack([picture.pixels for picture in pictures])
    )
    paths = {picture.name: images / f"{picture.name}.png" for picture in pictures}
    rows = rating_rows(pictures, paths, percept, make_participants(seed), seed)
    write_pamela(rows, out)
    return len(rows)


def main() -> None:
    """Parses the command line, builds the data set, prints what its calibration is measured by."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=DATASET)
    parser.add_argument("--rendered", type=int, default=1200, help="pictures from scenes")
    parser.add_argument("--generated", type=int, default=3800, help="pictures from the renderer")
    parser.add_argument("--seed", type=int, default=SEED)
    args = parser.parse_args()
    ensure_dataset(args.out, rendered=args.rendered, generated=args.generated, seed=args.seed)
    from miniature.calibration import calibration

    print(json.dumps(calibration(args.out, args.seed), indent=1))


if __name__ == "__main__":
    main()
