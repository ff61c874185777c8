"""Puts the addresses together.

app = make_app(Site(Settings(runs_dir=Path("runs")), Door("127.0.0.1")))
"""

from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from agent.errors import PamelaError
from agent.look.page import live, rate, runs
from agent.look.page.door import Doorkeeper
from agent.look.page.shelf import NotThereError
from agent.look.page.site import STATIC, Site
from agent.look.report import TEMPLATES as REPORT_TEMPLATES

STYLE = REPORT_TEMPLATES / "report.css"


def make_app(site: Site) -> FastAPI:
    """The page as an ASGI application."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.state.site = site
    app.add_middleware(Doorkeeper, door=site.door)
    for router in (runs.router, live.router, rate.router):
        app.include_router(router)
    for path in (STYLE, *sorted(STATIC.iterdir())):
        app.add_api_route(f"/static/{path.name}", _file(path), include_in_schema=False)
    app.add_exception_handler(PamelaError, _explained)
    app.add_exception_handler(HTTPException, _explained)
    app.add_exception_handler(RequestValidationError, _explained)
    return app


def _file(path: Path) -> Callable[[], FileResponse]:
    def given() -> FileResponse:
        return FileResponse(path, headers={"Cache-Control": "no-cache"})

    return given


def _explained(request: Request, error: Exception) -> Response:
    """An error as one line; as JSON where a script asked."""
    code, message = _code_and_message(error)
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"error": message}, code)
    site: Site = request.app.state.site
    return site.page("message.html", code, message=message)


def _code_and_message(error: Exception) -> tuple[int, str]:
    if isinstance(error, HTTPException):
        return error.status_code, "there is nothing here" if error.status_code == 404 else str(
            error.detail
        )
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][1:])
        return 400, f"{name!r} can't be used: {first['msg']}"
    return 404 if isinstance(error, NotThereError) else 400, str(error)
