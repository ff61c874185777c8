import pytest

from agent.builders import make_config
from agent.errors import InputError
from agent.limits import (
    Budget,
    Spent,
    last_answer,
    limit_reached,
    plan_budget,
    room_for,
    seconds_per_picture,
)
from agent.trajectory import Candidate, Image


def spent(
    *, renders: int = 0, cost: float = 0, dearest: float = 0, elapsed: float = 0, pace: float = 0
) -> Spent:
    return Spent(renders, cost, dearest, elapsed, pace)


def test_heldout_pictures_are_set_aside():
    budget = plan_budget(make_config({"max_renders": 30, "seeds": 2, "heldout_seeds": 8}))

    assert budget == Budget(search=14, heldout_seeds=8)


def test_tight_budget_leaves_room_for_one_edit_and_says_so():
    budget = plan_budget(make_config({"max_renders": 10, "seeds": 2, "heldout_seeds": 8}))

    assert (budget.search, budget.heldout_seeds) == (4, 3)
    assert budget.notice == "max_renders 10 leaves room for 3 held-out seeds instead of 8"


def test_budget_below_the_users_own_prompt_is_bad_input():
    with pytest.raises(InputError, match="--max-renders 1 does not cover the 2 pictures"):
        plan_budget(make_config({"max_renders": 1, "seeds": 2}))


def test_no_limit_is_no_limit():
    config = make_config({})
    budget = plan_budget(config)

    assert budget.search is None
    assert room_for(budget, spent(renders=10_000), seeds=2, wanted=12) == 12
    assert limit_reached(config, budget, spent(renders=10_000, cost=99), pictures=2) is None


@pytest.mark.parametrize(("renders", "room"), [(2, 6), (13, 0), (14, 0), (9, 2)])
def test_room_is_counted_in_whole_candidates(renders: int, room: int):
    assert room_for(Budget(14, 8), spent(renders=renders), seeds=2, wanted=12) == room


def test_search_stops_when_not_one_candidate_fits():
    config = make_config({"max_renders": 30})
    reason = limit_reached(config, Budget(14, 8), spent(renders=13), pictures=2)

    assert reason == (
        "max_renders 30 reached: 16 pictures of it are set aside for the held-out comparison"
    )


@pytest.mark.parametrize(("cost", "dearest", "stops"), [(0.8, 0.1, False), (0.9, 0.2, True)])
def test_search_stops_before_the_cost_would_be_exceeded(cost: float, dearest: float, stops: bool):
    config = make_config({"max_cost": 1.0})
    reason = limit_reached(config, Budget(None, 8), spent(cost=cost, dearest=dearest), pictures=2)

    assert (reason == "max_cost 1 US dollars reached") is stops


def test_free_proposals_fit_in_a_budget_of_nothing():
    assert limit_reached(make_config({"max_cost": 0}), Budget(None, 8), spent(), pictures=2) is None


@pytest.mark.parametrize(("elapsed", "stops"), [(41, False), (43, True)])
def test_time_for_the_heldout_pictures_is_set_aside(elapsed: float, stops: bool):
    config = make_config({"time_limit": 60})
    reason = limit_reached(config, Budget(None, 8), spent(elapsed=elapsed, pace=1.0), pictures=2)

    assert (reason == "time_limit 60 s reached") is stops


def test_pace_leaves_out_the_first_prompt_that_loads_the_models():
    def drawn(name: str, parent: str | None, seconds: float) -> Candidate:
        images = (Image(path="a", seed=1, sha256=""), Image(path="b", seed=2, sha256=""))
        return Candidate(
            id=name,
            parent=parent,
            iteration=0,
            prompt="",
            status="failed",
            images=images,
            seconds={"render": seconds},
        )

    assert seconds_per_picture([drawn("c0000", None, 90), drawn("c0001", "c0000", 1)]) == 0.5
    assert seconds_per_picture([]) == 0


def test_no_answer_is_waited_for_into_the_time_of_the_heldout_pictures():
    budget = Budget(search=None, heldout_seeds=8)

    assert last_answer(make_config({"time_limit": 100}), budget, spent(pace=2)) == 68
    assert last_answer(make_config({}), budget, spent(pace=2)) is None
