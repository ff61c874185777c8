"""The taste card as a picture."""

import io
import xml.etree.ElementTree as ET

import PIL.Image
import pytest

from agent.cards import CardEffect, TasteCard
from agent.look.card_picture import DARK, LIGHT, Disc, Stroke, Words, draw_card, png_of, svg_of

SVG = "{http://www.w3.org/2000/svg}"


def card(*effects: tuple[str, str, float, float, float], **more: object) -> TasteCard:
    return TasteCard(
        user_id=str(more.get("user_id", "night-owl")),
        scorer="pamela",
        runs=("one", "two"),
        prompts=20,
        spread=0.5,
        effects=tuple(
            CardEffect(axis=axis, name=name, effect=mean, low=low, high=high, tried=3)
            for axis, name, mean, low, high in effects
        ),
    )


TWO = card(("lighting", "moonlight", 0.3, 0.1, 0.5), ("lens", "macro", -0.2, -0.6, 0.2))


def test_every_value_has_its_interval_and_its_figures():
    shapes = draw_card(TWO).shapes
    texts = [shape.text for shape in shapes if isinstance(shape, Words)]
    marks = [shape for shape in shapes if isinstance(shape, Disc)]
    lines = [shape for shape in shapes if isinstance(shape, Stroke) and shape.width > 2]

    assert "What night-owl likes" in texts
    assert "2 runs, 18 scored edits, scorer pamela" in texts
    assert [t for t in texts if "[" in t] == ["+0.30 [+0.10, +0.50]", "−0.20 [−0.60, +0.20]"]
    assert [mark.role for mark in marks] == ["liked", "dot"]
    first, second = lines
    assert first.start[0] < marks[0].at[0] < first.end[0]
    assert second.end[0] - second.start[0] == pytest.approx(
        2 * (first.end[0] - first.start[0]), abs=0.3
    )


def test_the_strongest_values_are_shown_and_the_rest_is_counted():
    many = card(*(("mood", f"value {n}", n / 100, -1.0, 1.0) for n in range(1, 60)))
    texts = [shape.text for shape in draw_card(many).shapes if isinstance(shape, Words)]

    assert "value 59" in texts
    assert "value 5" not in texts
    assert any(text.startswith("19 weaker values are not shown") for text in texts)


def test_text_of_people_and_models_is_text_in_the_svg():
    name = "</text><script>alert(1)</script>\x1b[2J\ufffe & 光"
    root = ET.fromstring(svg_of(card(("mood", name, 0.3, 0.1, 0.5), user_id=name)))

    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {
        "svg", "title", "style", "rect", "line", "circle", "text",
    }  # fmt: skip
    assert any("<script>" in (element.text or "") for element in root.iter(f"{SVG}text"))


def test_an_svg_is_light_or_dark_as_its_reader_prefers():
    style = ET.fromstring(svg_of(TWO)).findtext(f"{SVG}style") or ""
    light, dark = style.split("@media (prefers-color-scheme:dark)")

    assert LIGHT["page"] in light
    assert DARK["page"] in dark


def shine(colour: str) -> float:
    """The relative luminance of WCAG 2.1."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_words_and_marks_stand_out_from_the_page(colours: dict[str, str]):
    page = shine(colours["page"])
    for role, least in (("ink", 4.5), ("soft", 4.5), ("liked", 3), ("disliked", 3), ("dot", 3)):
        high, low = sorted((shine(colours[role]), page), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= least, role


def colours_of(picture: PIL.Image.Image) -> set[str]:
    data = picture.convert("RGB").tobytes()
    return {f"#{data[n : n + 3].hex()}" for n in range(0, len(data), 3)}


@pytest.mark.parametrize(("dark", "colours"), [(False, LIGHT), (True, DARK)])
def test_a_png_shows_the_same_in_its_colours(dark: bool, colours: dict[str, str]):
    with PIL.Image.open(io.BytesIO(png_of(TWO, dark=dark))) as picture:
        found = colours_of(picture)
        corner = colours_of(picture.crop((0, 0, 1, 1)))

    assert corner == {colours["page"]}
    assert {colours[role] for role in ("ink", "soft", "line", "dot", "liked")} <= found


def test_a_png_has_words_where_the_system_has_no_fonts(monkeypatch: pytest.MonkeyPatch):
    whole = png_of(TWO)
    monkeypatch.setattr("agent.look.card_picture.FONTS", {False: "no.ttf", True: "none.ttf"})
    with (
        PIL.Image.open(io.BytesIO(png_of(TWO))) as picture,
        PIL.Image.open(io.BytesIO(whole)) as other,
    ):
        assert picture.size == other.size
        band = (60, 60, 700, 120)  # the title
        assert LIGHT["ink"] in colours_of(picture.crop(band))


def test_a_card_that_says_nothing_says_so():
    texts = [s.text for s in draw_card(card()).shapes if isinstance(s, Words)]

    assert "Too few scored prompts to say anything." in texts
    assert png_of(card()).startswith(b"\x89PNG")
