"""The pictures that simulated participants rate: fresh renders, and what the diffusion model draws.

    pictures = generated_pictures(100, seed=7, folder=Path("images"))

Drawing goes on where it was stopped. What pictures were made from is told by `pictures_origin`.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from miniature import ROOT, WEIGHTS
from miniature.attributes import Attributes, Look, sample
from miniature.captions import caption, short_prompt
from miniature.finish import draw_finish, finished
from miniature.training import FRESH_SCENES
from scorer.files import written

RENDERED, GENERATED = 0, 1
"""Kinds of picture."""
AT_ONCE = 64
"""Pictures that are drawn before they are written."""
SAID_WITH = ("attributes.py", "captions.py", "words.toml", "finish.py", "look.py", "palette.py")
"""Sources that a picture and its prompt depend on beside weights."""


@dataclass(frozen=True)
class Picture:
    """A picture to be rated."""

    name: str
    source: tuple[int, int]
    """Its kind and the number of what it shows: the two pictures of a scene share one."""
    prompt: str
    group: str
    """The environment, as the data set's `group`."""
    look: Look
    """As the data set's `type` and `style`."""
    pixels: np.ndarray


def rendered_pictures(count: int, seed: int) -> list[Picture]:
    """Fresh scenes, mirrored or not, in a finish each; a scene serves twice."""
    from miniature.scenes.store import fresh_scenes

    pixels, attributes = fresh_scenes(FRESH_SCENES, (count + 1) // 2)
    pictures = []
    for number in range(count):
        rng = np.random.default_rng((seed, 4, number))
        row = number // 2
        finish = draw_finish(rng)
        mirrored = pixels[row][:, ::-1] if rng.random() < 0.5 else pixels[row]
        name, shown = f"scene-{number:05d}", finished(mirrored, finish)
        pictures.append(_picture(name, (RENDERED, row), finish.of(attributes[row]), shown, rng))
    return pictures


def generated_pictures(count: int, seed: int, folder: Path) -> list[Picture]:
    """Pictures that the diffusion model draws for captions of balanced attributes.

    They are written into `folder` as they are drawn, and those that lie there are not drawn again.
    """
    rngs = [np.random.default_rng((seed, 5, number)) for number in range(count)]
    named = [draw_finish(rng).of(sample(rng)) for rng in rngs]
    captions = [caption(attributes, rng) for attributes, rng in zip(named, rngs, strict=True)]
    names = [f"generated-{number:05d}" for number in range(count)]
    missing = [n for n in range(count) if not (folder / f"{names[n]}.png").is_file()]
    prompts = [short_prompt(attributes, rng) for attributes, rng in zip(named, rngs, strict=True)]
    _draw_missing(missing, captions, prompts, names, seed, folder)
    return [
        Picture(
            names[number],
            (GENERATED, number),
            prompts[number],
            attributes.environment,
            attributes.look,
            np.asarray(PIL.Image.open(folder / f"{names[number]}.png").convert("RGB")),
        )
        for number, attributes in enumerate(named)
    ]


def _draw_missing(
    missing: list[int],
    captions: list[str],
    prompts: list[str],
    names: list[str],
    seed: int,
    folder: Path,
) -> None:
    from tqdm import tqdm

    from miniature.renderer.sample import draw

    folder.mkdir(parents=True, exist_ok=True)
    bar = tqdm(total=len(captions), initial=len(captions) - len(missing), desc="pictures")
    for start in range(0, len(missing), AT_ONCE):
        part = missing[start : start + AT_ONCE]
        drawn = draw([captions[n] for n in part], [seed * 100_000 + n for n in part])
        for number, pixels in zip(part, drawn, strict=True):
            save_picture(pixels, prompts[number], folder / f"{names[number]}.png")
        bar.update(len(part))
    bar.close()


def _picture(
    name: str,
    source: tuple[int, int],
    attributes: Attributes,
    pixels: np.ndarray,
    rng: np.random.Generator,
) -> Picture:
    prompt = short_prompt(attributes, rng)
    return Picture(name, source, prompt, attributes.environment, attributes.look, pixels)


def save_picture(pixels: np.ndarray, prompt: str, path: Path) -> None:
    """Writes a PNG file with its prompt in it, in one piece."""
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_itxt("prompt", prompt)
    with written(path) as stream:
        PIL.Image.fromarray(pixels).save(stream, format="PNG", pnginfo=text)


def pictures_origin(*, rendered: int, generated: int, seed: int) -> dict[str, int | str]:
    """What pictures would be made from now, the renderer's weights included."""
    digest = digest_of("renderer") if generated else hashlib.sha256()
    for name in SAID_WITH:
        digest.update((ROOT / name).read_bytes())
    made = {"rendered": rendered, "generated": generated, "seed": seed}
    return {**made, "weights": digest.hexdigest()[:16]}


def digest_of(model: str) -> Any:
    """A SHA-256 that has read the weights of a model."""
    digest = hashlib.sha256()
    for file in sorted((WEIGHTS / model).rglob("*.safetensors")):
        digest.update(file.read_bytes())
    return digest
