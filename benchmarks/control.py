"""How well the miniature's diffusion model does what the words say.

600 prompts with balanced values, each drawn once at the default settings. Their words were written
by hand before anything was trained (`held_out_words.toml`), and no caption uses them. A prompt
names its subject and three of the other attributes; an attribute is judged where it is named.
Control of an attribute is (accuracy - chance) / (judge - chance): the share of what the judge can
see that the model obeys. The judge is a classifier trained on rendered scenes; its own accuracy is
measured on fresh scenes that neither it nor the diffusion model was trained on. The palette
"natural" is what a prompt without a palette asks for. The last line asks for two attributes of one
picture at once.

The few steps that are the default are compared with the same network before it was made fast, at
many guided steps: what the judge saw in those pictures lies in `control_teacher.json`, which
`--teacher FOLDER` writes anew from an exported pipeline.
"""

import argparse
import json
import tomllib
from dataclasses import dataclass, field
from itertools import combinations, product
from pathlib import Path
from typing import Any, cast

import numpy as np

from agent.cli.parsers import counted
from benchmarks.report import Report, bootstrap_mean, in_one_line, parser
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

NEED = {
    "subject": 0.8,
    "environment": 0.9,
    "lighting": 0.9,
    "camera_angle": 0.8,
    "shot": 0.8,
    "palette": 0.8,
}
JOINT, JOINT_NEED = ("lighting", "camera_angle"), 0.75
JUDGE_NEED = 0.9
PROMPTS = 600
FRESH = 1200
MOST_FORWARDS, MOST_LOST = 8, 0.03
TEACHER = Path(__file__).with_name("control_teacher.json")
NAMED = 3
"""Attributes that a prompt names beside its subject."""
WORDS: dict[str, dict[str, list[str]]] = tomllib.loads(
    Path(__file__).with_name("held_out_words.toml").read_text(encoding="utf-8")
)
VALUES = {
    "subject": SUBJECTS,
    "environment": ENVIRONMENTS,
    "lighting": LIGHTINGS,
    "camera_angle": CAMERA_ANGLES,
    "shot": SHOTS,
    "palette": PALETTES,
}


@dataclass(frozen=True)
class Wanted:
    """A prompt and the values that it names."""

    prompt: str
    values: dict[str, str]


def held_out_prompts(count: int, seed: int) -> list[Wanted]:
    """Prompts in held-out words.

    Every choice of attributes is named as often as the others, and among the prompts that name an
    attribute, or the joint ones, every value is: as far as `count` can be divided.
    """
    rng = np.random.default_rng(seed)
    others = [name for name in VALUES if name != "subject"]
    choices = list(combinations(others, NAMED))
    named = [("subject", *choices[n]) for n in rng.permutation(np.arange(count) % len(choices))]
    values = _balanced(named, rng)
    wanted = []
    for names, chosen in zip(named, values, strict=True):
        shown = {n: VALUES[n][chosen[n]] for n in VALUES if n in names}
        words = {n: str(rng.choice(WORDS[n][value])) for n, value in shown.items()}
        head = " ".join(w for n in ("subject", "environment") if (w := words.pop(n, "")))
        wanted.append(Wanted(", ".join([head, *filter(None, words.values())]), shown))
    return wanted


def _balanced(named: list[tuple[str, ...]], rng: np.random.Generator) -> list[dict[str, int]]:
    """The number of the value of every attribute that a prompt names."""
    chosen: list[dict[str, int]] = [{} for _ in named]
    both = [row for row, names in enumerate(named) if set(JOINT) <= set(names)]
    cells = list(product(*(range(len(VALUES[name])) for name in JOINT)))
    for row, number in zip(both, rng.permutation(np.arange(len(both)) % len(cells)), strict=True):
        chosen[row] = dict(zip(JOINT, cells[number], strict=True))
    for name, values in VALUES.items():
        rows = [n for n, names in enumerate(named) if name in names and name not in chosen[n]]
        dealt = rng.permutation(np.arange(len(rows)) % len(values))
        for row, number in zip(rows, dealt, strict=True):
            chosen[row][name] = int(number)
    return chosen


def judged_fresh(count: int) -> dict[str, np.ndarray]:
    """Whether the judge is right on fresh scenes: (scene,) by attribute.

    They have the palettes that the prompts ask for, and the natural one where a prompt asks for
    none; whether a palette is known is asked where one is named, so it is NaN elsewhere.
    """
    from dataclasses import replace

    from miniature.classifier import HEADS, classify, labels_of, load_classifier
    from miniature.palette import grade
    from miniature.scenes.store import fresh_scenes

    pictures, attributes = fresh_scenes(FRESH_SCENES, count)
    asked = [want.values.get("palette") for want in held_out_prompts(count, seed=5)]
    palettes: list[Palette] = [cast("Palette", name or "natural") for name in asked]
    graded = np.stack([grade(p, name) for p, name in zip(pictures, palettes, strict=True)])
    named = [replace(a, palette=name) for a, name in zip(attributes, palettes, strict=True)]
    found = classify(load_classifier("judge"), graded)
    labels = np.array([labels_of(each) for each in named])
    right = {
        name: (found[name].argmax(1) == labels[:, list(HEADS).index(name)]).astype(float)
        for name in VALUES
    }
    right["palette"][[name is None for name in asked]] = np.nan
    return right


