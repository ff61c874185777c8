"""The scene backend: a prompt becomes a scene of the miniature, rendered by Mitsuba.

    renderer = SceneRenderer()                        # needs: pip install 'pamela-agent[miniature]'
    named("a mossy boulder by candlelight", seed=7)   # Attributes(subject="rock", mossy=True, …)

It is the reference for what a model of the miniature can learn: crisp pictures of exactly known
attributes. It can show nothing else; a prompt about something else gets the nearest subject. The
one rule that is not obvious: what a prompt leaves open depends on the seed and on nothing else, so
that two prompts are compared in the same surroundings. Nobody mentions an ordinary light, so what
is left open is mostly ordinary (docs/decisions/0012-what-goes-without-saying.md).
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
FINISHING = ("attributes.py", "captions.py", "words.toml", "palette.py", "look.py", "finish.py")
FLAGS = ("mossy", "floating", "several", "shallow")
"""Attributes that are there or not."""
LEFT_OPEN = ("lighting", "camera_angle", "shot", "viewpoint")
"""Drawn as often as a caption that is silent about them leaves each value possible."""
THRESHOLDS = {
    "subject": 0.0,
    "environment": 0.6,
    "lighting": 0.6,
    "camera_angle": 0.6,
    "shot": 0.6,
    "palette": 0.6,
    "viewpoint": 0.7,
    "weather": 0.7,
    "look": 0.7,
}
"""How close other words must come; something has to be the subject."""

MORE_WAYS: Phrases = {
    "subject": {
        "rock": ("stones", "monolith", "cliff"),
        "floating island": ("floating islands", "sky island", "floating land"),
        "tree": ("trees", "oak", "fir", "pine"),
        "cactus": ("cacti", "cactuses", "saguaro"),
        "mushroom": ("mushrooms", "toadstools", "fungus"),
        "sunflower": ("sunflowers", "flower", "flowers"),
        "house": ("houses", "hut", "farmhouse", "barn", "home"),
        "tower": ("towers", "castle", "fortress"),
        "lighthouse": ("lighthouses", "light house", "beacon"),
        "windmill": ("windmills", "mill"),
        "tent": ("tents", "camp"),
        "boat": ("boats", "ship", "sailing ship", "yacht", "rowing boat", "canoe"),
        "car": ("cars", "automobiles", "vehicle"),
        "bicycle": ("bicycles", "bikes", "cycle"),
        "hot-air balloon": ("balloon", "balloons", "hot air balloons"),
        "person": ("people", "persons", "man", "woman", "hikers", "backpacker"),
        "snowman": ("snowmen",),
        "robot": ("robots", "android"),
        "horse": ("horses", "pony"),
        "penguin": ("penguins",),
        "chair": ("chairs", "armchair", "stool", "throne"),
        "umbrella": ("umbrellas", "parasol"),
        "teapot": ("teapots", "tea pot", "kettle"),
        "cake": ("cakes", "birthday cakes", "torte"),
    },
    "environment": {
        "meadow": ("grass", "grassland", "field", "pasture", "prairie"),
        "desert": ("dunes", "sand", "sandy"),
        "lake": ("water", "pond", "river", "lakeside"),
        "snow": ("snowy", "winter", "snowfield", "wintry", "snow covered"),
        "room": ("indoor", "inside a room", "living room", "kitchen", "wooden floor"),
        "forest": ("forests", "woods", "jungle", "grove"),
        "beach": ("beaches", "seaside", "coast", "seashore", "sea", "ocean", "shore"),
        "street": ("streets", "road", "city", "town", "alley", "crossing"),
    },
    "lighting": {
        "golden hour": ("golden hour", "sunset", "sunrise", "dawn", "evening sun"),
        "overcast": ("cloudy", "overcast sky", "grey sky", "gray sky"),
        "moonlight": ("moon", "moonlit", "at night", "night", "midnight", "starlight"),
        "neon": ("neon sign", "neon signs", "cyberpunk"),
        "candle-light": ("candlelight", "candle", "candles", "candlelit"),
        "softbox": ("studio light", "studio lighting", "studio lights", "studio"),
        "backlit": ("backlight", "back light", "back lit", "rim lit", "silhouette", "contre jour"),
        "blue hour": ("dusk", "nightfall", "gloaming"),
        "midday sun": ("noon", "midday", "harsh sun", "bright sunlight", "sunny"),
        "spotlight": ("stage light", "spot light", "stage spotlight"),
    },
    "camera_angle": {
        "low": ("low camera angle", "camera angle low", "from below"),
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
        "dutch tilt": ("dutch", "tilted", "camera angle dutch tilt"),
        "worm's-eye": ("worms eye", "from ground level", "camera angle worms eye"),
    },
    "shot": {
        "close": ("closeup", "macro", "close up of", "shot close"),
        "medium": ("shot medium",),
        "full": ("shot full", "full body", "full length"),
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
    "viewpoint": {
        "front": ("frontal", "head on", "viewpoint front"),
        "three-quarter": ("three quarter", "viewpoint three quarter"),
        "side": ("sideways", "profile", "viewpoint side"),
        "back": ("rear view", "from the rear", "viewpoint back"),
    },
    "weather": {
        "fog": ("mist", "haze", "weather fog"),
        "snowfall": ("snowing", "snowflakes", "weather snowfall"),
    },
    "look": {
        "photographic": ("photographic", "photorealism"),
        "digital art": ("illustration", "cartoon", "painting", "stylised", "comic"),
    },
}
"""Single words and spellings beside the captions that the miniature is trained on."""

FALSE_FRIENDS = (
    "deep depth of field",
    "depth of field",
    "field of view",
    "film noir",
    "snow white",
)
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

    def unread(self, prompt: str) -> str:
        del prompt
        return ""

    def warnings(self, prompt: str) -> list[str]:
        del prompt
        return []

    def describe(self) -> Mapping[str, str]:
        versions = {name: version(name) for name in EXTRA}
        return {"renderer": "scene", "code": _code_digest(), **versions}


def draw(attributes: "Attributes", seed: int, width: int, height: int) -> np.ndarray:
    """One picture, uint8 (height, width, 3): the middle of a square scene in its finish."""
    from miniature.finish import Finish, finished
    from miniature.scenes.render import render_scene

    side = max(width, height, LEAST_SIDE)
    picture = render_scene(Finish().of(attributes), seed, side)
    left, top = (side - width) // 2, (side - height) // 2
    whole = finished(picture, Finish(attributes.look, attributes.palette))
    return whole[top : top + height, left : left + width]


def named(prompt: str, seed: int) -> "Attributes":
    """The scene that a prompt asks for; the seed decides what it leaves open."""
    from scorer.minilm import embed

    return completed(read(prompt, phrase_book(), embed, THRESHOLDS), seed)


def completed(values: Mapping[str, str], seed: int) -> "Attributes":
    """Attributes from what a prompt names and, for the rest, the seed.

    Nothing floats or comes in several, the air is clear, everything is sharp, and the finish is
    a photograph in natural colours, unless the prompt says otherwise; light, camera angle and shot
    are mostly ordinary.
    """
    from miniature.attributes import MOSSY_SHARE, sample

    rng = np.random.default_rng(seed % 2**32)
    plain = {"floating": False, "several": False, "shallow": False, "weather": "clear"}
    drawn = replace(sample(rng), **plain)
    overgrown = bool(rng.random() < MOSSY_SHARE)
    open_: dict[str, Any] = {attribute: _unsaid(attribute, rng) for attribute in LEFT_OPEN}
    said: dict[str, Any] = {name: name in FLAGS or value for name, value in values.items()}
    scene = replace(drawn, **open_)
    scene = replace(scene, mossy=overgrown and not {"colour", "material"} & said.keys())
    scene = replace(scene, **said)
    if scene.subject != "rock":
        return replace(scene, mossy=False)
    if not scene.mossy:
        return scene
    return replace(scene, colour=said.get("colour"), material=said.get("material", "matte"))


def _unsaid(attribute: str, rng: np.random.Generator) -> str:
    """A value of an attribute that nothing is said of."""
    from miniature import words
    from miniature.captions import named_share

    values = tuple(getattr(words, attribute.upper()))
    shares = np.array([1 - named_share(attribute, value) for value in values])
    return values[int(rng.choice(len(values), p=shares / shares.sum()))]


@lru_cache(maxsize=1)
def phrase_book() -> Phrases:
    """The common ways to name a value in the captions of the miniature, and some more.

    The rarer ones are left out: what a model learns from a hint is no word to take literally.
    """
    from miniature import words
    from miniature.attributes import COLOURS
    from miniature.captions import COMMON

    tables = {
        "subject": words.SUBJECT,
        "environment": words.ENVIRONMENT,
        "lighting": words.LIGHTING,
        "camera_angle": words.CAMERA_ANGLE,
        "shot": words.SHOT,
        "palette": words.PALETTE,
        "viewpoint": words.VIEWPOINT,
        "weather": words.WEATHER,
        "look": words.LOOK,
    }
    return {
        **{
            attribute: {
                value: (*ways[:COMMON], *MORE_WAYS[attribute].get(value, ()))
                for value, ways in table.items()
            }
            for attribute, table in tables.items()
        },
        NOTHING: {NOTHING: FALSE_FRIENDS},
        "colour": {colour: (colour,) for colour in COLOURS},
        "material": {value: ways[:COMMON] for value, ways in words.MATERIAL.items()},
        "mossy": {"yes": words.MOSSY[:COMMON]},
        "floating": {"yes": words.FLOATING[:COMMON]},
        "several": {"yes": words.SEVERAL[:COMMON]},
        "shallow": {"yes": words.SHALLOW[:COMMON]},
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
        *sorted((miniature.ROOT / "scenes").rglob("*.py")),
        *(miniature.ROOT / name for name in FINISHING),
        *(Path(__file__).with_name(name) for name in ("reading.py", "scene.py")),
    ]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
