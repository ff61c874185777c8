"""How long does it take to score pictures, for one person and for many?

512 pictures of 128×128 (noise: what they show takes no time) for one person of whom demographics
are known, and for 200 of them. The features of a picture are computed once, so nearly all of the
time should be the frozen encoder's. Every time is the least of some, each with an empty cache of
pictures; models are loaded before, and the sentences that describe people are known.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable

import numpy as np
import PIL.Image

from agent.cli.parsers import counted
from benchmarks.report import Report, in_one_line, parser
from scorer.encoders import make_encoder
from scorer.personal import PersonalScorer, predictor_folder
from scorer.profile import UserProfile

PICTURES, PEOPLE, SIDE = 512, 200, 128
MOST_TIMES, LEAST_SPEED = 1.5, 0.9
PROMPT = "a mossy rock by a lake"


def pictures(count: int) -> list[PIL.Image.Image]:
    """Noise, all different."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)
    return [PIL.Image.fromarray(each) for each in pixels]


def people(count: int) -> list[UserProfile]:
    """Profiles with an age, a gender and a nationality, and no ratings."""
    rng = np.random.default_rng(1)
    return [
        UserProfile(
            user_id=f"simulated-{number}",
            demographics={
                "age": int(rng.integers(18, 80)),
                "gender": str(rng.choice(["female", "male"])),
                "nationality": str(rng.choice(["German", "Polish", "Kenyan", "Japanese"])),
            },
        )
        for number in range(count)
    ]


def least(made: Callable[[], Callable[[], object]], repeats: int) -> float:
    """Seconds of the fastest of some calls, each made anew."""
    found = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["PAMELA_CACHE_DIR"] = folder
            call = made()
            begun = time.perf_counter()
            call()
            found.append(time.perf_counter() - begun)
    return min(found)


def main() -> None:
    """Times and prints."""
    args = _arguments()
    report = Report("python -m benchmarks.scoring")
    images, everybody = pictures(PICTURES), people(PEOPLE)
    prompts = [PROMPT] * PICTURES

    def bare() -> Callable[[], object]:
        encoder = make_encoder("miniature")
        encoder.encode_images(images[:8])
        return lambda: encoder.encode_images(images)

    def scorer() -> PersonalScorer:
        made = PersonalScorer(str(predictor_folder("pamela")), personal=True)
        made.score(pictures(PICTURES + 8)[-8:], prompts[:8], everybody[0])
        return made

    def one() -> Callable[[], object]:
        ready = scorer()
        return lambda: ready.score(images, prompts, everybody[0])

    def liking(count: int) -> Callable[[], Callable[[], object]]:
        def made() -> Callable[[], object]:
            ready = scorer()
            return lambda: ready.likings(images, prompts, everybody[:count])

        return made

    timed = {"bare": bare, "one": one, "one's liking": liking(1), "many": liking(PEOPLE)}
    seconds = {name: least(made, args.repeats) for name, made in timed.items()}
    report.figures["seconds"] = {name: round(each, 3) for name, each in seconds.items()}
    report.figures["pictures a second"] = round(PICTURES / seconds["one"], 1)
    report.figures["share of the encoder"] = round(seconds["bare"] / seconds["one"], 3)
    report.bar(
        f"time of {PEOPLE} people beside one",
        seconds["many"] / seconds["one's liking"],
        at_most=MOST_TIMES,
        n=args.repeats,
    )
    report.bar(
        "pictures a second beside the bare encoder's",
        seconds["bare"] / seconds["one"],
        at_least=LEAST_SPEED,
        n=args.repeats,
    )
    report.close(json_output=args.json)


def _arguments() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument("--repeats", type=counted, default=3, help="of each (default 3)")
    return made.parse_args()


if __name__ == "__main__":
    in_one_line(main)
