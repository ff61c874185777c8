from hypothesis import given
from hypothesis import strategies as st

from agent.seeds import derive_seeds

roots = st.integers(0, 2**31 - 1)


@given(roots, st.integers(1, 64), st.integers(0, 256))
def test_heldout_seeds_are_none_of_the_search(root: int, count: int, heldout: int):
    search = derive_seeds(root, "search", count)
    fresh = derive_seeds(root, "heldout", heldout, avoid=search)

    assert len(set(search)) == count
    assert len(set(fresh)) == heldout
    assert not set(search) & set(fresh)
    assert all(0 <= seed < 2**31 for seed in (*search, *fresh))


@given(roots, st.integers(1, 20))
def test_more_seeds_keep_the_earlier_ones(root: int, count: int):
    assert derive_seeds(root, "search", count + 1)[:count] == derive_seeds(root, "search", count)


def test_seeds_never_change_between_versions():
    assert derive_seeds(0, "search", 2) == (451357517, 532090123)


def test_other_roots_have_other_seeds():
    assert derive_seeds(0, "search", 4) != derive_seeds(1, "search", 4)
