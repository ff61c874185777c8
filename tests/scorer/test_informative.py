import numpy as np

from scorer.adapt import Posterior, Prior, posterior, predict_residual
from scorer.informative import most_informative


def prior(dim: int = 3) -> Prior:
    covariance = np.diag([4.0, 1.0, 0.25, 0.0])
    return Prior(np.zeros(dim), np.eye(dim), covariance, 0.5)


def nobody(known: Prior) -> Posterior:
    return posterior(np.zeros((0, 3)), np.zeros(0), known)


def test_of_pictures_that_say_nothing_of_each_other_the_least_known_comes_first():
    pictures = np.eye(3)[[2, 0, 1]]
    assert most_informative(pictures, nobody(prior()), prior(), count=3) == [1, 2, 0]


def test_what_stands_alone_is_not_asked_for_first():
    pictures = np.concatenate([np.repeat(np.eye(3)[:1], 20, axis=0), [[0, 0, 10.0]]])
    known = prior()
    least_known = predict_residual(pictures, nobody(known), known).std.argmax()
    assert least_known == 20
    assert most_informative(pictures, nobody(known), known, count=2) == [0, 20]


def test_every_question_leaves_least_variance_in_all_predictions():
    rng = np.random.default_rng(2)
    for _ in range(20):
        root = rng.normal(size=(4, 4))
        known = Prior(rng.normal(size=3), rng.normal(size=(3, 3)), root @ root.T, 0.7)
        pictures = rng.normal(size=(12, 3))
        among = [1, 4, 5, 8, 9, 11]
        order = most_informative(pictures, nobody(known), known, count=4, among=among)
        for number, asked in enumerate(order):
            left = {}
            for place in set(among) - set(order[:number]):
                told = pictures[[*order[:number], place]]
                after = posterior(told, np.zeros(len(told)), known)
                left[place] = (predict_residual(pictures, after, known).std ** 2).sum()
            assert min(left, key=left.__getitem__) == asked


def test_only_what_can_be_asked_for_is():
    pictures = np.eye(3)
    order = most_informative(pictures, nobody(prior()), prior(), count=9, among=[2, 1])
    assert order == [1, 2]


def test_a_picture_like_one_that_is_asked_for_already_can_wait():
    pictures = np.array([[1.0, 0, 0], [1.0, 0, 0], [0, 0.9, 0]])
    assert most_informative(pictures, nobody(prior()), prior(), count=2) == [0, 2]


def test_ratings_that_were_given_count():
    known = prior()
    person = posterior(np.repeat(np.eye(3)[:1], 40, axis=0), np.ones(40), known)
    assert most_informative(np.eye(3), person, known, count=1) == [1]


def test_asking_so_leaves_less_to_know_than_asking_at_random():
    rng = np.random.default_rng(0)
    known = prior()
    left = {"asked": [], "random": []}
    for _ in range(40):
        pictures = rng.normal(size=(60, 3))
        order = most_informative(pictures, nobody(known), known, count=5)
        for name, rows in (("asked", order), ("random", list(rng.permutation(60)[:5]))):
            after = posterior(pictures[rows], np.zeros(5), known)
            left[name].append((predict_residual(pictures, after, known).std ** 2).mean())
    assert np.mean(left["asked"]) < 0.8 * np.mean(left["random"])


def test_no_picture_is_asked_for_twice():
    pictures = np.random.default_rng(1).normal(size=(6, 3))
    order = most_informative(pictures, nobody(prior()), prior(), count=99)
    assert sorted(order) == list(range(6))
