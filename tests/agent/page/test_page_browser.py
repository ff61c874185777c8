"""The page in a real browser, behind a real server: list, run, live, compare, rate, accessibility.

It needs Playwright's package and a Chromium (on Debian `apt install chromium`); where there is
none it is passed over, and everything that needs no browser is tested in `test_pages.py`.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from tests.agent.chromium import PATIENCE, chromium
from tests.agent.page.serving import Served, serving, settings_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[3]
KEPT = next((ROOT / "runs").glob("2*"))
SIZES = {"desktop": (1280, 900), "phone": (360, 780)}
READY = "#rating[aria-busy=false]"
SERIOUS = ("serious", "critical")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
axe_api = pytest.importorskip("axe_playwright_python.sync_playwright")

Open = Callable[..., "Page"]


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that comes with the project, and a profile without ratings."""
    folder = tmp_path_factory.mktemp("page")
    shutil.copytree(KEPT, folder / "runs" / KEPT.name)
    (folder / "people").mkdir()
    (folder / "people" / "me.json").write_text('{"user_id": "me"}')
    return folder


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Served]:
    with serving(settings_for(place / "runs", users=place / "people")) as served:
        yield served


@pytest.fixture
def opened(browser: "Browser", server: Served) -> "Iterator[Open]":
    """Opens an address; what the browser complains of is an error at the end."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def open_(
        path: str, size: str = "desktop", scheme: Literal["light", "dark"] = "light"
    ) -> "Page":
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(server.url + path)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


PATHS = (
    "/",
    f"/runs/{KEPT.name}",
    f"/runs/{KEPT.name}/candidate?id=c0005",
    f"/runs/{KEPT.name}/compare?id=c0000&id=c0005",
    "/rate",
)


def until(page: "Page", expression: str) -> None:
    """Waits for something to hold; Playwright's own way would need a policy that lets text run."""
    while not page.evaluate(expression):
        page.wait_for_timeout(50)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("size", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_it_fits_the_window_and_axe_finds_nothing_serious(
    opened: Open, path: str, size: str, scheme: Literal["light", "dark"]
):
    page = opened(path, size, scheme)
    found = axe_api.Axe().run(page).response["violations"]

    assert [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in SERIOUS] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_run_is_searched_and_opened_with_the_keyboard(opened: Open):
    page = opened("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.get_by_role("searchbox").focus()
    page.keyboard.type("nothing like it")
    page.keyboard.press("Enter")
    page.get_by_text("No run fits").wait_for()
    page.get_by_role("searchbox").fill("mossy")
    page.keyboard.press("Enter")
    page.locator(".runs a").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/runs/{KEPT.name}")
    assert page.locator("h1").inner_text() == "floating mossy rocks"


def test_two_pictures_of_the_tree_are_compared_with_the_keyboard(opened: Open):
    page = opened(f"/runs/{KEPT.name}")
    for number, key in ((0, "Enter"), (3, "Space")):
        page.locator("svg.tree [data-pick]").nth(number).focus()
        page.keyboard.press(key)
    assert page.locator("#tray .chosen a").count() == 2
    page.keyboard.press("c")
    page.wait_for_url("**/compare?*")
    over = page.locator("#slider .over")
    before = over.evaluate("image => getComputedStyle(image).clipPath")
    page.locator("#slider input").focus()
    page.keyboard.press("End")
    assert over.evaluate("image => getComputedStyle(image).clipPath") != before
    assert page.locator("ins").count() >= 1


def test_a_click_chooses_and_a_second_one_lets_go(opened: Open):
    page = opened(f"/runs/{KEPT.name}")
    picture = page.locator("#sheet [data-pick]").nth(2)
    picture.click()
    assert picture.get_attribute("aria-pressed") == "true"
    assert page.locator("#tray").is_visible()
    picture.click()
    assert page.locator("#tray").is_hidden()


def test_the_tree_is_zoomed(opened: Open):
    page = opened(f"/runs/{KEPT.name}")
    width = "Number(document.querySelector('svg.tree').getAttribute('width'))"
    before = page.evaluate(width)
    page.get_by_role("button", name="larger").click()
    assert page.evaluate(width) > before
    page.locator(".canvas").focus()
    page.keyboard.press("-")
    page.keyboard.press("-")
    assert page.evaluate(width) < before


def test_pictures_are_there(opened: Open):
    page = opened(f"/runs/{KEPT.name}")
    page.evaluate("document.querySelectorAll('img').forEach(i => i.loading = 'eager')")
    until(page, "[...document.images].every(i => i.complete)")

    assert page.evaluate("document.images.length") > 25
    assert page.evaluate("[...document.images].filter(i => !i.naturalWidth).length") == 0


def test_a_run_that_goes_on_is_followed_to_its_end(opened: Open, place: Path):
    words = ["run", "--user", "people/me.json", "--prompt", "a red tram", "--renderer", "fake"]
    words += ["--scorer", "fake:noise", "--llm", "catalogue", "--iterations", "30", "--quiet"]
    process = subprocess.Popen(
        [sys.executable, "-m", "agent.cli.main", *words, "--size", "256x256"],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
    )
    try:
        page = opened("/?q=tram")  # which may be before there is anything to see
        page.locator(".runs li.running a").click()
        state = page.locator(".going")
        state.wait_for()
        first = state.inner_text()
        until(page, f"document.querySelector('.going')?.innerText !== {json.dumps(first)}")
        assert page.locator(".latest img").count() > 0
        page.locator(".going").wait_for(state="detached")
        assert "done" in page.locator(".meta").first.inner_text()
    finally:
        process.kill()
        process.wait()


def test_ratings_go_into_the_profile_and_can_be_taken_back(opened: Open, place: Path):
    def ratings() -> list[float]:
        profile = json.loads((place / "people" / "me.json").read_text())
        return [rating["score"] for rating in profile["ratings"]]

    page = opened(f"/rate?who=me&what=run:{KEPT.name}")
    page.locator(READY).wait_for()
    before = page.locator("[data-role=uncertainty]").inner_text()
    given: list[list[float]] = []
    for key in ("4", "s", "2", "u", "1"):
        page.keyboard.press(key)
        page.locator(READY).wait_for()
        given.append(ratings())
    assert given == [[4], [4], [4, 2], [4], [4, 1]]
    after = page.locator("[data-role=uncertainty]").inner_text()
    assert float(after.split()[1]) < float(before.split()[1])
    assert page.locator("[data-role=chart] circle").count() == 3
    assert "off by" in page.locator("[data-role=leftout]").inner_text()
    assert (place / "people" / "ratings").is_dir()


WINDOWS = ((1280, 720), (1280, 900), (1920, 1080), (360, 780))
WHOLE = """() => {
  const [image, stage] = [".stage img", ".stage"].map((name) =>
    document.querySelector(name).getBoundingClientRect());
  return image.top >= stage.top && image.bottom <= stage.bottom && image.left >= stage.left
    && image.right <= stage.right && stage.top >= 0 && stage.bottom <= innerHeight
    && stage.right <= innerWidth;
}"""


def test_the_whole_picture_that_is_rated_is_seen(opened: Open):
    page = opened(f"/rate?who=me&what=run:{KEPT.name}")
    page.locator(READY).wait_for()
    until(page, "document.querySelector('.stage img').naturalWidth > 0")
    seen: list[bool] = []
    for width, height in WINDOWS:
        page.set_viewport_size({"width": width, "height": height})
        seen.append(page.evaluate(WHOLE))

    assert seen == [True] * len(WINDOWS)


def test_everybody_is_asked_only_on_request(opened: Open, place: Path):
    page = opened(f"/runs/{KEPT.name}/candidate?id=c0005")
    assert page.locator("table.opinions").count() == 0
    broken = place / "people" / "broken.json"
    broken.write_text("{")
    page.get_by_text("Ask for everybody").click()
    page.locator("table.opinions").wait_for()
    assert "broken.json" in page.get_by_text("Left out:").inner_text()
    broken.unlink()
    assert "me" in page.locator("table.opinions").inner_text()
