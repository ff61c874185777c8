from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.fitting import Fit, fitted


def reads(words: int) -> Callable[[str], str]:
    """The `unread` of a renderer that reads so many words."""
    return lambda prompt: " ".join(prompt.split()[words:])


def test_a_prompt_that_is_read_to_its_end_stays_as_it_is():
    fit = fitted(
        "a rock , at dusk,in mist", parent="a rock, at dusk", user="a rock", unread=reads(6)
    )

    assert fit == Fit("a rock , at dusk,in mist")


def test_what_was_added_first_gives_way_first():
    fit = fitted(
        "a rock, at dusk, in mist, in snow",
        parent="a rock, at dusk, in mist",
        user="a rock",
        unread=reads(6),
    )

    assert fit == Fit("a rock, in mist, in snow", dropped=("at dusk",))


def test_a_part_that_holds_the_users_words_among_others_stays():
    fit = fitted(
        "at dawn, a red house in the snow, oil painting, neon lights",
        parent="at dawn, a red house in the snow, oil painting",
        user="a red house",
        unread=reads(10),
    )

    assert fit == Fit("at dawn, a red house in the snow, neon lights", dropped=("oil painting",))


def test_no_more_goes_than_has_to():
    fit = fitted(
        "a rock, one, two, three, new",
        parent="a rock, one, two, three",
        user="a rock",
        unread=reads(4),
    )

    assert fit == Fit("a rock, three, new", dropped=("one", "two"))


def test_an_edit_in_the_place_of_another_stays():
    fit = fitted(
        "a rock, at dawn, in mist",
        parent="a rock, at dusk, in mist",
        user="a rock",
        unread=reads(4),
    )

    assert fit == Fit("a rock, at dawn", dropped=("in mist",))


def test_the_users_own_words_never_give_way():
    fit = fitted(
        "a rock, at dusk, in snow",
        parent="a rock, At  Dusk",
        user="a rock, at dusk",
        unread=reads(4),
    )

    assert fit == Fit("a rock, at dusk, in snow", lost="in snow")


def test_an_edit_that_is_too_long_by_itself_is_lost():
    fit = fitted("a rock, a b c d", parent="a rock, at dusk", user="a rock", unread=reads(4))

    assert fit == Fit("a rock, a b c d", lost="c d")


@pytest.mark.parametrize(
    ("prompt", "lost"), [("a rock in deep mist", ""), ("a rock in mist, in snow", "mist, in snow")]
)
def test_the_end_of_the_users_own_prompt_is_no_loss(prompt: str, lost: str):
    fit = fitted(
        prompt,
        parent="a rock in some deep mist",
        user="a rock in some deep mist",
        unread=reads(3 + (not lost)),
    )

    assert fit.lost == lost


@given(
    user=st.lists(st.sampled_from("abc"), min_size=1, max_size=3),
    older=st.lists(st.sampled_from("defg"), max_size=4),
    new=st.lists(st.sampled_from("xyz"), min_size=1, max_size=2),
    limit=st.integers(1, 9),
)
def test_it_is_read_whole_or_named_as_lost(
    user: list[str], older: list[str], new: list[str], limit: int
):
    parent, unread = ", ".join(user + older), reads(limit)
    fit = fitted(", ".join([parent, *new]), parent=parent, user=", ".join(user), unread=unread)

    assert (unread(fit.prompt) == "") == (fit.lost == "")
    assert [p for p in fit.prompt.split(", ") if p in "abcxyz"] == user + new
