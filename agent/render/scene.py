"""The scene backend: a prompt becomes a scene of the miniature, rendered by Mitsuba.

    renderer = SceneRenderer()                        # needs: pip install 'pamela-agent[miniature]'
    named("a mossy boulder by candlelight", seed=7)   # Attributes(subject="rock", mossy=True, …)

It is the reference for what a model of the miniature can learn: crisp pictures of exactly known
attributes. It can show nothing else; a prompt about something else gets the nearest subject. The
one rule that is not obvious: what a prompt leaves open depends on the seed and on nothing else, so
that two prompts are compared in the same surroundings.
"""

import hashlib
import importlib.util
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import version
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL.Image

import miniature
from agent.errors import PrerequisiteError
from agent.render.base import RenderRequest, RenderResult
from agent.render.reading import NOTHING, Phrases, read
from agent.retry import one_line

if TYPE_CHECKING:
    from miniature.attributes import Attributes

SIZE = (128, 128)
LEAST_SIDE = 16
EXTRA = ("mitsuba", "trimesh")
INSTALL = "pip install 'pamela-agent[miniature]'"
FLAGS = ("mossy", "floating")
"""Attributes that are there or not."""
THRESHOLDS = {
    "subject": 0.0,
    "environment": 0.6,
    "lighting": 0.6,
    "camera_angle": 0.6,
    "shot": 0.6,
    "palette": 0.6,
}
"""How close other words must come; something has to be the subject."""

MORE_WAYS: Phrases = {
    "subject": {
        "rock": ("stones", "monolith", "cliff"),
        "house": ("houses", "hut", "farmhouse", "barn", "home"),
        "tree": ("trees", "oak", "fir", "pine"),
        "tower": ("towers", "lighthouse", "castle", "fortress"),
        "boat": ("boats", "ship", "sailing ship", "yacht", "rowing boat", "canoe"),
        "cactus": ("cacti", "cactuses", "saguaro"),
        "snowman": ("snowmen",),
        "chair": ("chairs", "armchair", "stool", "throne"),
    },
    "environment": {
        "meadow": ("grass", "grassland", "field", "pasture", "prairie"),
        "desert": ("dunes", "sand", "sandy"),
        "lake": ("water", "pond", "sea", "ocean", "river", "lakeside", "shore"),
        "snow": ("snowy", "winter", "snowfield", "wintry", "snow covered"),
        "room": ("indoor", "inside a room", "living room", "kitchen", "wooden floor"),
    },
    "lighting": {
        "golden hour": ("golden hour", "sunset", "sunrise", "dusk", "dawn", "evening sun"),
        "overcast": ("cloudy", "overcast sky", "grey sky", "gray sky", "fog", "foggy"),
        "moonlight": ("moon", "moonlit", "at night", "night", "midnight", "starlight"),
        "neon": ("neon sign", "neon signs", "cyberpunk"),
        "candle-light": ("candlelight", "candle", "candles", "candlelit"),
        "softbox": ("studio light", "studio lighting", "studio lights", "studio"),
        "backlit": ("backlight", "back light", "back lit", "rim lit", "silhouette", "contre jour"),
    },
    "camera_angle": {
        "low": ("low camera angle", "camera angle low", "from below", "worms eye view"),
        "eye level": ("camera angle eye level", "straight on"),
        "high": ("high camera angle", "camera angle high", "from above", "elevated view"),
        "bird's-eye": (
            "birds eye",
            "top down",
            "overhead",
            "aerial",
            "drone",
            "from directly above",
            "from straight above",
        ),
    },
    "shot": {
        "close": ("closeup", "macro", "close up of", "shot close"),
        "medium": ("shot medium",),
        "wide": ("shot wide", "wide angle", "panorama", "panoramic", "distant", "in the distance"),
    },
    "palette": {
        "warm": ("warm colour palette", "warm color palette", "palette warm"),
        "cool": ("cool colour palette", "cool color palette", "palette cool"),
        "muted": ("muted palette", "muted tones", "desaturated", "faded"),
        "vivid": ("vivid palette", "saturated colors", "vibrant colours", "vibrant colors"),
        "monochrome": ("greyscale", "grayscale"),
        "pastel": ("pastels", "pastel tones"),
    },
}
"""Single words and spellings beside the captions that the miniature is trained on."""

FALSE_FRIENDS = ("depth of field", "field of view", "film noir", "snow white")
"""Phrases that hold the word for a value and don't mean it."""


