"""What each rating is more than the others make one expect."""

import numpy as np

from scorer.adapt import Prior, left_out_errors, posterior, predict_residual


def test_the_closed_form_is_leaving_each_rating_out_in_turn():
    rng = np.random.default_rng(0)
    basis = np.eye(4)[:, :3]
    prior = Prior(np.zeros(4), basis, np.diag([0.5, 0.3, 0.2, 0.4]), 0.3)
    features, residual = rng.normal(size=(7, 4)), rng.normal(size=7)
    start = rng.normal(size=4)
    expected = []
    for left in range(7):
        others = np.arange(7) != left
        person = posterior(features[others], residual[others], prior, start)
        said = predict_residual(features[[left]], person, prior).mean[0]
        expected.append(residual[left] - said)

    assert np.allclose(left_out_errors(features, residual, prior, start), expected)


def test_without_ratings_nothing_is_left_out():
    prior = Prior(np.zeros(2), np.eye(2), np.eye(3), 0.3)

    assert left_out_errors(np.zeros((0, 2)), np.zeros(0), prior).shape == (0,)
