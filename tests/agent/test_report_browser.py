"""The report in a real browser, from `file://`, with the network off: light, dark, desktop, phone.

It needs Playwright's package and a Chromium (on Debian `apt install chromium`); where there is
none it is passed over, and everything that needs no browser is tested in `test_report.py`.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from agent.look.report import write_report
from tests.agent.chromium import PATIENCE, chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
KEPT = next((ROOT / "runs").glob("2*"))
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / KEPT.name
    shutil.copytree(KEPT, folder)
    return write_report(folder)


@pytest.fixture
def opened(browser: "Browser", report: Path) -> "Iterator[Callable[..., Page]]":
    """Opens the report; what the browser complains of is an error at the end."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def open_(size: str = "desktop", scheme: Literal["light", "dark"] = "light") -> "Page":
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, offline=True
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("request", lambda request: _only_files(request.url, complaints))
        page.goto(report.as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


def _only_files(url: str, complaints: list[str]) -> None:
    if not url.startswith(("file:", "data:")):
        complaints.append(url)


@pytest.mark.parametrize("size", ["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_the_window_and_can_be_read(
    opened: "Callable[..., Page]", size: str, scheme: Literal["light", "dark"]
):
    page = opened(size, scheme)

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("h1").inner_text() == "floating mossy rocks"
    assert page.evaluate(CONTRASTS) == []


CONTRASTS = """() => {
  const light = c => { const s = c / 255;
    return s <= .03928 ? s / 12.92 : ((s + .055) / 1.055) ** 2.4 };
  const shine = c => .2126 * light(c[0]) + .7152 * light(c[1]) + .0722 * light(c[2]);
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const behind = e => { for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; }
    return parse(getComputedStyle(document.body).backgroundColor) };
  const bad = [];
  for (const e of document.querySelectorAll('main *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!own || e.closest('svg') || !e.checkVisibility()) continue;
    const [a, b] = [parse(getComputedStyle(e).color), behind(e)].map(shine);
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) bad.push(e.className + ' ' + ratio.toFixed(2));
  }
  return bad;
}"""
"""Text whose contrast is below 4.5, WCAG 2.1's 1.4.3 (AA)."""


def test_no_line_of_the_tree_crosses_words_or_pictures(opened: "Callable[..., Page]"):
    page = opened()

    assert page.evaluate("document.querySelectorAll('.tree .edge').length") > 10
    assert page.evaluate(CROSSINGS) == []


CROSSINGS = """() => {
  const things = [...document.querySelectorAll('.tree text, .tree image')].map(
    t => [t.textContent || t.parentElement.textContent, t.getBBox()]);
  const found = [];
  for (const edge of document.querySelectorAll('.tree .edge'))
    for (let at = 0; at <= edge.getTotalLength(); at += 2) {
      const p = edge.getPointAtLength(at);
      for (const [words, b] of things)
        if (p.x > b.x && p.x < b.x + b.width && p.y > b.y && p.y < b.y + b.height)
          found.push(words);
    }
  return [...new Set(found)];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_zero_can_be_seen_and_no_interval_touches_the_edge(
    opened: "Callable[..., Page]", scheme: Literal["light", "dark"]
):
    page = opened("desktop", scheme)
    zero, behind = page.evaluate(STROKES)

    assert abs(shine(zero) - shine(behind)) / min(shine(zero) + 0.05, shine(behind) + 0.05) >= 2
    assert page.evaluate(ENDS) < 190


STROKES = """() => [getComputedStyle(document.querySelector('.forest .zero')).stroke,
  getComputedStyle(document.body).backgroundColor]"""
ENDS = """() => Math.max(...[...document.querySelectorAll('.forest g line')].map(
  line => line.x2.baseVal.value))"""


def shine(colour: str) -> float:
    """Relative luminance, WCAG 2.1."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_all_pictures_are_there(opened: "Callable[..., Page]"):
    page = opened()
    page.evaluate("document.querySelectorAll('img').forEach(i => i.loading = 'eager')")
    page.wait_for_function("[...document.images].every(i => i.complete)")

    assert page.evaluate("document.images.length") > 25
    assert page.evaluate("[...document.images].filter(i => !i.naturalWidth).length") == 0


def test_candidates_are_filtered_without_a_script(opened: "Callable[..., Page]"):
    page = opened()
    shown = "[...document.querySelectorAll('.card')].filter(c => c.checkVisibility()).length"

    assert page.evaluate(shown) == 19
    page.get_by_text("Kept", exact=True).click()
    assert page.evaluate(shown) == page.locator(".card.kept").count() < 19


def test_the_keyboard_is_enough(opened: "Callable[..., Page]"):
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator("#only-all").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#only-kept").is_checked()
    page.locator("svg.tree a").nth(1).focus()
    page.keyboard.press("Enter")
    assert "#c-" in page.url
    page.locator(".card summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator(".card details[open]").count() == 1


def test_a_picture_leads_to_its_full_size(opened: "Callable[..., Page]"):
    page = opened()
    page.locator(".pair a").first.click()
    page.wait_for_url("**/images/*.png")

    assert page.evaluate("document.images[0].naturalWidth") == 128
