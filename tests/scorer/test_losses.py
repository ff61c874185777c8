import math

import pytest
import torch

from scorer.losses import ranking_loss, regression_loss


def test_regression_is_the_mean_squared_error() -> None:
    assert regression_loss(torch.tensor([1.0, 2]), torch.tensor([1.0, 4])).item() == 2


def test_an_undecided_pair_costs_log_two() -> None:
    loss = ranking_loss(torch.zeros(2), torch.tensor([1.0, 2]), torch.tensor([0, 0]))
    assert loss.item() == pytest.approx(math.log(2))


def test_a_pair_in_the_right_order_costs_less_than_one_in_the_wrong_order() -> None:
    truth, user = torch.tensor([1.0, 2]), torch.tensor([0, 0])
    right = ranking_loss(torch.tensor([0.0, 3]), truth, user)
    wrong = ranking_loss(torch.tensor([3.0, 0]), truth, user)
    assert right.item() == pytest.approx(math.log1p(math.exp(-3)))
    assert wrong.item() == pytest.approx(math.log1p(math.exp(3)))


def test_pairs_of_different_people_do_not_count() -> None:
    predicted = torch.tensor([5.0, 0], requires_grad=True)
    loss = ranking_loss(predicted, torch.tensor([1.0, 2]), torch.tensor([0, 1]))
    loss.backward()
    assert loss.item() == 0
    assert predicted.grad is not None
    assert predicted.grad.abs().sum() == 0


def test_a_level_of_the_person_does_not_change_the_ranking_loss() -> None:
    truth, user = torch.tensor([1.0, 2, 3, 1]), torch.tensor([0, 0, 1, 1])
    predicted = torch.tensor([0.3, 0.1, 0.5, 0.9])
    moved = predicted + torch.tensor([2.0, 2, -1, -1])
    assert torch.allclose(ranking_loss(predicted, truth, user), ranking_loss(moved, truth, user))
