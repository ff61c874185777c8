"""Does the adherence figure tell a right caption from a wrong one?

Fresh renders, none of which trained anything, each in a finish. The right caption is one of the
picture; the wrong one is the same caption with another subject, or other lighting, in it. AUC is
the share of pairs of a right and a wrong caption, over all pictures, in which the right one
adheres more (Mann-Whitney); its interval is bootstrapped over pictures.
"""

import re
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import PIL.Image

from agent.cli.parsers import counted
from benchmarks.report import Report, in_one_line, parser
from miniature import words
from miniature.attributes import Attributes
from miniature.captions import caption
from miniature.finish import draw_finish, finished
from miniature.training import FRESH_SCENES

WAYS = {"subject": words.SUBJECT, "lighting": words.LIGHTING}
NEED = {"subject": 0.97, "lighting": 0.90}
DRAWS = 1000


def ways_of(attributes: Attributes, name: str) -> tuple[str, ...]:
    """In how many ways a caption can say what a picture shows."""
    value = getattr(attributes, name)
    if name == "subject":
        return words.PLURAL[value] if attributes.several else words.SUBJECT[value]
    return WAYS[name][value]


def captions_of(attributes: Attributes, name: str, seed: int) -> tuple[str, str]:
    """A right caption that names an attribute, and the same one with a wrong value of it."""
    rng = np.random.default_rng((seed, zlib.crc32(name.encode())))
    own = getattr(attributes, name)
    other: Any = rng.choice([value for value in WAYS[name] if value != own])
    wrong = str(rng.choice(ways_of(replace(attributes, **{name: str(other)}), name)))
    for attempt in range(1000):
        right = caption(attributes, np.random.default_rng((seed, attempt)))
        said = [way for way in ways_of(attributes, name) if _place(way).search(right)]
        if said:
            return right, _instead(right, max(said, key=len), wrong)
    raise RuntimeError(f"no caption names the {name} of {attributes}")


def _place(way: str) -> re.Pattern[str]:
    return re.compile(rf"(?:\b(an?) )?(?<![\w-]){re.escape(way)}(?![\w-])")


def _instead(text: str, way: str, other: str) -> str:
    """The text with other words in one place, under the article that they take."""

    def say(found: re.Match[str]) -> str:
        article = "" if found[1] is None else ("an " if other[0] in "aeiou" else "a ")
        return article + other

    return _place(way).sub(say, text, count=1)


def auc(right: np.ndarray, wrong: np.ndarray) -> float:
    """Area under the ROC curve: how often a right figure is above a wrong one; ties count half."""
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([right, wrong]))[: len(right)]
    least = len(right) * (len(right) + 1) / 2
    return float((ranks.sum() - least) / (len(right) * len(wrong)))


def interval(right: np.ndarray, wrong: np.ndarray) -> tuple[float, float]:
    """95 % percentile bootstrap over pictures."""
    rng = np.random.default_rng(0)
    picks = rng.integers(0, len(right), (DRAWS, len(right)))
    low, high = np.quantile([auc(right[p], wrong[p]) for p in picks], [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    """Renders, compares, prints."""
    made = parser(__doc__)
    made.add_argument("--pictures", type=counted, default=1000, help="how many (default 1000)")
    args = made.parse_args()
    from miniature import WEIGHTS
    from miniature.scenes.store import fresh_scenes
    from scorer.miniature_encoder import MiniatureEncoder

    report = Report(f"python -m benchmarks.adherence --pictures {args.pictures}")
    pictures, attributes = fresh_scenes(FRESH_SCENES, args.pictures)
    finishes = [draw_finish(np.random.default_rng((9, n))) for n in range(len(pictures))]
    shown = [finished(p, f) for p, f in zip(pictures, finishes, strict=True)]
    named = [f.of(a) for f, a in zip(finishes, attributes, strict=True)]
    encoder = MiniatureEncoder(WEIGHTS / "encoder")
    joint = encoder.encode_images([PIL.Image.fromarray(p) for p in shown]).joint
    for name, need in NEED.items():
        texts = [captions_of(a, name, seed) for seed, a in enumerate(named)]
        right, wrong = (
            (joint * encoder.encode_texts([pair[side] for pair in texts])).sum(1) for side in (0, 1)
        )
        report.figures[f"{name}: right above its own wrong caption"] = round(
            float((right > wrong).mean()), 4
        )
        report.bar(
            f"AUC of the {name}",
            auc(right, wrong),
            at_least=need,
            n=len(right),
            ci95=interval(right, wrong),
        )
    report.close(json_output=args.json)


if __name__ == "__main__":
    in_one_line(main)
