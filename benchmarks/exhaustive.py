"""How much liking is there to gain for a prompt, if everything could be tried?

    possible_gain("a red boat", taste, folder)          # of the scene backend, at 128×128

Every lighting × camera angle × shot × palette that the prompt leaves open, on two seeds, rendered
once a prompt and seen once by the perception; everybody's true liking follows from that. Pictures
are not kept, what is seen in them is.
"""

import hashlib
import itertools
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from miniature.attributes import CAMERA_ANGLES, LIGHTINGS, PALETTES, SHOTS, Attributes, Palette
from miniature.taste import Percept, Taste, true_liking

SEEDS = (900_001, 900_002)
TRIED = {"lighting": LIGHTINGS, "camera_angle": CAMERA_ANGLES, "shot": SHOTS}
SIZE = 128


def combinations(prompt: str, seed: int) -> list[Attributes]:
    """A prompt's scene in every light, from every angle, at every size that it leaves open."""
    from agent.render.reading import read
    from agent.render.scene import THRESHOLDS, completed, phrase_book
    from scorer.minilm import embed

    said = read(prompt, phrase_book(), embed, THRESHOLDS)
    scene = completed(said, seed)
    open_: dict[str, tuple[Any, ...]] = {n: v for n, v in TRIED.items() if n not in said}
    return [replace(scene, **dict(zip(open_, c, strict=True))) for c in product_of(open_)]


def product_of(values: dict[str, tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Every choice of one value of each attribute."""
    return list(itertools.product(*values.values()))


def palettes_of(prompt: str) -> tuple[Palette, ...]:
    """The palettes that a prompt leaves open: all, or the one that it names."""
    named = combinations(prompt, 0)[0].palette
    return PALETTES if named == "natural" else (named,)


def possible_percepts(prompt: str, folder: Path) -> Percept:
    """What is seen in every combination, (combination × seed, value); kept in `folder`."""
    from agent.render.scene import SceneRenderer

    version = f"{SceneRenderer().fingerprint()} {_perception()}"
    name = hashlib.sha256(f"{prompt} {version} {SEEDS} {SIZE}".encode()).hexdigest()[:16]
    path = folder / f"{name}.npz"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f"{name}.partial.npz"
        np.savez_compressed(partial, **_seen(prompt))
        partial.replace(path)
    with np.load(path) as stored:
        return dict(stored)


def _perception() -> str:
    """Names the weights of what sees."""
    from miniature import WEIGHTS

    weights = WEIGHTS / "perception" / "model.safetensors"
    return hashlib.sha256(weights.read_bytes()).hexdigest()


def _seen(prompt: str) -> dict[str, Any]:
    from miniature.classifier import load_classifier
    from miniature.finish import Finish, finished
    from miniature.scenes.render import single_thread
    from miniature.taste import perceive

    wanted = [(scene, seed) for seed in SEEDS for scene in combinations(prompt, seed)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), context, initializer=single_thread) as pool:
        raw = list(pool.map(_rendered, wanted, chunksize=8))
    perception = load_classifier("perception")
    seen = [
        perceive(
            perception,
            np.stack(
                [
                    finished(p, Finish(s.look, palette))
                    for p, (s, _) in zip(raw, wanted, strict=True)
                ]
            ),
        )
        for palette in palettes_of(prompt)
    ]
    count = len(wanted) // len(SEEDS)
    # (palette, seed, combination, value) -> (palette × combination, seed, value)
    return {
        name: np.stack([part[name] for part in seen])
        .reshape(len(seen), len(SEEDS), count, -1)
        .swapaxes(1, 2)
        .reshape(len(seen) * count * len(SEEDS), -1)
        for name in seen[0]
    }


def _rendered(wanted: tuple[Attributes, int]) -> np.ndarray:
    """One scene, uint8 (128, 128, 3), unfinished; black where no camera finds a view of it."""
    from miniature.finish import Finish
    from miniature.scenes.render import render_scene

    scene, seed = wanted
    try:
        return render_scene(Finish().of(scene), seed, SIZE)
    except RuntimeError:
        return np.zeros((SIZE, SIZE, 3), np.uint8)


def possible_gain(prompt: str, taste: Taste, folder: Path) -> float:
    """How much better the best combination is truly liked than the plain prompt.

    Both on the same seeds. The best of many means of two seeds is a little too good: a share of it
    is a lower bound.
    """
    liking = true_liking(taste, possible_percepts(prompt, folder))
    table = liking.reshape(len(palettes_of(prompt)), -1, len(SEEDS))
    return float(table.mean(-1).max()) - plain_liking(prompt, table)


def plain_liking(prompt: str, liking: np.ndarray) -> float:
    """Of (palette, combination, seed), the mean over the seeds of what the prompt itself gives."""
    from agent.render.reading import read
    from agent.render.scene import THRESHOLDS, completed, phrase_book
    from scorer.minilm import embed

    said = read(prompt, phrase_book(), embed, THRESHOLDS)
    palettes = palettes_of(prompt)
    found = []
    for place, seed in enumerate(SEEDS):
        scene = completed(said, seed)
        here = combinations(prompt, seed).index(scene)
        found.append(liking[palettes.index(scene.palette), here, place])
    return float(np.mean(found))
