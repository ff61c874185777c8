"""Draws the README's pictures: one prompt for four people, and what edits do to prompts.

    python -m benchmarks.pictures

Both are drawn with the shipped weights and go into `docs/images/`. For each person the searches
of `benchmarks.gain --profiles examples` are taken where they are there, else made.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from agent.render.base import Renderer
from benchmarks.gain import Found, drawn, search
from benchmarks.people import load_people
from benchmarks.report import in_one_line
from benchmarks.runs import parts_for
from miniature.training import BUILD

IMAGES = Path("docs/images")
PROMPTS = (
    "a mossy rock in a meadow",
    "a lighthouse on a beach",
    "a red car in a street",
    "a horse in the desert",
    "a windmill in the snow",
    "a robot in a forest",
    "a sailing boat on a lake",
    "a teapot in a room",
)
EDITS = (
    "",
    "golden hour lighting",
    "in moonlight",
    "lit by neon lights",
    "from a low angle",
    "bird's-eye view",
    "digital art",
)
SIDE, LINE, SHOWN = 160, 18, 3


def labelled(rows: Sequence[tuple[str, Sequence[PIL.Image.Image]]]) -> PIL.Image.Image:
    """Rows of pictures, each under a line of text."""
    width = SIDE * max(len(pictures) for _, pictures in rows)
    sheet = PIL.Image.new("RGB", (width, (SIDE + LINE) * len(rows)), "white")
    pen, font = PIL.ImageDraw.Draw(sheet), PIL.ImageFont.load_default(12)
    for number, (text, pictures) in enumerate(rows):
        top = number * (SIDE + LINE)
        pen.text((3, top + 1), text, fill="black", font=font)
        for column, picture in enumerate(pictures):
            place = (column * SIDE, top + LINE)
            sheet.paste(picture.resize((SIDE, SIDE), PIL.Image.Resampling.LANCZOS), place)
    return sheet


def of_person(found: Found) -> tuple[str, list[PIL.Image.Image]]:
    """A person's row: pictures of the user's prompt, then of the best one, on the same seeds."""
    best = found.run.best.prompt if found.run.best else found.prompt
    pictures = np.concatenate([found.initial[:SHOWN], found.best[:SHOWN]])
    return f"{found.person}: {best}", [PIL.Image.fromarray(p) for p in pictures]


def of_prompt(prompt: str, renderer: Renderer) -> tuple[str, list[PIL.Image.Image]]:
    """A prompt's row: itself, then with each of the edits, all on one seed."""
    edited = [f"{prompt}, {edit}" if edit else prompt for edit in EDITS]
    named = " · ".join(edit or "as it is" for edit in EDITS)
    return f"{prompt}: {named}", [drawn(text, [1], renderer)[0] for text in edited]


def main() -> None:
    """Searches, draws, writes."""
    made = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    made.add_argument("--prompt", default="floating mossy rocks", help="for the four people")
    made.add_argument("--renderer", default="miniature", help="miniature (default) or scene")
    made.add_argument("--profiles", type=Path, default=Path("examples"))
    args = made.parse_args()
    options = {"renderer": args.renderer}
    people, parts = load_people(args.profiles), parts_for(options)
    folder = BUILD / "gain" / args.renderer
    found = [search(args.prompt, u, folder, options, parts) for u in people.values()]
    labelled([of_person(one) for one in found]).save(IMAGES / "four-people.png", optimize=True)
    labelled([of_prompt(p, parts.renderer) for p in PROMPTS]).save(
        IMAGES / "edits.png", optimize=True
    )
    print(IMAGES / "four-people.png", IMAGES / "edits.png")


if __name__ == "__main__":
    in_one_line(main)
