"""What is turned away before it is drawn, in whole runs."""

from collections.abc import Callable

from agent.builders import Parts
from agent.judge import Draft
from agent.proposer import ProposalRequest, Proposals
from agent.screen import Rules, screen
from agent.store import RunStore
from agent.stray import OwnWords
from agent.summary import tree
from agent.trajectory import Candidate, Edit
from scorer import UserProfile
from scorer.minilm import embed_spans
from tests.agent.test_optimize import (
    Once,
    PlanScorer,
    WordRenderer,
    planned,
    run,
    timeless_lines,
)
from tests.agent.test_summary import printed

NewStore = Callable[..., RunStore]
STRAYED = ("a leather sofa", "a bowl of soup", "two airliners at dusk", "a crowded stadium")


class ShortReader(WordRenderer):
    """Reads so many words of a prompt."""

    def __init__(self, words: int) -> None:
        super().__init__((4, 4))
        self._words = words

    def unread(self, prompt: str) -> str:
        return " ".join(prompt.split()[self._words :])


class Adding(Once):
    """Adds the number of the iteration."""

    def propose(self, requests: list[ProposalRequest]) -> list[Proposals]:
        word = f"no{requests[0].iteration}"
        prompt = f"{requests[0].parent_prompt}, {word}"
        return [Proposals(edits=(Edit(axis="free", instruction=word, prompt=prompt),))]


def liked_the_more_it_strays(words: str) -> float:
    return 2.0 if "rock" in words else 5.0


def reading(proposer: Once, words: int) -> Parts:
    return Parts(proposer, ShortReader(words), PlanScorer(lambda _: 2.0, lambda _: 0.3))


def test_proposer_that_changes_the_subject_never_wins(new_store: NewStore, user: UserProfile):
    done = run(new_store("a mossy rock"), user, planned(Once(*STRAYED), liked_the_more_it_strays))
    strayed = [c for c in done.candidates if c.prompt in STRAYED and c.status != "pruned"]

    assert done.best == done.initial
    assert len(strayed) == len(STRAYED)
    assert {c.status for c in strayed} == {"rejected"}
    assert all(c.score is None and c.images == () for c in strayed)
    assert all(f"subject {c.scores['subject']:.3f} is below" in (c.error or "") for c in strayed)
    assert done.usage.renders == 2


def test_proposer_that_changes_the_subject_wins_where_anything_goes(
    new_store: NewStore, user: UserProfile
):
    parts = planned(Once(*STRAYED), liked_the_more_it_strays)
    done = run(new_store("a mossy rock", stray="high"), user, parts)

    assert done.best is not None
    assert done.best.prompt in STRAYED


def test_what_is_rejected_takes_no_pictures_from_the_rest(new_store: NewStore, user: UserProfile):
    proposer = Once(*STRAYED, "a gold rock", "a dull rock")
    store = new_store("a rock", iterations=1, max_renders=8, heldout_seeds=1)
    done = run(store, user, planned(proposer, lambda words: 2.0 + ("gold" in words)))

    assert [c.status for c in done.candidates] == ["scored", *["rejected"] * 4, "scored", "scored"]
    assert (done.usage.renders, done.events) == (8, ())


def test_proposer_is_told_how_far_it_may_go(new_store: NewStore, user: UserProfile):
    told = {}
    for level in ("none", "low", "medium", "high"):
        proposer = Once("a rock, neon")
        run(new_store("a rock", iterations=1, stray=level), user, planned(proposer))
        told[level] = proposer.requests[0].stray

    assert len(set(told.values())) == 4
    assert told["none"].startswith("Keep every word of user_prompt")


def test_what_is_rejected_is_shown_with_the_reason(new_store: NewStore, user: UserProfile):
    done = run(new_store("a rock", iterations=1), user, planned(Once(*STRAYED)))
    shown = " ".join(printed(tree(done)).split())

    assert "c0001 rejected: strayed free: a leather sofa" in shown
    assert "nothing in the edit stands for 'rock' of your prompt" in shown


def test_every_line_is_a_place_to_resume_from_with_rejected_edits(
    new_store: NewStore, user: UserProfile
):
    proposer = Once(*STRAYED[:2], "a rock, at dusk, in mist", "a rock in deep snow")
    parts = reading(proposer, words=6)
    store = new_store("a rock", iterations=2)
    done = run(store, user, parts)
    path = store.folder / "trajectory.jsonl"
    lines, expected = path.read_bytes().splitlines(keepends=True), timeless_lines(store.folder)
    for count in range(len(lines)):
        path.write_bytes(b"".join(lines[:count]) + lines[count][:9])
        run(RunStore.resume(store.folder), user, parts)
        assert timeless_lines(store.folder) == expected

    assert {c.status for c in done.candidates} >= {"scored", "rejected", "pruned"}


def test_edit_that_would_not_be_read_is_rejected_with_what_would_be_lost(
    new_store: NewStore, user: UserProfile
):
    parts = reading(Once("a mossy rock, in deep snow"), words=4)
    done = run(new_store("a mossy rock", iterations=1), user, parts)

    assert [c.status for c in done.candidates] == ["scored", "rejected"]
    assert done.candidates[1].error == "the renderer would not read 'deep snow'"
    assert done.usage.renders == 2


def test_who_has_written_too_much_is_told_to_shorten_it(new_store: NewStore, user: UserProfile):
    parts = reading(Once("a mossy rock by the sea, in snow, " + "x" * 99), words=4)
    done = run(new_store("a mossy rock by the sea", iterations=1), user, parts)
    error = done.candidates[1].error or ""

    assert error.startswith("the renderer would not read 'the sea, in snow, xxx")
    assert error.endswith("x…': shorten your prompt")


def test_earlier_edits_give_way_to_the_one_that_is_tried(new_store: NewStore, user: UserProfile):
    def later_is_better(words: str) -> float:
        return float(words[-1]) if "no" in words else 0.0

    parts = Parts(Adding(), ShortReader(4), PlanScorer(later_is_better, lambda _: 1.0))
    done = run(new_store("a rock", iterations=4, beam_width=1), user, parts)

    assert [c.prompt for c in done.candidates if c.status == "scored"] == [
        "a rock",
        "a rock, no1",
        "a rock, no1, no2",
        "a rock, no2, no3",
        "a rock, no3, no4",
    ]
    assert all(c.edit is None or c.edit.prompt == c.prompt for c in done.candidates)
    assert [(e.type, e.message) for e in done.events] == [
        ("warning", "c0003: 'no1' gave way to the edit"),
        ("warning", "c0004: 'no2' gave way to the edit"),
    ]


def test_a_shortened_prompt_that_was_tried_is_not_drawn_again():
    first = Candidate(
        id="c0001", parent="c0000", iteration=1, prompt="a rock, new", status="failed"
    )
    parent = Candidate(
        id="c0002", parent="c0000", iteration=1, prompt="a rock, old", status="failed"
    )
    draft = Draft("c0003", "c0002", 2, "a rock, old, new", None)
    rules = Rules(OwnWords("a rock", embed_spans), "medium", lambda p: " ".join(p.split()[3:]))
    screened = screen([draft], {"c0001": first, "c0002": parent}, {}, rules)

    assert screened.fresh == ()
    assert [(c.status, c.error) for c in screened.undrawn] == [
        ("pruned", "the same prompt as c0001")
    ]
