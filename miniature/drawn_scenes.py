"""Pictures that the diffusion model draws of captions that leave nothing open.

    pictures, attributes = drawn_scenes(Path("build/drawn"), 2600, seed=11)

Simulated participants mostly look at drawn pictures, and so does the encoder, so their perception
and its tower train on some, each on its own (another seed). What a picture is said to show is what
it was asked to show, in words that everybody knows, so only the attributes that the renderer was
measured to draw when it is asked in such words count (`ASKED`). Made once, part by part: a folder
that is half done is gone on with.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from miniature.attributes import Attributes, sample
from miniature.captions import fully
from miniature.finish import draw_finish
from miniature.scenes.store import SHARD, load_scenes, prepare, shard_path, write_shard

ASKED = ("subject", "environment", "lighting", "camera_angle", "shot", "palette", "look")
"""What a drawn picture is taken to show."""


def drawn_scenes(
    folder: Path, count: int, *, seed: int
) -> tuple[NDArray[np.uint8], list[Attributes]]:
    """Pictures, uint8 (count, size, size, 3), and what each was asked to show."""
    from miniature.rated_pictures import digest_of

    prepare(folder, {"seed": seed, "renderer": digest_of("renderer").hexdigest()[:16]})
    for start in tqdm(range(0, count, SHARD), desc="drawn"):
        if not (path := shard_path(folder, start)).is_file():
            _draw(path, start, seed)
    pictures, attributes = load_scenes(folder)
    return pictures[:count], attributes[:count]


def _draw(path: Path, start: int, seed: int) -> None:
    from miniature.renderer.sample import draw

    rngs = [np.random.default_rng((seed, number)) for number in range(start, start + SHARD)]
    named = [draw_finish(rng, natural=0.2).of(sample(rng)) for rng in rngs]
    captions = [fully(attributes, rng) for attributes, rng in zip(named, rngs, strict=True)]
    seeds = [seed * 1_000_000 + start + number for number in range(SHARD)]
    write_shard(path, draw(captions, seeds), named)