@dataclass(frozen=True)
class Obeyed:
    """Whether the judge saw what the prompts named; NaN where one does not name it."""

    by_name: dict[str, np.ndarray]
    forwards: float = field(default=0.0)
    """Of the transformer, a picture."""

    @classmethod
    def of(cls, wanted: list[Wanted], answers: dict[str, list[str]], forwards: float) -> "Obeyed":
        """From what the judge saw in each picture, by attribute."""
        right = {
            name: np.array(
                [
                    a == w.values[name] if name in w.values else np.nan
                    for a, w in zip(answers[name], wanted, strict=True)
                ],
                float,
            )
            for name in VALUES
        }
        joint = right[JOINT[0]] * right[JOINT[1]]
        return cls({**right, " and ".join(JOINT): joint}, forwards)


def drawn_answers(wanted: list[Wanted], **settings: Any) -> tuple[dict[str, list[str]], float]:
    """What the judge sees in a picture of each prompt, and how many forwards a picture took."""
    from miniature.classifier import HEADS, classify, load_classifier
    from miniature.renderer.sample import RENDERER, draw, load_pipeline

    passed = 0

    def count(_: object, given: tuple[Any, ...], named: dict[str, Any], __: object) -> None:
        nonlocal passed
        passed += len(given[0] if given else named["hidden_states"])

    pipeline = load_pipeline(settings.get("folder", RENDERER), "auto")  # the one that draws
    hook = pipeline.transformer.register_forward_hook(count, with_kwargs=True)
    pictures = draw([w.prompt for w in wanted], range(len(wanted)), **settings)
    hook.remove()
    found = classify(load_classifier("judge"), pictures)
    answers = {name: [HEADS[name][n] for n in found[name].argmax(1)] for name in VALUES}
    return answers, passed / len(wanted)


def main() -> None:
    """Draws, judges, prints."""
    args = _arguments()
    wanted = held_out_prompts(args.prompts, seed=5)
    if args.teacher is not None:
        settings = {"num_inference_steps": args.steps, "guidance_scale": args.guidance}
        answers, forwards = drawn_answers(wanted, folder=args.teacher, **settings)
        told = {"settings": settings, "forwards": forwards, "answers": answers}
        TEACHER.write_text(json.dumps(told, indent=1) + "\n")
        print(f"wrote {TEACHER.name}: {forwards:g} forwards a picture")
        return
    report = Report(f"python -m benchmarks.control --prompts {args.prompts}")
    obeyed = Obeyed.of(wanted, *drawn_answers(wanted))
    judge = judged_fresh(FRESH)
    for name in VALUES:
        seen = judge[name][~np.isnan(judge[name])]
        report.bar(f"judge of {name}", float(seen.mean()), at_least=JUDGE_NEED, n=len(seen))
        add_control(report, name, obeyed.by_name[name], judge[name], need=NEED[name])
    both = judge[JOINT[0]] * judge[JOINT[1]]
    add_control(
        report, " and ".join(JOINT), obeyed.by_name[" and ".join(JOINT)], both, need=JOINT_NEED
    )
    report.bar("forwards a picture", obeyed.forwards, at_most=MOST_FORWARDS, n=len(wanted))
    if args.prompts == PROMPTS:
        add_losses(report, obeyed, wanted)
    report.close(json_output=args.json)


def add_losses(report: Report, obeyed: Obeyed, wanted: list[Wanted]) -> None:
    """How much less often than the slow teacher's its pictures obey, line by line."""
    told = json.loads(TEACHER.read_text())
    teacher = Obeyed.of(wanted, told["answers"], told["forwards"])
    report.figures["teacher"] = told["settings"] | {"forwards": told["forwards"]}
    for name, right in obeyed.by_name.items():
        lost = teacher.by_name[name] - right
        lost = lost[~np.isnan(lost)]
        report.bar(
            f"lost on {name}",
            float(lost.mean()),
            at_most=MOST_LOST,
            n=len(lost),
            ci95=bootstrap_mean(lost),
        )


def add_control(
    report: Report, name: str, right: np.ndarray, judge: np.ndarray, *, need: float
) -> None:
    """Control with a normal interval; `right` is NaN where the attribute is not named."""
    chance = 1 / np.prod([len(VALUES[each]) for each in name.split(" and ")])
    named = right[~np.isnan(right)]
    share, seen, n = float(named.mean()), float(np.nanmean(judge)), len(named)
    spread = 1.96 * float(np.sqrt(share * (1 - share) / n))
    scaled = [(x - chance) / (seen - chance) for x in (share, share - spread, share + spread)]
    report.figures[name] = {"accuracy": share, "judge": seen, "control": round(scaled[0], 4)}
    report.bar(f"control of {name}", scaled[0], at_least=need, n=n, ci95=(scaled[1], scaled[2]))


def _arguments() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument("--prompts", type=counted, default=PROMPTS, help="how many (default 600)")
    made.add_argument("--teacher", type=Path, help="a pipeline folder to compare with, once")
    made.add_argument("--steps", type=counted, default=32, help="of the teacher (default 32)")
    made.add_argument("--guidance", type=float, default=2.0, help="its scale (default 2)")
    return made.parse_args()


if __name__ == "__main__":
    in_one_line(main)
