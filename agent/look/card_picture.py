"""A taste card as a picture: an interval for each value, by axis; SVG, or PNG drawn by Pillow.

    svg_of(card)                    # "<svg …", light or dark as whoever looks at it prefers
    png_of(card, dark=False)        # bytes

Both draw the same shapes. The one rule that is not obvious: a picture has room for so many values,
so the strongest are shown, and how many are not is said.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rich.cells import cell_len, set_cell_size

from agent.cards import CardEffect, TasteCard
from agent.look.report import signed
from agent.look.report.charts import Scale, digits_for, nice_ticks
from agent.text import printable

if TYPE_CHECKING:
    import PIL.ImageDraw
    import PIL.ImageFont

Role = Literal["page", "ink", "soft", "line", "dot", "liked", "disliked"]
LIGHT: dict[Role, str] = {
    "page": "#ffffff",
    "ink": "#1b1b19",
    "soft": "#62625c",
    "line": "#e4e3de",
    "dot": "#8a8983",
    "liked": "#0b6b59",
    "disliked": "#b03a2e",
}
DARK: dict[Role, str] = {
    "page": "#131312",
    "ink": "#eceae4",
    "soft": "#a3a199",
    "line": "#33322e",
    "dot": "#8a8983",
    "liked": "#62cdb3",
    "disliked": "#f0968a",
}
WIDTH, EDGE, ROW = 780, 32, 26
PLOT, FIGURES, TIMES = (258, 520), 544, 712
"""Where the intervals stand, and where the words beside them begin."""
MOST_VALUES = 40
WIDEST = 28
"""Columns of a name."""
SHARPNESS = 2
"""Pixels of a PNG for each of the drawing."""
FONTS = {False: "DejaVuSans.ttf", True: "DejaVuSans-Bold.ttf"}


@dataclass(frozen=True)
class Stroke:
    """A straight line."""

    start: tuple[float, float]
    end: tuple[float, float]
    role: Role
    width: float = 1.0


@dataclass(frozen=True)
class Disc:
    """A filled circle."""

    at: tuple[float, float]
    radius: float
    role: Role


@dataclass(frozen=True)
class Words:
    """Text that stands on a line."""

    at: tuple[float, float]
    text: str
    role: Role
    size: int = 13
    bold: bool = False
    anchor: Literal["start", "middle"] = "start"


Shape = Stroke | Disc | Words


@dataclass(frozen=True)
class Drawing:
    """All shapes, and how large a picture they make."""

    height: int
    title: str
    shapes: tuple[Shape, ...]


def draw_card(card: TasteCard) -> Drawing:
    """Places everything."""
    shown = sorted(card.effects, key=lambda e: -abs(e.effect))[:MOST_VALUES]
    title = f"What {printable(card.user_id)} likes"
    shapes: list[Shape] = [
        Words((EDGE, 52), _short(title, 60), "ink", size=22, bold=True),
        Words((EDGE, 76), _short(_about(card), 100), "soft"),
    ]
    if not shown:
        shapes.append(Words((EDGE, 118), "Too few scored prompts to say anything.", "ink"))
        return Drawing(150, title, tuple(shapes))
    scale, ticks = _scale(shown)
    top, foot = 104, 104 + ROW * (len(shown) + len({e.axis for e in shown})) + 8
    places = digits_for(ticks)
    for tick in ticks:
        role: Role = "line" if tick else "dot"
        shapes.append(Stroke((scale(tick), top), (scale(tick), foot), role))
        label = signed(tick, places) if tick else "0"
        shapes.append(Words((scale(tick), foot + 18), label, "soft", size=12, anchor="middle"))
    shapes += _rows(shown, scale, top)
    left = len(card.effects) - len(shown)
    rest = f"{left} weaker values are not shown. " if left else ""
    note = f"{rest}Points of the scorer, with 95 % intervals; coloured is what leaves out zero."
    shapes.append(Words((EDGE, foot + 50), note, "soft", size=12))
    return Drawing(foot + 74, title, tuple(shapes))


def _about(card: TasteCard) -> str:
    edits = max(0, card.prompts - len(card.runs))
    counts = ((len(card.runs), "run"), (edits, "scored edit"))
    words = ", ".join(f"{n} {what}{'' if n == 1 else 's'}" for n, what in counts)
    return f"{words}, scorer {printable(card.scorer)}"


def _scale(effects: Sequence[CardEffect]) -> tuple[Scale, list[float]]:
    low = min(0.0, *(e.low for e in effects))
    high = max(0.0, *(e.high for e in effects))
    ticks = nice_ticks(low, high)
    return Scale(min(*ticks, low), max(*ticks, high), *map(float, PLOT)), ticks


def _rows(effects: Sequence[CardEffect], scale: Scale, top: float) -> Iterator[Shape]:
    """The values under their axes; the axis with the strongest value comes first."""
    y = top
    for axis in dict.fromkeys(e.axis for e in effects):
        y += ROW
        name = printable(axis).replace("_", " ")
        yield Words((EDGE, y - 8), _short(name, WIDEST), "ink", bold=True)
        for effect in sorted((e for e in effects if e.axis == axis), key=lambda e: -e.effect):
            y += ROW
            yield from _row(effect, scale, y - 8)


def _row(effect: CardEffect, scale: Scale, y: float) -> Iterator[Shape]:
    role: Role = "dot"
    if effect.is_sure:
        role = "liked" if effect.effect > 0 else "disliked"
    words: Role = "ink" if effect.is_sure else "soft"
    middle = y - 4.5
    yield Words((EDGE, y), _short(printable(effect.name), WIDEST), words)
    yield Stroke((scale(effect.low), middle), (scale(effect.high), middle), role, 2.5)
    yield Disc((scale(effect.effect), middle), 4.5, role)
    figures = f"{signed(effect.effect)} [{signed(effect.low)}, {signed(effect.high)}]"
    yield Words((FIGURES, y), figures, words)
    times = "once" if effect.tried == 1 else f"{effect.tried}×"
    yield Words((TIMES, y), times, "soft")


def _short(text: str, columns: int) -> str:
    return text if cell_len(text) <= columns else f"{set_cell_size(text, columns - 1).rstrip()}…"


def svg_of(card: TasteCard) -> str:
    """The card as an SVG that follows the reader's light or dark setting."""
    from markupsafe import escape

    drawing = draw_card(card)
    light, dark = (
        "".join(
            f".{role}{{fill:{colour}}}line.{role}{{stroke:{colour}}}"
            for role, colour in colours.items()
        )
        for colours in (LIGHT, DARK)
    )
    style = (
        f"{light}@media (prefers-color-scheme:dark){{{dark}}}text{{font-family:"
        "ui-sans-serif,system-ui,'Segoe UI',Roboto,'Helvetica Neue','DejaVu Sans',sans-serif;"
        "font-variant-numeric:tabular-nums}"
    )
    size = f'width="{WIDTH}" height="{drawing.height}" viewBox="0 0 {WIDTH} {drawing.height}"'
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
            f"<title>{escape(drawing.title)}</title><style>{style}</style>",
            f'<rect class="page" width="{WIDTH}" height="{drawing.height}"/>',
            *map(_tag, drawing.shapes),
            "</svg>\n",
        )
    )


