"""Chromium for the tests that look at pages as a reader does.

It needs Playwright's package and a Chromium (on Debian `apt install chromium`); where there is none
such tests are passed over.
"""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PATIENCE = 240_000
"""Milliseconds: machines that do other things too are slow."""
sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
if CHROMIUM is None:
    pytest.skip("there is no chromium here", allow_module_level=True)


@contextmanager
def chromium() -> "Generator[Browser]":
    """A headless browser."""
    with sync_api.sync_playwright() as play:
        started = play.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"], timeout=PATIENCE
        )
        yield started
        started.close()
