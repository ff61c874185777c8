"""The figures of a comparison, on runs whose figures are known."""

import pytest

from agent.config import RunConfig
from agent.proposer import Proposals
from agent.records import ProposalRecord
from agent.standings import Search, edits_of, gains, over_prompts, standing
from agent.trajectory import Candidate, CandidateStatus, Edit, Event, Gain, Step, Trajectory, Usage


def edit(instruction: str, axis: str = "mood") -> Edit:
    return Edit.model_validate({"axis": axis, "instruction": instruction, "prompt": instruction})


def candidate(name: str, parent: str | None, status: CandidateStatus, told: str = "") -> Candidate:
    return Candidate(
        id=name,
        parent=parent,
        iteration=0 if parent is None else 1,
        prompt=told,
        edit=edit(told) if told else None,
        status=status,
        score=3.0 if status == "scored" else None,
    )


def search(
    *tried: Candidate,
    answers: tuple[Proposals, ...] = (),
    ahead: tuple[ProposalRecord, ...] = (),
    **fields: object,
) -> Search:
    parents = tuple(f"c{n:04d}" for n in range(max(1, len(answers))))
    run = Trajectory.model_validate(
        {
            "id": "r",
            "status": "done",
            "prompt": "a rock",
            "user_id": "me",
            "config": RunConfig(beam_width=2, branching=3),
            "candidates": (candidate("c0000", None, "scored"), *tried),
            "steps": (Step(iteration=0, beam=parents, best_score=3.0),),
            **fields,
        }
    )
    if not answers:
        return Search(run, ahead)
    return Search(run, (*ahead, ProposalRecord(iteration=1, parents=parents, answers=answers)))


def test_an_edit_is_valid_if_it_was_drawn_and_distinct_if_it_says_something_else():
    found = edits_of(
        [
            search(
                candidate("c0001", "c0000", "scored", "Add  fog"),
                candidate("c0002", "c0000", "failed", "add fog"),
                candidate("c0003", "c0000", "pruned", "add mist"),
                candidate("c0004", "c0000", "rejected", "a cat"),
                answers=(Proposals(),),
            )
        ]
    )

    assert (found.asked, found.valid, found.distinct) == (6, 2, 1)
    assert found.rate == pytest.approx(1 / 3)


def test_what_stepped_in_is_not_the_language_models():
    event = Event(type="fallback", iteration=1, message="the catalogue proposes")
    found = edits_of(
        [
            search(
                candidate("c0001", "c0000", "scored", "add fog"),
                candidate("c0002", "c0001", "scored", "add snow"),
                answers=(Proposals(), Proposals(events=(event,))),
            )
        ]
    )

    assert (found.asked, found.valid, found.stepped_in) == (6, 1, 1)


def test_what_was_asked_ahead_counts_if_it_was_wanted_and_with_its_share():
    answer = Proposals(edits=tuple(edit(word) for word in "abcdef"))
    used = ProposalRecord(iteration=1, ahead=True, parents=("c0001",), answers=(answer,))
    wasted = ProposalRecord(iteration=2, ahead=True, parents=("c0009",), answers=(answer,))
    drawn = [candidate(f"c000{n}", "c0001", "scored", f"add {n}") for n in (2, 3, 4)]
    beam = (Step(iteration=0, beam=("c0000", "c0001"), best_score=3.0),)
    found = edits_of([search(*drawn, ahead=(used, wasted), answers=(Proposals(),), steps=beam)])

    assert (found.asked, found.valid) == (6, 3)


def test_what_a_limit_left_untried_is_held_against_nobody():
    answer = Proposals(edits=tuple(edit(word) for word in "abcd"))
    found = edits_of([search(candidate("c0001", "c0000", "scored", "a"), answers=(answer,))])

    assert (found.asked, found.valid) == (3, 1)


def test_nothing_asked_has_no_rate():
    assert edits_of([search()]).rate is None


def test_the_interval_is_students_over_the_means_of_prompts():
    values = {("a", "x"): 0.0, ("a", "y"): 2.0, ("b", "x"): 2.0, ("c", "x"): 3.0}
    figure = over_prompts(values)

    assert figure is not None
    assert figure.mean == pytest.approx(2.0)
    # three values of mean 2 and standard deviation 1: 2 ± 4.3027 / sqrt(3)
    assert figure.ci95 == pytest.approx((2 - 2.4841, 2 + 2.4841), abs=1e-3)


def test_one_prompt_has_no_interval_and_none_has_no_figure():
    one = over_prompts({("a", "x"): 1.0, ("a", "y"): 3.0})

    assert one is not None
    assert (one.mean, one.ci95) == (2.0, None)
    assert over_prompts({}) is None


def test_a_search_is_compared_with_the_catalogues_for_the_same_prompt_and_person():
    own = [
        search(gain=Gain(heldout=0.5)),
        search(prompt="a tower", gain=Gain(heldout=9.0)),
        search(prompt="a boat", status="failed", usage=Usage(tokens_in=7)),
    ]
    catalogue = gains([search(gain=Gain(heldout=0.2)), search(user_id="you", gain=Gain(heldout=7))])
    found = standing("x", own, catalogue)

    assert found.beyond_catalogue is not None
    assert found.beyond_catalogue.mean == pytest.approx(0.3)
    assert (found.runs, found.failed, found.tokens_in) == (3, 1, 7)
    assert standing("catalogue", own, None).beyond_catalogue is None