class SceneRenderer:
    """A `Renderer` of physically based scenes, drawn in worker processes.

    Args:
        size: Width and height where a request names none.
        workers: Processes; None is one a CPU.

    Raises:
        PrerequisiteError: Mitsuba or trimesh is not installed.
    """

    def __init__(self, size: tuple[int, int] | None = None, workers: int | None = None) -> None:
        missing = [name for name in EXTRA if importlib.util.find_spec(name) is None]
        if missing:
            raise PrerequisiteError(f"the scene renderer needs {' and '.join(missing)}: {INSTALL}")
        self._size = size or SIZE
        self._workers = workers or os.cpu_count() or 1
        self._pool: ProcessPoolExecutor | None = None

    def render(self, requests: Sequence[RenderRequest]) -> Iterator[RenderResult]:
        pending = [(request, self._submit(request)) for request in requests]
        try:
            for request, picture in pending:
                yield self._result(request, picture)
        finally:
            for _, picture in pending:
                picture.cancel()

    def _submit(self, request: RenderRequest) -> "Future[np.ndarray]":
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._workers, multiprocessing.get_context("spawn"), initializer=_start_worker
            )
        width, height = request.width or self._size[0], request.height or self._size[1]
        return self._pool.submit(
            draw, named(request.prompt, request.seed), request.seed, width, height
        )

    def _result(self, request: RenderRequest, picture: "Future[np.ndarray]") -> RenderResult:
        try:
            return RenderResult(request, PIL.Image.fromarray(picture.result()))
        except Exception as error:  # noqa: BLE001 - a picture that fails is data
            if isinstance(error, BrokenExecutor):
                self._pool = None
            return RenderResult(request, error=one_line(error))

    def close(self) -> None:
        """Ends the worker processes; the next picture starts new ones."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def fingerprint(self) -> str:
        return f"scene {_code_digest()} {version('mitsuba')} {version('numpy')} {self._size}"

    def warnings(self, prompt: str) -> list[str]:
        del prompt
        return []

    def describe(self) -> Mapping[str, str]:
        versions = {name: version(name) for name in EXTRA}
        return {"renderer": "scene", "code": _code_digest(), **versions}


def draw(attributes: "Attributes", seed: int, width: int, height: int) -> np.ndarray:
    """One picture, uint8 (height, width, 3): the middle of a square scene, graded."""
    from miniature.palette import grade
    from miniature.scenes.render import render_scene

    side = max(width, height, LEAST_SIDE)
    picture = render_scene(replace(attributes, palette="natural"), seed, side)
    left, top = (side - width) // 2, (side - height) // 2
    return grade(picture[top : top + height, left : left + width], attributes.palette)


def named(prompt: str, seed: int) -> "Attributes":
    """The scene that a prompt asks for; the seed decides what it leaves open."""
    from scorer.minilm import embed

    return completed(read(prompt, phrase_book(), embed, THRESHOLDS), seed)


def completed(values: Mapping[str, str], seed: int) -> "Attributes":
    """Attributes from what a prompt names and, for the rest, the seed.

    Nothing floats, and no colours are graded, unless the prompt says so.
    """
    from miniature.attributes import MOSSY_SHARE, sample

    rng = np.random.default_rng(seed % 2**32)
    drawn = replace(sample(rng), floating=False)
    overgrown = bool(rng.random() < MOSSY_SHARE)
    said: dict[str, Any] = {name: name in FLAGS or value for name, value in values.items()}
    scene = replace(drawn, mossy=overgrown and not {"colour", "material"} & said.keys())
    scene = replace(scene, **said)
    if scene.subject != "rock":
        return replace(scene, mossy=False)
    if not scene.mossy:
        return scene
    return replace(scene, colour=said.get("colour"), material=said.get("material", "matte"))


@lru_cache(maxsize=1)
def phrase_book() -> Phrases:
    """Every way to name a value: the captions of the miniature and some more."""
    from miniature import captions
    from miniature.attributes import COLOURS

    tables = {
        "subject": captions.SUBJECT,
        "environment": captions.ENVIRONMENT,
        "lighting": captions.LIGHTING,
        "camera_angle": captions.CAMERA_ANGLE,
        "shot": captions.SHOT,
        "palette": captions.PALETTE,
    }
    return {
        **{
            attribute: {
                value: (*ways, *MORE_WAYS[attribute].get(value, ()))
                for value, ways in table.items()
            }
            for attribute, table in tables.items()
        },
        NOTHING: {NOTHING: FALSE_FRIENDS},
        "colour": {colour: (colour,) for colour in COLOURS},
        "material": captions.MATERIAL,
        "mossy": {"yes": captions.MOSSY},
        "floating": {"yes": captions.FLOATING},
    }


def _start_worker() -> None:
    """An interrupt is for the parent to handle, and no worker outlives it."""
    from miniature.scenes.render import single_thread

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()
    single_thread()


def _follow(parent: int) -> None:
    wait([parent])
    os._exit(1)


@lru_cache(maxsize=1)
def _code_digest() -> str:
    """SHA-256 over the source files that decide what a scene looks like."""
    sources = [
        *sorted((miniature.ROOT / "scenes").glob("*.py")),
        *(miniature.ROOT / name for name in ("attributes.py", "captions.py", "palette.py")),
        *(Path(__file__).with_name(name) for name in ("reading.py", "scene.py")),
    ]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
