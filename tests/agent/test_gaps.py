"""A run that was ended by a limit lacks nothing, whatever it left out."""

from collections.abc import Callable
from typing import Any

import pytest

from agent.builders import Parts
from agent.clock import Clock
from agent.gaps import gaps, named
from agent.names import LINES
from agent.optimize import optimize
from agent.records import read_records
from agent.store import RunStore
from scorer import UserProfile

NewStore = Callable[..., RunStore]


class Hasty(Clock):
    """A clock on which every look takes so long that a time limit is reached soon."""

    looks = 0

    def seconds(self) -> Any:
        self.looks += 1
        known = super().seconds()
        return known.model_copy(update={"total": known.total + self.looks})


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"iterations": 3, "branching": 5},
        *(
            {"max_renders": n, "heldout_seeds": 2, "seeds": 2, "iterations": 3}
            for n in range(8, 40, 3)
        ),
        *({"time_limit": n, "iterations": 3, "batch_size": 2} for n in range(2, 20, 3)),
        {"heldout_seeds": 0},
    ],
    ids=str,
)
def test_what_a_limit_leaves_out_is_no_gap(
    new_store: NewStore, user: UserProfile, parts: Parts, options: dict[str, Any]
):
    with new_store(**options) as store:
        optimize(store=store, user=user, parts=parts, clock=Hasty())

    assert gaps(read_records(store.folder / LINES)) == []


def test_names_are_counted_from_some_on():
    assert named(["a", "b", "a"]) == "a, b"
    assert named("abcde", most=3) == "a, b, c and 2 more"
