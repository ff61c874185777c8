"""What two eyes find of two attributes at once."""

import torch

from scorer.products import make_products


def test_the_mean_of_both_eyes_is_multiplied() -> None:
    products = make_products([2, 0], [1, 3], [(0, 0), (0, 1)])
    concepts, again = torch.tensor([[5.0, 9.0, 1.0]]), torch.tensor([[9.0, 3.0, 9.0, 1.0]])
    found = products(concepts, again)  # the values are (1 + 3) / 2 and (5 + 1) / 2
    torch.testing.assert_close(found, torch.tensor([[4.0, 6.0]]))


def test_products_are_standardised() -> None:
    generator = torch.Generator().manual_seed(0)
    concepts, again = (torch.randn(60, 3, generator=generator) for _ in range(2))
    products = make_products([0, 1, 2], [2, 1, 0], [(0, 1), (1, 2), (2, 2)])
    found = products.standardised(concepts, again)(concepts, again)
    torch.testing.assert_close(found.mean(0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.std(0), torch.ones(3))


def test_what_never_varies_is_not_blown_up() -> None:
    same = torch.ones(9, 1)
    assert make_products([0], [0], [(0, 0)]).standardised(same, same).spread == 0.01
