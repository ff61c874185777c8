"""What the catalogue proposes: broad at first, then what helped; never against the user's words."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.edits import prompt_key
from agent.lm.draw import draw_edits
from agent.lm.wording import mentioned, read
from agent.proposer import ProposalRequest
from prompts.catalogue import load_catalogue
from scorer.minilm import embed
from tests.agent.lm.requests import MINIATURE, asking, tried

CATALOGUE = load_catalogue()
BASES = ("a rock", "a boat on a lake", "a chair in a room", "a tree in moonlight", "a red house")
DRAWS = 60


@pytest.fixture(autouse=True, scope="module")
def loaded_encoder() -> None:
    """Loading draws random numbers, which hypothesis wants nobody to do inside a strategy."""
    embed(["a rock"])


def prompts_of(request: ProposalRequest) -> list[str]:
    return [edit.prompt for edit in draw_edits(request, CATALOGUE)]


def counts(**fields: Any) -> Counter[str]:
    """How often each value is proposed, over requests that differ in their seed only."""
    drawn = (prompts_of(asking(seed=seed, **fields)) for seed in range(DRAWS))
    return Counter(name for prompts in drawn for p in prompts for name in mentioned(p, CATALOGUE))


@st.composite
def requests(draw: st.DrawFn) -> ProposalRequest:
    """Requests whose parents were made by edits of the catalogue."""
    base = draw(st.sampled_from(BASES))
    parent = base
    for _ in range(draw(st.integers(0, 3))):
        earlier = asking(base, parent_prompt=parent, seed=draw(st.integers(0, 99)), count=3)
        parent = draw(st.sampled_from(prompts_of(earlier)))
    return asking(
        base,
        parent_prompt=parent,
        parent_score=draw(st.sampled_from([None, 2.0, 3.5])),
        likes=draw(st.sampled_from([(), ("moonlight",), ("wide shots", "cool colours")])),
        tried=draw(st.sampled_from([(), (tried(f"{base}, close-up", 3.2),)])),
        tried_prompts=tuple(prompts_of(asking(base, seed=draw(st.integers(0, 9))))),
        count=draw(st.integers(1, 12)),
        seed=draw(st.integers(0, 2**31 - 1)),
    )


@settings(max_examples=40)
@given(requests())
def test_edits_are_few_enough_new_and_different(request: ProposalRequest):
    keys = [prompt_key(prompt) for prompt in prompts_of(request)]
    known = (request.user_prompt, request.parent_prompt, *request.tried_prompts)

    assert len(keys) == len(set(keys)) <= request.count
    assert not set(keys) & {prompt_key(prompt) for prompt in known}


@settings(max_examples=40)
@given(requests())
def test_users_own_words_and_axes_stay_untouched(request: ProposalRequest):
    own = mentioned(request.user_prompt, CATALOGUE)
    axes = {CATALOGUE.value(name).axis for name in own}

    for edit in draw_edits(request, CATALOGUE):
        names = mentioned(edit.prompt, CATALOGUE)
        assert edit.axis not in axes
        assert edit.prompt.startswith(request.user_prompt)
        assert {name for name in names if CATALOGUE.value(name).axis in axes} == own


@settings(max_examples=40)
@given(requests())
def test_no_edit_contradicts_the_rest_of_its_prompt(request: ProposalRequest):
    for prompt in prompts_of(request.model_copy(update={"values": ()})):
        names = sorted(mentioned(prompt, CATALOGUE))
        pairs = [(one, other) for one in names for other in names if one < other]
        assert [pair for pair in pairs if not CATALOGUE.compatible(*pair)] == []


@settings(max_examples=40)
@given(requests())
def test_same_request_same_edits(request: ProposalRequest):
    again = ProposalRequest.model_validate_json(request.model_dump_json())

    assert draw_edits(request, CATALOGUE) == draw_edits(again, CATALOGUE)


def test_other_seeds_give_other_edits():
    assert len({tuple(prompts_of(asking(seed=seed))) for seed in range(10)}) == 10


@pytest.mark.parametrize("seed", range(5))
def test_no_axis_comes_twice_before_all_were_used(seed: int):
    axes = [edit.axis for edit in draw_edits(asking(seed=seed, count=11), CATALOGUE)]

    assert len(set(axes[:6])) == 6
    assert len(set(axes[6:])) == 5  # there is one medium only


def test_an_earlier_edit_is_replaced_rather_than_added_to():
    parent = "a rock, in moonlight, close-up"
    for edit in draw_edits(asking(parent_prompt=parent, count=12), CATALOGUE):
        added = read(edit.prompt, "a rock", CATALOGUE).added
        assert len(added) == edit.prompt.count(",")


def test_wanted_axes_and_values_are_kept_to():
    edits = draw_edits(asking(axes=("lighting", "lens"), values=(), count=8), CATALOGUE)

    assert {edit.axis for edit in edits} == {"lighting", "lens"}
    assert set(counts()) <= set(MINIATURE)


def test_free_alone_gives_several_values_at_once():
    drawn = [
        edit
        for seed in range(10)
        for edit in draw_edits(asking(axes=("free",), seed=seed), CATALOGUE)
    ]
    for edit in drawn:
        assert edit.axis == "free"
        values = [CATALOGUE.value(name) for name in mentioned(edit.prompt, CATALOGUE)]
        assert len({value.axis for value in values}) == len(values)
        assert all(value.say in edit.instruction for value in values)
    assert {len(mentioned(edit.prompt, CATALOGUE)) for edit in drawn} == {2, 3, 4}


def test_several_axes_at_once_come_once_something_is_known():
    assert not any(
        e.axis == "free" for s in range(20) for e in draw_edits(asking(seed=s), CATALOGUE)
    )
    known = (tried("a rock, close-up", 3.4, gain=0.4), tried("a rock, in a room", 2.9))
    drawn = [draw_edits(asking(seed=seed, tried=known), CATALOGUE) for seed in range(DRAWS)]
    free = [edit for edits in drawn for edit in edits if edit.axis == "free"]

    assert 0.6 * 4 * DRAWS < len(free) < 0.9 * 4 * DRAWS


def test_likes_are_proposed_more_often():
    assert counts(likes=("moonlight",))["moonlight"] > 2 * counts()["moonlight"]


def test_likes_in_other_words_are_understood():
    assert counts(likes=("nights under a full moon",))["moonlight"] > counts()["moonlight"]


def test_dislikes_are_proposed_less_often():
    assert counts(dislikes=("neon lights",))["neon"] < 0.5 * counts()["neon"]


def test_what_the_scorer_leans_to_is_proposed_first_and_several_at_a_time():
    leanings = {"moonlight": 1.5, "close-up": 1.0, "neon": -1.5}
    cold, warm = counts(), counts(leanings=leanings)
    assert warm["moonlight"] > 2 * cold["moonlight"]
    assert warm["close-up"] > cold["close-up"]
    assert warm["neon"] < cold["neon"] / 2
    edits = [edit for seed in range(9) for edit in draw_edits(asking(seed=seed), CATALOGUE)]
    known = [
        edit
        for seed in range(9)
        for edit in draw_edits(asking(seed=seed, leanings=leanings), CATALOGUE)
    ]
    assert all(edit.axis != "free" for edit in edits)
    assert any(edit.axis == "free" for edit in known)


def test_what_was_tried_counts_for_more_than_a_leaning():
    leanings = {"moonlight": 1.0}
    against = tuple(
        tried(f"a rock, {words}", score, axis="lighting")
        for words, score in (
            ("in moonlight", 1.0),
            ("at golden hour", 3.0),
            ("under an overcast sky", 3.1),
            ("backlit", 2.9),
        )
    )
    before, after = counts(leanings=leanings), counts(leanings=leanings, tried=against)
    assert after["moonlight"] < before["moonlight"] / 2


def test_notes_say_both():
    told = counts(notes="Wide shots, please. I hate deserts.")

    assert told["wide shot"] > counts()["wide shot"]
    assert told["desert"] < counts()["desert"]


def test_what_helped_others_is_proposed_and_what_hurt_is_not():
    known = (
        tried("a rock, lit by neon lights", 4.1),
        tried("a rock, close-up", 2.2),
        tried("a rock, wide shot", 3.0),
        tried("a rock, on a lake", 3.1),
        tried("a rock, black and white", 2.9),
    )
    before, after = counts(), counts(tried=known, first_score=3.0)

    assert after["neon"] > 1.5 * before["neon"]
    assert after["close-up"] < 0.5 * before["close-up"]


def test_the_first_score_is_that_of_what_the_run_began_with():
    first = "a rock, lit by neon lights"
    known = (tried("a rock, in moonlight", 3.0),)
    bad = counts(tried=known, parent_prompt="a rock, in moonlight", began_with=first, first_score=1)
    good = counts(
        tried=known, parent_prompt="a rock, in moonlight", began_with=first, first_score=4.5
    )

    assert bad["neon"] < 0.5 * good["neon"]


def test_nothing_is_left_when_everything_was_tried():
    request = asking(values=("neon", "overcast"))
    prompts = prompts_of(request)

    assert len(prompts) == 2
    assert prompts_of(request.model_copy(update={"tried_prompts": tuple(prompts)})) == []


def test_a_prompt_that_names_every_axis_gets_no_edit():
    assert prompts_of(asking("a rock in moonlight", axes=("lighting",), values=("neon",))) == []


def test_no_prompt_grows_beyond_the_limit():
    assert prompts_of(asking("rock " * 499 + "rocks")) == []
