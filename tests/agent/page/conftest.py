"""A finished run on a served page."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.builders import Parts
from agent.optimize import optimize
from agent.store import RunStore
from scorer import UserProfile
from tests.agent.page.serving import Served, serving, settings_for


@pytest.fixture
def run(new_store: Callable[..., RunStore], user: UserProfile, parts: Parts) -> Path:
    """The folder of a finished run."""
    with new_store() as store:
        optimize(store=store, user=user, parts=parts)
    return store.folder


@pytest.fixture
def served(run: Path) -> Iterator[Served]:
    with serving(settings_for(run.parent)) as server:
        yield server
