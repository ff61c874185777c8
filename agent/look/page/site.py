"""What all pages share: the settings, the runs, the templates, and how an answer is made.

site = Site(Settings(runs_dir=Path("runs")))
site.page("runs.html", listed=site.shelf.chosen(Choice()))
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from agent.look.page.addresses import run_address, with_query
from agent.look.page.door import Door
from agent.look.page.judge import Judge, on_scale
from agent.look.page.sheet import latest
from agent.look.page.shelf import Shelf
from agent.look.page.sitting import Sittings
from agent.look.report import TEMPLATES as REPORT_TEMPLATES
from agent.look.report import environment

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).with_name("templates")
STATIC = Path(__file__).with_name("static")


@dataclass(frozen=True)
class Settings:
    """What the page is about; nothing of it can be set from a browser."""

    runs_dir: Path
    users: Path | None = None
    """A folder with profiles, or one profile."""
    folders: tuple[Path, ...] = ()
    """Of pictures that may be rated, besides those of the runs."""
    scorer: str = "pamela"
    device: str = "auto"


class Site:
    """Everything behind the addresses.

    Args:
        settings: What it is about.
        door: Who may come in.
    """

    def __init__(self, settings: Settings, door: Door) -> None:
        self.settings = settings
        self.door = door
        self.shelf = Shelf(settings.runs_dir)
        self.sittings = Sittings()
        self.judge = Judge(settings.users, settings.scorer, device=settings.device)

    @cached_property
    def _environment(self) -> "Environment":
        made = environment(TEMPLATES, REPORT_TEMPLATES)
        functions = cast(dict[str, Any], made.globals)
        functions |= {"address": run_address, "with_query": with_query}
        functions |= {"latest": latest, "on_scale": on_scale}
        return made

    def warm_up(self) -> None:
        """Loads what the first page of a run would have to wait for."""
        from agent.gain import paired_interval
        from prompts.catalogue import load_catalogue

        paired_interval([0.0, 1.0])
        load_catalogue()
        for name in ("runs.html", "run.html", "candidate.html", "compare.html"):
            self._environment.get_template(name)

    def text(self, template: str, **values: Any) -> str:
        """A template, filled in."""
        return self._environment.get_template(template).render(**values, site=self)

    def page(self, template: str, code: int = 200, **values: Any) -> HTMLResponse:
        """A template, filled in, as an answer."""
        content = self.text(template, **values).encode("utf-8", "backslashreplace")
        return HTMLResponse(content, code)


def _site_of(request: Request) -> Site:
    return request.app.state.site


TheSite = Annotated[Site, Depends(_site_of)]
"""The parameter of an endpoint that stands for the site."""
