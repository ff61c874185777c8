"""Scenes on disk: shards of pictures with their attributes, written once and never changed.

Scene number i depends on the seed and i only, so a folder that is half done is gone on with.
"""

import json
import multiprocessing
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from miniature.attributes import Attributes, from_json, sample, to_json
from scorer.files import written

SHARD = 200
FRESH_SEED = 1_000_003
ORIGIN = "scenes.json"
SEEDS = 5
"""How many seeds are tried for a scene before rendering gives up."""


def scene_attributes(seed: int, number: int) -> Attributes:
    """What scene `number` of a seed shows."""
    return sample(np.random.default_rng((seed, number)))


def _render(number: int, *, seed: int, size: int) -> NDArray[np.uint8]:
    from miniature.scenes.render import render_scene, single_thread

    single_thread()
    attributes = scene_attributes(seed, number)
    for again in range(SEEDS):
        entropy = (seed, number, again) if again else (seed, number)
        rng_seed = int(np.random.SeedSequence(entropy).generate_state(1)[0])
        try:
            return render_scene(attributes, rng_seed, size)
        except RuntimeError:  # no usable view
            continue
    raise RuntimeError(f"scene {number} of seed {seed} gives no usable view: {attributes!r}")


def render_scenes(folder: Path, *, count: int, seed: int, size: int, workers: int) -> Iterator[int]:
    """Renders what is missing of scenes 0 … count-1 into `folder`; yields each number done."""
    prepare(folder, {"seed": seed, "size": size})
    draw = partial(_render, seed=seed, size=size)
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for start in range(0, count, SHARD):
            numbers = range(start, min(start + SHARD, count))
            path = shard_path(folder, start)
            if _holds(path, len(numbers)):
                yield from numbers
                continue
            pictures = []
            for number, picture in zip(numbers, pool.imap(draw, numbers), strict=True):
                pictures.append(picture)
                yield number
            write_shard(path, np.stack(pictures), [scene_attributes(seed, n) for n in numbers])


def shard_path(folder: Path, start: int) -> Path:
    """The file of the shard that begins with scene `start`."""
    return folder / f"scenes-{start // SHARD:05d}.npz"


def _holds(path: Path, count: int) -> bool:
    """Whether a shard is there with as many scenes; a smaller `count` may have cut it short."""
    if not path.is_file():
        return False
    with np.load(path) as shard:
        return len(shard["attributes"]) >= count


def prepare(folder: Path, origin: dict[str, int | str]) -> None:
    """Makes a folder for shards of one origin; those of another are never mixed in."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ORIGIN
    if not path.is_file():
        with written(path) as stream:
            stream.write(json.dumps(origin).encode())
    elif json.loads(path.read_text()) != origin:
        raise ValueError(f"{str(folder)!r} holds scenes of {path.read_text()}, not of {origin}")


def write_shard(path: Path, pictures: NDArray[np.uint8], attributes: list[Attributes]) -> None:
    """Writes pictures with what they show, in one piece."""
    described = [json.dumps(to_json(named)) for named in attributes]
    with written(path) as stream:
        np.savez_compressed(stream, pictures=pictures, attributes=np.array(described))


def load_scenes(folder: Path) -> tuple[NDArray[np.uint8], list[Attributes]]:
    """All finished scenes of a folder: pictures (scene, size, size, 3) and their attributes.

    Raises:
        FileNotFoundError: there are none yet.
    """
    shards = sorted(folder.glob("scenes-*.npz"))
    if not shards:
        raise FileNotFoundError(
            f"no scenes in {str(folder)!r}: render some with `python -m miniature.scenes`"
        )
    pictures, attributes = [], []
    for path in shards:
        with np.load(path) as shard:
            pictures.append(shard["pictures"])
            attributes += [from_json(json.loads(line)) for line in shard["attributes"]]
    return np.concatenate(pictures), attributes


def fresh_scenes(folder: Path, count: int) -> tuple[NDArray[np.uint8], list[Attributes]]:
    """Scenes of another seed than the training's, rendered once.

    Renderer, encoder, perception and judge never see them; the participants rate them.
    """
    for _ in render_scenes(folder, count=count, seed=FRESH_SEED, size=128, workers=2):
        pass
    pictures, attributes = load_scenes(folder)
    return pictures[:count], attributes[:count]
