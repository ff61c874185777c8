"""What an answer is worth: what a run would have made of it."""

from collections.abc import Callable, Mapping

import pytest

from agent.builders import Parts, make_config
from agent.optimize import optimize
from agent.proposer import ProposalRequest, Proposals
from agent.render.fake import FakeRenderer
from agent.store import RunStore
from agent.trajectory import Edit, Trajectory
from agent.tuning.appraisal import Appraisal, Appraiser, appraise
from agent.tuning.situations import Bench, Situation, make_situations
from scorer import UserProfile, make_scorer

PROMPT = "floating rocks"


def edits(*words: str) -> tuple[Edit, ...]:
    return tuple(Edit(axis="mood", instruction=f"add {w}", prompt=f"{PROMPT}, {w}") for w in words)


class Says:
    """A `Proposer` with one answer."""

    def __init__(self, *answer: Edit) -> None:
        self.answer = answer

    def propose(self, requests: list[ProposalRequest]) -> list[Proposals]:
        return [Proposals(edits=self.answer) for _ in requests]

    def describe(self) -> Mapping[str, str]:
        return {}


@pytest.fixture
def bench() -> Bench:
    config = make_config({"renderer": "fake", "branching": 3, "heldout_seeds": 3})
    return Bench(FakeRenderer((16, 16)), make_scorer("fake:noise", seed=0), config)


@pytest.fixture
def situations(bench: Bench, user: UserProfile) -> list[Situation]:
    """The beginning of a run, and how it goes on after two edits."""
    return make_situations([PROMPT], [user], bench, Says(*edits("neon", "mist")))


@pytest.mark.parametrize("words", [("snow",), ("gold", "rain"), ("ash", "moss", "rust"), ("tar",)])
def test_an_answer_is_worth_the_held_out_gain_of_a_run_that_got_it(
    words: tuple[str, ...],
    new_store: Callable[..., RunStore],
    user: UserProfile,
    bench: Bench,
    situations: list[Situation],
):
    parts = Parts(Says(*edits(*words)), FakeRenderer((16, 16)), make_scorer("fake:noise", seed=0))
    with new_store(PROMPT, iterations=1, beam_width=1, branching=3) as store:
        run: Trajectory = optimize(store=store, user=user, parts=parts)

    assert appraise(situations[0], edits(*words), bench).gain == pytest.approx(run.gain.heldout)


def test_feedback_says_of_each_edit_what_became_of_it(situations: list[Situation], bench: Bench):
    left = Edit(axis="free", instruction="draw a cat", prompt="a cat on a sofa")
    found = appraise(situations[0], (*edits("gold"), left), bench)
    lines = found.feedback.splitlines()

    assert lines[0].startswith("[mood: add gold] ")
    assert lines[1].startswith("[free: draw a cat] rejected: subject ")
    assert lines[2] == "1 of the 3 edits asked for were not given."


def test_an_answer_without_edits_is_worth_nothing_and_told_why(
    situations: list[Situation], bench: Bench
):
    assert appraise(situations[0], (), bench, "it is empty") == Appraisal(
        0.0, "The answer gave no edit that can be tried: it is empty."
    )


def test_a_later_situation_knows_what_was_tried(situations: list[Situation]):
    first, later = situations

    assert (first.request.iteration, later.request.iteration) == (1, 2)
    assert first.request.tried_prompts == (PROMPT,)
    assert set(later.request.tried_prompts) == {PROMPT, f"{PROMPT}, neon", f"{PROMPT}, mist"}
    best = max(later.tried.values(), key=lambda candidate: candidate.score or 0.0)
    assert later.request.parent_prompt == best.prompt
    assert later.request.likes == ("low-key light",)


def test_the_same_answer_is_drawn_once(situations: list[Situation], bench: Bench):
    told: list[Appraisal] = []
    appraiser = Appraiser(bench, told.append)
    first = appraiser(situations[0], edits("snow"))
    pictures = bench.pictures

    assert appraiser(situations[0], edits("snow")) == first
    assert (bench.pictures, len(told)) == (pictures, 2)
