"""Makes the simulated participants' rating data set, in the layout of PAMELA.

    python -m miniature.participants

Pictures are fresh scenes under several palettes and pictures that the diffusion model draws;
people, taste and noise are those of `docs/decisions/0006-simulated-participants.md`. Everybody in
it is simulated. Four spare participants, far apart in taste, become the profiles of `examples/`.
"""

import argparse
import hashlib
import json
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import PIL.Image

from miniature import WEIGHTS
from miniature.attributes import PALETTES, Attributes, sample
from miniature.captions import caption, short_prompt
from miniature.classifier import load_classifier
from miniature.palette import grade
from miniature.taste import (
    NATIONALITIES,
    Percept,
    Taste,
    draw_taste,
    perceive,
    rate,
    true_liking,
)
from miniature.training import BUILD, FRESH_SCENES
from scorer.data.pamela import write_pamela
from scorer.data.table import Row

DATASET = BUILD / "participants"
SEED = 7
SEEN, UNSEEN_VALIDATION, UNSEEN_TEST, SPARE = 160, 40, 40, 24
RATERS = 14
"""Ratings a picture from each group of people that rates it."""
RENDERED, GENERATED = 0, 1
"""Kinds of picture."""
ORIGIN = "origin.json"
"""What a data set was made from; written last, so it says that the data set is whole."""
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


@dataclass(frozen=True)
class Picture:
    """A picture to be rated."""

    name: str
    source: tuple[int, int]
    """Its kind and the number of what it shows: the two pictures of a scene share one."""
    prompt: str
    group: str
    """The environment, as the data set's `group`."""
    pixels: np.ndarray


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


def rendered_pictures(count: int, seed: int) -> list[Picture]:
    """Fresh scenes, mirrored or not, under a palette each; a scene serves twice."""
    from miniature.scenes.store import fresh_scenes

    pixels, attributes = fresh_scenes(FRESH_SCENES, (count + 1) // 2)
    pictures = []
    for number in range(count):
        rng = np.random.default_rng((seed, 4, number))
        row = number // 2
        palette = PALETTES[int(rng.integers(len(PALETTES)))]
        mirrored = pixels[row][:, ::-1] if rng.random() < 0.5 else pixels[row]
        named = replace(attributes[row], palette=palette)
        name, shown = f"scene-{number:05d}", grade(mirrored, palette)
        pictures.append(_picture(name, (RENDERED, row), named, shown, rng))
    return pictures


def generated_pictures(count: int, seed: int) -> list[Picture]:
    """Pictures that the diffusion model draws for captions of balanced attributes."""
    from miniature.renderer.sample import draw

    rngs = [np.random.default_rng((seed, 5, number)) for number in range(count)]
    named = [
        replace(sample(rng), palette=PALETTES[int(rng.integers(len(PALETTES)))]) for rng in rngs
    ]
    captions = [caption(attributes, rng) for attributes, rng in zip(named, rngs, strict=True)]
    drawn = draw(captions, [seed * 100_000 + number for number in range(count)])
    return [
        _picture(
            f"generated-{number:05d}", (GENERATED, number), attributes, drawn[number], rngs[number]
        )
        for number, attributes in enumerate(named)
    ]


def _picture(
    name: str,
    source: tuple[int, int],
    attributes: Attributes,
    pixels: np.ndarray,
    rng: np.random.Generator,
) -> Picture:
    return Picture(name, source, short_prompt(attributes, rng), attributes.environment, pixels)


def save_pictures(pictures: list[Picture], folder: Path) -> dict[str, Path]:
    """Writes PNG files with their prompt in them; returns their paths by name."""
    from PIL.PngImagePlugin import PngInfo

    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for picture in pictures:
        text = PngInfo()
        text.add_itxt("prompt", picture.prompt)
        paths[picture.name] = folder / f"{picture.name}.png"
        PIL.Image.fromarray(picture.pixels).save(paths[picture.name], pnginfo=text)
    return paths


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
    """Every picture rated by `RATERS` people of each group that its split calls for."""
    groups = {g: [p for p in people if p.group == g] for g in {p.group for p in people}}
    likings = {p.number: true_liking(p.taste, percept) for p in people if p.group != "spare"}
    rows = []
    for number, picture in enumerate(pictures):
        rng = np.random.default_rng((seed, 7, zlib.crc32(picture.name.encode())))
        part = split_of(picture.source, seed)
        wanted = {"train": ["seen"]}.get(part, ["seen", f"{part}_unseen"])
        for group in wanted:
            split = "pamela_train" if part == "train" else f"pamela_{part}_{group.split('_')[-1]}"
            for index in rng.choice(len(groups[group]), RATERS, replace=False):
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
        metadata={"prompt": picture.prompt, "group": picture.group, "type": "Photorealism"},
    )


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


def origin_of(*, rendered: int, generated: int, seed: int) -> dict[str, int | str]:
    """What a data set with these pictures would be made from now, weights included."""
    digest = hashlib.sha256()
    for folder in ("renderer", "perception") if generated else ("perception",):
        for file in sorted((WEIGHTS / folder).rglob("*.safetensors")):
            digest.update(file.read_bytes())
    return {
        "rendered": rendered,
        "generated": generated,
        "seed": seed,
        "weights": digest.hexdigest()[:16],
    }


def ensure_dataset(
    out: Path = DATASET, *, rendered: int = 1200, generated: int = 1200, seed: int = SEED
) -> None:
    """Builds the data set unless it is there, whole, and made from the present weights."""
    origin = origin_of(rendered=rendered, generated=generated, seed=seed)
    if (out / ORIGIN).is_file() and json.loads((out / ORIGIN).read_text()) == origin:
        return
    (out / ORIGIN).unlink(missing_ok=True)
    build_dataset(out, rendered=rendered, generated=generated, seed=seed)
    (out / ORIGIN).write_text(json.dumps(origin) + "\n")


def build_dataset(out: Path, *, rendered: int, generated: int, seed: int) -> int:
    """Makes the pictures, lets everybody rate them, writes the data set; returns its size."""
    pictures = rendered_pictures(rendered, seed)
    pictures += generated_pictures(generated, seed) if generated else []
    order = np.random.default_rng((seed, 8)).permutation(len(pictures))
    pictures = [pictures[index] for index in order]
    percept = perceive(
        load_classifier("perception"), np.stack([picture.pixels for picture in pictures])
    )
    paths = save_pictures(pictures, out / "images")
    rows = rating_rows(pictures, paths, percept, make_participants(seed), seed)
    write_pamela(rows, out)
    return len(rows)


def main() -> None:
    """Parses the command line and builds the data set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=DATASET)
    parser.add_argument("--rendered", type=int, default=1200, help="pictures from scenes")
    parser.add_argument("--generated", type=int, default=1200, help="pictures from the renderer")
    parser.add_argument("--seed", type=int, default=SEED)
    args = parser.parse_args()
    ensure_dataset(args.out, rendered=args.rendered, generated=args.generated, seed=args.seed)
    print((args.out / ORIGIN).read_text(), end="")


if __name__ == "__main__":
    main()
