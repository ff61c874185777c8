from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.metrics import (
    bootstrap,
    paired_bootstrap,
    pairwise_accuracy,
    per_user,
    plcc,
    srocc,
    within_user_pairs,
)

NUMBERS = st.lists(st.integers(1, 5).map(float), min_size=3, max_size=12)


def test_srocc_of_a_textbook_case() -> None:
    # Hours of television against IQ, the worked example of the encyclopaedias: rho = -29/165.
    iq = np.array([106, 100, 86, 101, 99, 103, 97, 113, 112, 110.0])
    hours = np.array([7, 27, 2, 50, 28, 29, 20, 12, 6, 17.0])
    assert srocc(iq, hours) == pytest.approx(-29 / 165)


def test_plcc_of_a_line_is_one() -> None:
    assert plcc(np.arange(5.0), 3 * np.arange(5.0) + 1) == pytest.approx(1)


def test_correlations_of_a_constant_are_undefined() -> None:
    constant = np.ones(4)
    assert np.isnan(srocc(np.arange(4.0), constant))
    assert np.isnan(plcc(constant, np.arange(4.0)))


def test_pairs_rated_alike_are_left_out() -> None:
    assert pairwise_accuracy(np.array([1.0, 1, 2]), np.array([9.0, 0, 5])) == 0.5


def test_a_pair_predicted_alike_counts_half() -> None:
    assert pairwise_accuracy(np.array([1.0, 2]), np.array([3.0, 3])) == 0.5


def test_pairs_are_undefined_where_all_are_rated_alike() -> None:
    assert np.isnan(pairwise_accuracy(np.ones(3), np.arange(3.0)))


@given(NUMBERS, st.randoms(use_true_random=False))
def test_pairwise_accuracy_of_the_reverse_is_the_complement(
    truth: list[float], random: Random
) -> None:
    predicted = np.array([random.random() for _ in truth])
    there = pairwise_accuracy(np.array(truth), predicted)
    back = pairwise_accuracy(np.array(truth), -predicted)
    assert np.isnan(there) or there + back == pytest.approx(1)


def test_a_person_for_whom_it_is_undefined_is_left_out() -> None:
    users = ["a", "a", "b", "b"]
    figures = per_user(users, np.array([1.0, 2, 3, 3]), np.array([1.0, 2, 1, 2]), srocc)
    assert figures == {"a": pytest.approx(1.0)}


def test_pooled_pairs_never_cross_people() -> None:
    users = ["a", "b", "a", "b"]
    assert within_user_pairs(users, np.array([1.0, 3, 2, 4]), np.array([1.0, 0, 2, 0.5])) == 1.0


def test_bootstrap_interval_holds_the_mean_and_is_about_normal() -> None:
    values = np.random.default_rng(0).normal(size=400)
    interval = bootstrap(values, seed=0)
    half = 1.96 * values.std() / 20
    assert interval.mean == pytest.approx(values.mean())
    assert interval.high - interval.mean == pytest.approx(half, rel=0.1)
    assert interval.mean - interval.low == pytest.approx(half, rel=0.1)


def test_a_constant_difference_has_an_interval_of_width_zero() -> None:
    ours = {u: float(u) + 0.5 for u in range(9)}
    theirs = {u: float(u) for u in range(1, 12)}
    interval = paired_bootstrap(ours, theirs, seed=0)
    assert (interval.mean, interval.low, interval.high, interval.count) == (0.5, 0.5, 0.5, 8)


def test_bootstrap_of_nobody_is_undefined() -> None:
    assert np.isnan(bootstrap([], seed=0).mean)