def _tag(shape: Shape) -> str:
    from markupsafe import escape

    match shape:
        case Stroke((x, y), (x2, y2), role, width):
            ends = f'x1="{x:g}" y1="{y:g}" x2="{x2:g}" y2="{y2:g}"'
            return f'<line class="{role}" {ends} stroke-width="{width:g}"/>'
        case Disc((x, y), radius, role):
            return f'<circle class="{role}" cx="{x:g}" cy="{y:g}" r="{radius:g}"/>'
        case Words((x, y), text, role, size, bold, anchor):
            weight = ' font-weight="600"' if bold else ""
            place = f'x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size}"{weight}'
            return f'<text class="{role}" {place}>{escape(text)}</text>'


def png_of(card: TasteCard, *, dark: bool = False) -> bytes:
    """The card as a PNG."""
    import PIL.Image
    import PIL.ImageDraw

    drawing, colours = draw_card(card), DARK if dark else LIGHT
    size = (WIDTH * SHARPNESS, drawing.height * SHARPNESS)
    picture = PIL.Image.new("RGB", size, colours["page"])
    pen = PIL.ImageDraw.Draw(picture)
    for shape in drawing.shapes:
        _ink(pen, shape, colours[shape.role])
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _ink(pen: "PIL.ImageDraw.ImageDraw", shape: Shape, colour: str) -> None:
    match shape:
        case Stroke((x, y), (x2, y2), _, width):
            ends = tuple(SHARPNESS * v for v in (x, y, x2, y2))
            pen.line(ends, fill=colour, width=round(SHARPNESS * width))
        case Disc((x, y), radius, _):
            pen.circle((SHARPNESS * x, SHARPNESS * y), SHARPNESS * radius, fill=colour)
        case Words((x, y), text, _, size, bold, anchor):
            place = (SHARPNESS * x, SHARPNESS * y)
            corner = "ls" if anchor == "start" else "ms"
            pen.text(place, text, fill=colour, font=_font(size, bold=bold), anchor=corner)


def _font(
    size: int, *, bold: bool
) -> "PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont | PIL.ImageFont.TransposedFont":
    """A font of the system that knows many scripts, else the one that comes with Pillow."""
    import PIL.ImageFont

    try:
        return PIL.ImageFont.truetype(FONTS[bold], size * SHARPNESS)
    except OSError:
        return PIL.ImageFont.load_default(size * SHARPNESS)
