"""The catalogue steps in where a language model gives nothing that can be tried."""

from collections.abc import Mapping

import pytest

from agent.edits import prompt_key
from agent.errors import InputError
from agent.lm.fallback import FallbackProposer
from agent.program import make_proposer
from agent.proposer import ProposalRequest, Proposals
from agent.trajectory import Edit, Event
from tests.agent.lm.requests import asking

FAILED = Event(type="proposal_failed", iteration=1, message="no edits of c0000: nonsense")


class Answering:
    """A proposer that gives these answers."""

    def __init__(self, *answers: Proposals) -> None:
        self._answers = answers

    def propose(self, requests: list[ProposalRequest]) -> list[Proposals]:
        assert len(requests) == len(self._answers)
        return list(self._answers)

    def describe(self) -> Mapping[str, str]:
        return {"llm": "answering"}


def nothing() -> Proposals:
    return Proposals(
        events=(FAILED,), llm_calls=2, tokens_in=200, tokens_out=40, cost_usd=0.5, seconds=1.0
    )


def something(*prompts: str) -> Proposals:
    edits = tuple(Edit(axis="mood", instruction="x", prompt=prompt) for prompt in prompts)
    return Proposals(edits=edits, llm_calls=1)


def proposed(*answers: Proposals, requests: list[ProposalRequest]) -> list[Proposals]:
    return FallbackProposer(Answering(*answers), make_proposer("catalogue")).propose(requests)


def test_the_catalogue_proposes_where_nothing_came():
    (answer,) = proposed(nothing(), requests=[asking()])

    assert len(answer.edits) == 4
    assert [event.type for event in answer.events] == ["proposal_failed", "fallback"]
    assert answer.events[1].message == "the catalogue proposes edits of c0000 instead"
    assert answer.events[1].iteration == 1


def test_only_the_language_model_counts_in_the_usage():
    (answer,) = proposed(nothing(), requests=[asking()])

    counted = (answer.llm_calls, answer.tokens_in, answer.tokens_out, answer.cost_usd)
    assert counted == (2, 200, 40, 0.5)
    assert answer.seconds > 1.0


def test_answers_of_use_stay_as_they_are():
    good = something("a rock, in moonlight")
    first, second = proposed(
        nothing(), good, requests=[asking(), asking(candidate_id="c0001", likes=("moonlight",))]
    )

    assert second == good
    assert len(first.edits) == 4


def test_no_prompt_comes_twice_whoever_proposes_it():
    requests = [asking(candidate_id=f"c000{n}", likes=("moonlight",)) for n in range(3)]
    taken = something("a rock, in moonlight")
    answers = proposed(nothing(), nothing(), taken, requests=requests)

    keys = [prompt_key(edit.prompt) for answer in answers for edit in answer.edits]
    assert len(keys) == len(set(keys)) == 9


def test_same_answers_same_edits():
    first, second = (proposed(nothing(), requests=[asking(seed=5)])[0].edits for _ in range(2))

    assert first == second


def test_a_catalogue_that_is_used_up_is_told():
    exhausted = asking(values=("neon",), tried_prompts=("a rock, lit by neon lights",))
    (answer,) = proposed(nothing(), requests=[exhausted])

    assert answer.edits == ()
    assert [event.type for event in answer.events] == ["proposal_failed", "fallback"]
    assert "no new edits of c0000 either" in answer.events[1].message


def test_errors_that_end_the_run_still_do():
    class Refused(Answering):
        def propose(self, requests: list[ProposalRequest]) -> list[Proposals]:
            raise InputError("no such model")

    with pytest.raises(InputError, match="no such model"):
        FallbackProposer(Refused(), make_proposer("catalogue")).propose([asking()])


def test_the_first_is_described():
    proposer = FallbackProposer(Answering(), make_proposer("catalogue"))

    assert proposer.describe() == {"llm": "answering"}


def test_nothing_steps_in_when_the_time_is_up():
    left = iter([5.0, 0.0])
    catalogue = make_proposer("catalogue")
    proposer = FallbackProposer(Answering(nothing()), catalogue, time_left=lambda: next(left))
    (in_time,) = proposer.propose([asking()])
    (late,) = proposer.propose([asking()])

    assert len(in_time.edits) == 4
    assert late == nothing()
