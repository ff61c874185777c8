"""The options that set a field of `RunConfig`; a test holds them to it.

    add_options(parser)
    given_options(parser.parse_args())      # {"beam_width": 5}: only what was said

The one rule that is not obvious: no option has a default here. What was not said comes from the
config, or from the run that is resumed, so it must be seen that it was not said.
"""

import argparse
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any


def size_of(text: str) -> tuple[int, int]:
    """`512x768` as width and height."""
    match = re.fullmatch(r"(\d{1,5})[xX×](\d{1,5})", text.strip())
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size: give WxH in pixels, like 512x512")
    return int(match[1]), int(match[2])


@dataclass(frozen=True)
class Option:
    """One option of the command line."""

    field: str
    help: str
    kind: Callable[[str], Any] = str
    metavar: str | None = None
    choices: tuple[str, ...] | None = None
    switch: bool = False
    """Whether it takes no value: `--name`, or `--no-name`."""


JUDGES = (
    "pamela[:<path or id>], average[:<path or id>], hpsv3, qalign, laion, pickscore, imagereward, "
    "clipscore (each with :<path or id> too)"
)
SCORERS = f"{JUDGES}, glossy or fake:noise"
"""All that `scorer.make_scorer` knows, in words; a test holds them to it."""
MODELS = (
    Option(
        "llm",
        "what proposes edits: catalogue (no language model), <provider>/<model>, or "
        "transformers:<path or id> (default: catalogue)",
        metavar="SPEC",
    ),
    Option("llm_base_url", "address of an OpenAI-compatible server", metavar="URL"),
    Option(
        "program",
        "instructions that `pamela-agent compile` has tuned: a name, or a file",
        metavar="NAME",
    ),
    Option(
        "fallback",
        "what proposes where the language model's answer is of no use (default: catalogue)",
        choices=("catalogue", "none"),
    ),
    Option(
        "llm_cache",
        "keep the answers of hosted models, so that none is paid for twice (default: on)",
        switch=True,
    ),
    Option(
        "vision",
        "show the language model the picture whose prompt it edits; it says what it sees first "
        "(default: off)",
        switch=True,
    ),
    Option(
        "renderer",
        "what draws: miniature, diffusers:<path or id>, openai:<model>, scene or fake "
        "(default: miniature)",
        metavar="SPEC",
    ),
    Option("image_base_url", "address of an OpenAI-compatible images API", metavar="URL"),
    Option(
        "scorer",
        f"what judges: {SCORERS} (default: pamela)",
        metavar="SPEC",
    ),
)
SEARCH = (
    Option("beam_width", "how many prompts survive an iteration (default: 3)", int, "N"),
    Option("branching", "edits asked for of each survivor (default: 2)", int, "N"),
    Option("iterations", "how often the beam is expanded (default: 4)", int, "N"),
    Option("seeds", "pictures of each prompt; its score is their mean (default: 2)", int, "N"),
    Option("seed", "where all randomness of the run starts (default: 0)", int, "N"),
    Option("heldout_seeds", "fresh seeds for the comparison at the end (default: 8)", int, "N"),
    Option(
        "adherence_tolerance",
        "how far adherence to your prompt may fall (default: as measured of the encoder)",
        float,
        "X",
    ),
    Option(
        "stray",
        "what of your words an edit may change: none of them, low: not what they mean, medium: "
        "not the subject, high: anything (default: medium)",
        choices=("none", "low", "medium", "high"),
    ),
    Option(
        "keep",
        "which words of the prompt are yours, in their order; what else it says of light, place "
        "and the like may be replaced (without a language model as far as the catalogue knows the "
        "words), and the scorer reads yours only (default: all of them)",
        metavar="WORDS",
    ),
)
DRAWING = (
    Option("steps", "denoising steps (default: the renderer's)", int, "N"),
    Option("guidance", "guidance scale (default: the renderer's)", float, "X"),
    Option("size", "width and height in pixels (default: the renderer's)", size_of, "WxH"),
    Option("device", "where models run (default: auto)", choices=("auto", "cpu", "cuda", "mps")),
    Option(
        "dtype",
        "numbers that a pipeline computes with (default: auto)",
        choices=("auto", "float32", "bfloat16", "float16"),
    ),
    Option(
        "offload",
        "what a large pipeline keeps off the accelerator (default: none)",
        choices=("none", "model", "sequential"),
    ),
    Option("batch_size", "pictures drawn at once (default: 8)", int, "N"),
)
LIMITS = (
    Option("max_renders", "pictures in all, held-out ones included", int, "N"),
    Option("max_cost", "what the language model may cost, in US dollars", float, "USD"),
    Option("time_limit", "when to come to an end, in seconds", float, "SECONDS"),
)
DEFAULT = re.compile(r"\(default: [^()]*\)")
GROUPS = {"models": MODELS, "search": SEARCH, "drawing": DRAWING, "limits": LIMITS}


def add_options(
    parser: argparse.ArgumentParser,
    *,
    without: Collection[str] = (),
    groups: Iterable[str] = GROUPS,
    default: str | None = None,
) -> None:
    """Adds the options, in their groups.

    Args:
        parser: Of the command.
        without: Fields that the command sets in another way, or not at all.
        groups: Which of `GROUPS`.
        default: Where all that is not said comes from, if it is not from `RunConfig`.
    """
    for title in groups:
        group = parser.add_argument_group(title)
        for option in (option for option in GROUPS[title] if option.field not in without):
            flag = "--" + option.field.replace("_", "-")
            said = option.help
            if default is not None:
                said = DEFAULT.sub(f"(default: {default})", said)
            if option.switch:
                group.add_argument(
                    flag,
                    dest=option.field,
                    action=argparse.BooleanOptionalAction,
                    default=argparse.SUPPRESS,
                    help=said,
                )
                continue
            group.add_argument(
                flag,
                dest=option.field,
                type=option.kind,
                metavar=option.metavar,
                choices=option.choices,
                default=argparse.SUPPRESS,
                help=said.replace("%", "%%"),
            )


def given_options(args: argparse.Namespace) -> dict[str, Any]:
    """The options that were said, by field."""
    said = vars(args)
    fields = [option.field for options in GROUPS.values() for option in options]
    return {field: said[field] for field in fields if field in said}
