"""The one program over the catalogue: proposals in order, without repetitions, as data."""

from typing import Any

import dspy
import pytest

from agent.edits import prompt_key
from agent.errors import InputError
from agent.lm.call import Outcome
from agent.lm.rounds import Asked
from agent.program import EditDraft, EditProgram, make_proposer
from agent.proposer import ProposalRequest, Proposals, Proposer
from tests.agent.lm.requests import asking


def proposed(*requests: ProposalRequest) -> list[Proposals]:
    return make_proposer("catalogue", base_url=None, seed=0).propose(list(requests))


def beam() -> tuple[ProposalRequest, ...]:
    """Three parents whose best edits lead to the same prompts."""
    parents = ("a rock", "a rock, in moonlight", "a rock, close-up")
    return tuple(
        asking(parent_prompt=parent, candidate_id=f"c000{n}", likes=("moonlight", "close-ups"))
        for n, parent in enumerate(parents)
    )


def test_every_request_is_answered_in_its_order():
    answers = proposed(*beam())

    for request, answer in zip(beam(), answers, strict=True):
        assert len(answer.edits) == request.count
        assert all(edit.prompt.startswith("a rock, ") for edit in answer.edits)
    assert all(
        "in moonlight" in edit.prompt or edit.axis == "lighting" for edit in answers[1].edits
    )


def test_no_prompt_is_proposed_twice_in_a_beam():
    keys = [prompt_key(edit.prompt) for answer in proposed(*beam()) for edit in answer.edits]

    assert len(keys) == len(set(keys)) == 12


def test_same_requests_same_proposals():
    first, second = (
        [answer.model_copy(update={"seconds": 0.0}) for answer in proposed(*beam())]
        for _ in range(2)
    )

    assert first == second


def test_an_answer_says_what_it_took():
    (answer,) = proposed(asking())

    assert (answer.llm_calls, answer.tokens_in, answer.tokens_out, answer.cost_usd) == (1, 0, 0, 0)
    assert answer.seconds > 0
    assert answer.events == ()


def test_when_nothing_is_left_the_proposal_fails_and_nothing_else():
    exhausted = asking(values=("neon",), tried_prompts=("a rock, lit by neon lights",), iteration=3)
    failed, fine = proposed(exhausted, asking())

    assert failed.edits == ()
    assert [(event.type, event.iteration) for event in failed.events] == [
        ("retry", 3),
        ("proposal_failed", 3),
    ]
    assert "a shorter prompt leaves more open" in failed.events[-1].message
    assert len(fine.edits) == 4


def test_an_answer_of_which_no_edit_is_new_says_so():
    kept = EditDraft(axis="free", instruction="leave it", prompt="a rock")
    asked = Asked(asking(parent_prompt="a rock"), (Outcome(drafts=(kept,)),))
    assert "none of the edits is new" in asked.problem()


def test_no_requests_no_proposals():
    assert proposed() == []


def test_dspys_global_settings_are_left_alone():
    proposed(asking())

    assert dspy.settings.lm is None
    assert dspy.settings.adapter is None


def test_what_proposes_is_described():
    proposer: Proposer = make_proposer("catalogue", base_url=None, seed=0)
    described = proposer.describe()

    assert (described["llm"], described["dspy"]) == ("catalogue", dspy.__version__)
    assert len(described["prompts_sha256"]) == 64


def test_an_unknown_spec_is_refused():
    with pytest.raises(InputError, match="unknown language model 'cattalogue'"):
        make_proposer("cattalogue", base_url=None, seed=0)


def test_an_axis_that_nobody_knows_is_free():
    assert EditDraft.model_validate({"axis": "colour", "prompt": "a"}).axis == "free"
    assert EditDraft.model_validate({"prompt": "a"}).axis == "free"


def test_the_instructions_stand_in_the_signature():
    program: Any = EditProgram()
    propose, repair = program.propose.signature, program.repair.signature

    assert "lighting, camera_angle" in propose.instructions
    assert propose.instructions in repair.instructions
    assert list(propose.input_fields) == ["request"]
