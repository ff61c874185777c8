"""How well the miniature's diffusion model does what the words say.

200 prompts with balanced values that were never trained on, each drawn once at the default
settings. Control of an attribute is (accuracy - chance) / (judge - chance): the share of what the
judge can see that the model obeys. The judge is a classifier trained on rendered scenes; its own
accuracy is measured on fresh scenes that neither it nor the diffusion model was trained on.
"""

import argparse

import numpy as np

from benchmarks.report import Report, in_one_line, parser, positive
from miniature.attributes import (
    CAMERA_ANGLES,
    ENVIRONMENTS,
    LIGHTINGS,
    PALETTES,
    SHOTS,
    SUBJECTS,
    Palette,
)
from miniature.training import FRESH_SCENES

NEED = {"lighting": 0.8, "environment": 0.8, "camera_angle": 0.7, "subject": 0.65}
JUDGE_NEED = 0.85
FRESH = 600
MOST_SCENES = 8000
"""No more were trained on."""
WORDS: dict[str, dict[str, tuple[str, ...]]] = {
    "subject": {
        "rock": ("a big rock", "rocks"),
        "house": ("a house", "a little cottage"),
        "tree": ("a tree", "one tree"),
        "tower": ("a tower", "an old stone tower"),
        "boat": ("a sailing boat", "a boat"),
        "cactus": ("a cactus", "a tall cactus"),
        "snowman": ("a snowman", "a happy snowman"),
        "chair": ("a chair", "an empty chair"),
    },
    "environment": {
        "meadow": ("in a meadow", "in the green grass"),
        "desert": ("in a desert", "in the sandy desert"),
        "lake": ("on a lake", "in the water of a lake"),
        "snow": ("in the snow", "in deep snow"),
        "room": ("in a room", "inside a room"),
    },
    "lighting": {
        "golden hour": ("at golden hour", "in warm light at sunset"),
        "overcast": ("under an overcast sky", "on an overcast day"),
        "moonlight": ("in the moonlight", "at night in moonlight"),
        "neon": ("lit by neon", "under neon lights"),
        "candle-light": ("by candle-light", "lit only by a candle"),
        "softbox": ("lit by a studio softbox", "softbox lighting in a studio"),
        "backlit": ("backlit by the sun", "strongly backlit"),
    },
    "camera_angle": {
        "low": ("from a low angle", "low-angle view from below"),
        "eye level": ("at eye level", "straight on at eye level"),
        "high": ("from a high angle", "high-angle view from above"),
        "bird's-eye": ("bird's-eye view", "from straight overhead"),
    },
    "shot": {
        "close": ("close-up", "tight close-up"),
        "medium": ("medium shot", "at a medium distance"),
        "wide": ("wide shot", "in a wide long shot"),
    },
    "palette": {
        "natural": ("", ""),
        "warm": ("warm palette", "warm colour palette"),
        "cool": ("cool palette", "cool blue palette"),
        "muted": ("muted colours", "muted palette"),
        "vivid": ("vivid colours", "vivid palette"),
        "monochrome": ("black and white", "a black and white photograph"),
        "pastel": ("pastel palette", "pastel tones"),
    },
}
VALUES = {
    "subject": SUBJECTS,
    "environment": ENVIRONMENTS,
    "lighting": LIGHTINGS,
    "camera_angle": CAMERA_ANGLES,
    "shot": SHOTS,
    "palette": PALETTES,
}


def balanced(count: int, seed: int) -> list[dict[str, str]]:
    """Values of every attribute, each as often as the others, in independent orders."""
    rng = np.random.default_rng(seed)
    columns = {
        name: rng.permutation(np.arange(count) % len(values)) for name, values in VALUES.items()
    }
    return [{name: VALUES[name][columns[name][row]] for name in VALUES} for row in range(count)]


def prompt_of(values: dict[str, str], rng: np.random.Generator) -> str:
    """A prompt in some words that captions use and some that they never do."""
    words = {name: WORDS[name][value][rng.integers(2)] for name, value in values.items()}
    tail = [words[name] for name in ("lighting", "camera_angle", "shot", "palette")]
    return ", ".join([f"{words['subject']} {words['environment']}", *(w for w in tail if w)])


def unseen_prompts(wanted: list[dict[str, str]], seed: int) -> list[str]:
    """A prompt for each, none of which is among the captions that were trained on."""
    from miniature.renderer.latents import training_captions
    from miniature.scenes.store import scene_attributes
    from miniature.training import HELD_OUT_EVERY

    numbers = [n for n in range(MOST_SCENES) if n % HELD_OUT_EVERY]
    known = set(training_captions([scene_attributes(0, n) for n in numbers], seed=0))
    rng = np.random.default_rng(seed)
    prompts = []
    for values in wanted:
        prompt = prompt_of(values, rng)
        while prompt in known:
            prompt = prompt_of(values, rng)
        prompts.append(prompt)
    return prompts


def judge_accuracy(count: int) -> dict[str, float]:
    """The judge's accuracy on fresh scenes, each under a palette."""
    from dataclasses import replace

    from miniature.classifier import accuracy, load_classifier
    from miniature.palette import grade
    from miniature.scenes.store import fresh_scenes

    pictures, attributes = fresh_scenes(FRESH_SCENES, count)
    palettes: list[Palette] = [PALETTES[n % len(PALETTES)] for n in range(len(pictures))]
    graded = np.stack([grade(p, name) for p, name in zip(pictures, palettes, strict=True)])
    named = [replace(a, palette=name) for a, name in zip(attributes, palettes, strict=True)]
    return accuracy(load_classifier("judge"), graded, named)


def main() -> None:
    """Draws, judges, prints."""
    args = _arguments()
    from miniature.classifier import HEADS, classify, load_classifier
    from miniature.renderer.sample import draw

    report = Report(f"python -m benchmarks.control --prompts {args.prompts}")
    wanted = balanced(args.prompts, seed=5)
    prompts = unseen_prompts(wanted, seed=6)
    found = classify(load_classifier("judge"), draw(prompts, range(len(prompts))))
    judge = judge_accuracy(FRESH)
    for name in VALUES:
        answers = [HEADS[name][index] for index in found[name].argmax(1)]
        right = np.array([a == w[name] for a, w in zip(answers, wanted, strict=True)])
        _add(report, name, right, judge[name])
    report.close(json_output=args.json)


def _add(report: Report, name: str, right: np.ndarray, judge: float) -> None:
    chance = 1 / len(VALUES[name])
    share, n = float(right.mean()), len(right)
    spread = 1.96 * float(np.sqrt(share * (1 - share) / n))
    scaled = [(x - chance) / (judge - chance) for x in (share, share - spread, share + spread)]
    report.figures[name] = {"accuracy": share, "judge": judge, "control": round(scaled[0], 4)}
    if name in NEED:
        report.bar(
            f"control of {name}", scaled[0], at_least=NEED[name], n=n, ci95=(scaled[1], scaled[2])
        )
        report.bar(f"judge of {name}", judge, at_least=JUDGE_NEED, n=FRESH)


def _arguments() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument("--prompts", type=positive, default=200, help="how many (default 200)")
    return made.parse_args()


if __name__ == "__main__":
    in_one_line(main)
