from dataclasses import replace
from math import log

import torch

from scorer.concepts import by_axis
from scorer.evidence import ABSENT, FLOOR
from tests.scorer.tiny import tiny_evidence

AXIS = torch.tensor([0, 0, 1])
"""Sun or moon, and moss."""


def test_evidence_is_the_information_of_a_picture_about_a_value():
    found = tiny_evidence().shown(torch.tensor([[0.8, 0.2, 0.4], [0.5, 0.5, 0.1]]))
    torch.testing.assert_close(found[0, 1], torch.tensor(0.5 * log(0.8 / 0.5) / -log(FLOOR)))
    torch.testing.assert_close(found[0, 5], torch.tensor(0.25 * log(0.4 / 0.1) / -log(FLOOR)))
    torch.testing.assert_close(found[1, [1, 2, 5]], torch.zeros(3))  # as likely as before
    assert (found[:, [0, 4]] == 0).all()  # that nothing is said, no picture can tell
    assert (found[:, 3] == ABSENT * 0.5).all()


def test_what_is_surely_not_shown_speaks_against_a_text_and_no_further_than_the_floor():
    found = tiny_evidence().shown(torch.tensor([[1.0, 0.0, 0.1]]))
    torch.testing.assert_close(found[0, 2], torch.tensor(0.5 * (-1 + log(2) / -log(FLOOR))))


def test_a_text_that_says_nothing_is_neither_for_nor_against_a_picture():
    evidence = tiny_evidence()
    silent = replace(evidence, bias=torch.tensor([50.0, 0, 0, 0, 50.0, 0]))
    said = silent.said(torch.zeros(1, 2, evidence.weight.shape[1]))
    torch.testing.assert_close(said, torch.zeros(1, 6))


def test_what_a_text_says_of_an_attribute_is_asked_of_its_own_query():
    evidence = tiny_evidence()
    gathered = torch.zeros(1, 2, evidence.weight.shape[1])
    gathered[0, 0] = 9 * evidence.weight[2]
    said = evidence.said(gathered)
    assert said[0, 2] > 0.99
    torch.testing.assert_close(said[0, 5], torch.tensor(0.5))


def test_values_of_an_axis_share_a_softmax_and_one_alone_has_a_sigmoid():
    found = by_axis(torch.tensor([[1.0, 2.0, 3.0]]), AXIS)
    torch.testing.assert_close(found[0, :2].sum(), torch.tensor(1.0))
    torch.testing.assert_close(found[0, 2], torch.tensor(3.0).sigmoid())
