import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from agent import Trajectory, load_run
from agent.builders import Parts
from agent.errors import InputError, RunError
from agent.gain import honest_gain
from agent.lm.rounds import TOLD_KNOWN, document_of
from agent.observer import Row, Silent
from agent.optimize import optimize
from agent.proposer import ProposalRequest, Proposals
from agent.render.base import RenderRequest, RenderResult
from agent.render.fake import FakeRenderer
from agent.seeds import derive_seeds
from agent.store import RunStore, pixel_digest
from agent.trajectory import Edit, Event
from scorer import Scores, UserProfile
from tests.agent.conftest import ScriptedProposer

NewStore = Callable[..., RunStore]


class Timeless:
    """Compares runs by everything but times and what names a run."""

    @staticmethod
    def of(document: Any) -> Any:
        if isinstance(document, dict):
            kept = {k: v for k, v in document.items() if k != "seconds"}
            return {k: Timeless.of(v) for k, v in kept.items()}
        return [Timeless.of(v) for v in document] if isinstance(document, list) else document


def timeless_lines(folder: Path) -> list[Any]:
    text = (folder / "trajectory.jsonl").read_text(encoding="utf-8").replace(folder.name, "ID")
    return [Timeless.of(json.loads(line)) for line in text.splitlines()]


class FlakyRenderer(FakeRenderer):
    """Fails for the prompts that hold a word, and warns of those that hold another."""

    def __init__(self, fails: str) -> None:
        super().__init__((16, 16))
        self._fails = fails
        self.batches: list[int] = []

    def render(self, requests: Any) -> Iterator[RenderResult]:
        self.batches.append(len(requests))
        for request in requests:
            if self._fails in request.prompt:
                yield RenderResult(request, error=f"{self._fails} can't be drawn")
            else:
                yield from super().render([request])

    def warnings(self, prompt: str) -> list[str]:
        return [f"{prompt[-4:]!r} is cut off"] if "rust" in prompt else []


class PlanScorer:
    """Scores a picture by its prompt: the renderer below hides the prompt in the picture."""

    def __init__(self, value: Callable[[str], float], adherence: Callable[[str], float]) -> None:
        self._value, self._adherence = value, adherence
        self.prompts: list[str | None] = []
        self.encoder = "miniature-plan"

    def score(self, images: Any, prompts: Any, user: UserProfile) -> list[Scores]:
        self.prompts += prompts
        words = [image.info["words"] for image in images]
        return [
            Scores(self._value(w), {"personal": self._value(w), "adherence": self._adherence(w)})
            for w in words
        ]

    def describe(self) -> dict[str, str]:
        return {"scorer": "plan", "encoder": self.encoder}


class LeaningScorer(PlanScorer):
    """One that expects something of words."""

    worth = 0.8

    def leanings(self, prompt: Any, user: UserProfile, words: Any) -> dict[str, float]:
        self.asked = (prompt, user.user_id, words)
        return {"moonlight": self.worth, "neon": -0.7, "overcast": 0.1}


class WordRenderer(FakeRenderer):
    """Pictures that carry their prompt."""

    def render(self, requests: Any) -> Iterator[RenderResult]:
        for request in requests:
            picture = PIL.Image.new("RGB", (4, 4))
            picture.info["words"] = request.prompt
            yield RenderResult(request, picture)


class Once:
    """A proposer that suggests the same prompts whatever it is asked."""

    def __init__(self, *prompts: str, **extra: Any) -> None:
        self._edits = tuple(Edit(axis="free", instruction=p, prompt=p) for p in prompts)
        self._extra = extra
        self.requests: list[ProposalRequest] = []

    def propose(self, requests: list[ProposalRequest]) -> list[Proposals]:
        self.requests += requests
        return [Proposals(edits=self._edits, **self._extra) for _ in requests]

    def describe(self) -> dict[str, str]:
        return {"llm": "once"}


class Recorder(Silent):
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.pictures = 0

    def advance(self) -> None:
        self.pictures += 1

    def row(self, row: Row) -> None:
        self.rows.append(row)


def planned(
    proposer: Once,
    value: Callable[[str], float] = lambda words: 2.0,
    adherence: Callable[[str], float] = lambda words: 0.3,
) -> Parts:
    return Parts(proposer, WordRenderer((4, 4)), PlanScorer(value, adherence))


def run(store: RunStore, user: UserProfile, parts: Parts, **more: Any) -> Trajectory:
    with store:
        return optimize(store=store, user=user, parts=parts, **more)


def test_run_finds_a_prompt_and_measures_it_on_fresh_seeds(
    new_store: NewStore, user: UserProfile, parts: Parts
):
    store = new_store(seeds=2, heldout_seeds=3)
    done = run(store, user, parts)

    assert done == load_run(store.folder)
    assert done.status == "done"
    assert done.initial is not None
    assert done.best is not None
    assert done.best.score == max(c.score for c in done.candidates if c.score is not None)
    search = derive_seeds(0, "search", 2)
    assert all([i.seed for i in c.images] == list(search) for c in done.candidates if c.images)
    assert not {h.seed for h in done.heldout} & set(search)
    assert [h.candidate for h in done.heldout] == [done.initial.id, done.best.id] * 3
    assert done.gain == honest_gain(done.initial, done.best, done.heldout)


def test_candidates_are_numbered_in_order_and_lines_are_written_in_time(
    new_store: NewStore, user: UserProfile, parts: Parts
):
    store = new_store(iterations=1)
    done = run(store, user, parts)

    assert [c.id for c in done.candidates] == [f"c{n:04d}" for n in range(13)]
    types = [line["type"] for line in timeless_lines(store.folder)]
    assert types.index("proposal") < types.index("candidate", types.index("step"))
    assert (types[0], types[-1]) == ("run", "result")


def test_pictures_lie_where_the_record_says(new_store: NewStore, user: UserProfile, parts: Parts):
    store = new_store(iterations=1)
    done = run(store, user, parts)
    images = [i for c in done.candidates for i in c.images]
    images += [h.image for h in done.heldout if h.image is not None]

    assert done.usage.renders == len(images) == 26 + 6
    for image in images:
        with PIL.Image.open(store.folder / image.path) as picture:
            assert pixel_digest(picture) == image.sha256
    assert done.best is not None
    with PIL.Image.open(store.folder / "best.png") as best:
        assert pixel_digest(best) == done.best.images[0].sha256
        assert best.info["prompt"] == done.best.prompt


def test_same_seed_makes_the_same_run_and_another_another(
    new_store: NewStore, user: UserProfile, parts: Parts
):
    stores = [new_store(), new_store(), new_store(seed=1)]
    for store in stores:
        run(store, user, parts)
    first, second, other = [timeless_lines(store.folder) for store in stores]

    assert first == second
    assert first[1:] != other[1:]


def test_batch_size_changes_no_decision(new_store: NewStore, user: UserProfile, parts: Parts):
    one, eight = new_store(batch_size=1), new_store(batch_size=8)
    run(one, user, parts)
    run(eight, user, parts)

    assert timeless_lines(one.folder) == timeless_lines(eight.folder)


def test_batches_hold_whole_candidates(new_store: NewStore, user: UserProfile, parts: Parts):
    renderer = FlakyRenderer("nothing")
    store = new_store(seeds=3, batch_size=8, iterations=1, branching=1, heldout_seeds=3)
    run(store, user, Parts(parts.proposer, renderer, parts.scorer))

    assert renderer.batches == [3, 6, 3, 6]


def test_every_iteration_is_shown(new_store: NewStore, user: UserProfile, parts: Parts):
    recorder = Recorder()
    done = run(new_store(), user, parts, observer=recorder)

    assert [row.iteration for row in recorder.rows] == [0, 1, 2]
    assert recorder.pictures == done.usage.renders
    assert done.best is not None
    assert recorder.rows[-1].beam[0] == done.best.prompt
    assert recorder.rows[-1].gain == done.gain.search


def test_scorer_reads_the_users_prompt_only(new_store: NewStore, user: UserProfile):
    parts = planned(Once("a rock, neon"))
    run(new_store("a rock", iterations=1), user, parts)

    assert isinstance(parts.scorer, PlanScorer)
    assert set(parts.scorer.prompts) == {"a rock"}


def test_only_the_kept_words_of_a_prompt_count_as_the_users(new_store: NewStore, user: UserProfile):
    proposer = Once("a rock, gold", "a sofa, neon")
    scorer = LeaningScorer(lambda words: 2.0 + ("gold" in words), lambda words: 0.3)
    parts = Parts(proposer, WordRenderer((4, 4)), scorer)
    store = new_store("a rock, neon", iterations=2, keep="a rock", stray="none", beam_width=1)
    done = run(store, user, parts)
    first, second = proposer.requests

    assert set(scorer.prompts) == {"a rock"}
    assert scorer.asked[0] == "a rock"
    assert [c.status for c in done.candidates[:3]] == ["scored", "scored", "rejected"]
    assert done.initial is not None
    assert (done.prompt, done.initial.prompt) == ("a rock, neon", "a rock, neon")
    assert (first.user_prompt, first.began_with) == ("a rock", "a rock, neon")
    assert (second.parent_prompt, second.first_score) == ("a rock, gold", 2.0)


def test_pictures_that_leave_the_subject_are_rejected_with_the_figure(
    new_store: NewStore, user: UserProfile
):
    parts = planned(
        Once("a gold rock", "a sofa"),
        value=lambda words: 5.0 if "sofa" in words else 2.0 + ("gold" in words),
        adherence=lambda words: 0.2 if "sofa" in words else 0.3,
    )
    done = run(
        new_store("a rock", iterations=1, adherence_tolerance=0.05, stray="high"), user, parts
    )
    sofa = done.candidates[2]

    assert (sofa.status, sofa.score) == ("rejected", None)
    assert sofa.error is not None
    assert "adherence 0.200 is below 0.250" in sofa.error
    assert sofa.scores["adherence"] == pytest.approx(0.2)
    assert done.best is not None
    assert done.best.prompt == "a gold rock"


def test_prompt_that_was_tried_is_not_drawn_again(new_store: NewStore, user: UserProfile):
    parts = planned(Once("a  rock ", "a gold rock", "a gold rock"))
    done = run(new_store("a rock", iterations=1), user, parts)

    assert [c.status for c in done.candidates] == ["scored", "pruned", "scored", "pruned"]
    assert [c.error for c in done.candidates[1::2]] == [
        "the same prompt as c0000",
        "the same prompt as c0002",
    ]


def test_no_better_edit_leaves_the_own_prompt_the_best(new_store: NewStore, user: UserProfile):
    parts = planned(Once("a gold rock"), value=lambda words: 3.0 - ("gold" in words))
    done = run(new_store("a rock", iterations=2), user, parts)

    assert done.best == done.initial
    assert done.heldout == ()
    assert (done.gain.search, done.gain.heldout, done.gain.heldout_ci95) == (0, 0, (0, 0))


def test_proposer_hears_what_came_of_earlier_edits(new_store: NewStore, user: UserProfile):
    proposer = Once("a gold rock", "a dull rock")
    values = {"gold": 3.0, "dull": 1.0}
    parts = planned(
        proposer, value=lambda words: next((v for k, v in values.items() if k in words), 2.0)
    )
    run(new_store("a rock", iterations=2, beam_width=1), user, parts)
    first, second = proposer.requests

    assert (first.parent_prompt, first.count, first.best_edits) == ("a rock", 4, ())
    assert (second.parent_prompt, second.parent_score, second.first_score) == ("a gold rock", 3, 2)
    assert [(e.prompt, e.gain) for e in second.best_edits] == [("a gold rock", 1.0)]
    assert [(e.prompt, e.gain) for e in second.worst_edits] == [("a dull rock", -1.0)]
    assert set(second.tried_prompts) == {"a rock", "a gold rock", "a dull rock"}
    assert second.likes == user.likes
    assert first.seed != second.seed


def test_failed_proposal_is_an_event_and_the_search_goes_on(new_store: NewStore, user: UserProfile):
    event = Event(type="proposal_failed", iteration=1, message="no JSON for sk-abcdefgh12")
    done = run(new_store(iterations=2), user, planned(Once(events=(event,), llm_calls=2)))

    assert done.status == "done"
    assert [s.iteration for s in done.steps] == [0, 1, 2]
    assert (done.usage.failed_proposals, done.usage.llm_calls) == (2, 4)
    assert done.events[0].message == "no JSON for [secret]"


def test_failed_picture_is_a_failed_candidate_and_the_search_goes_on(
    new_store: NewStore, user: UserProfile, parts: Parts
):
    flaky = Parts(parts.proposer, FlakyRenderer("mist"), parts.scorer)
    done = run(new_store(), user, flaky)
    failed = [c for c in done.candidates if "mist" in c.prompt and c.status != "pruned"]

    assert failed
    assert {c.status for c in failed} == {"failed"}
    assert all(c.score is None and "mist can't be drawn" in (c.error or "") for c in failed)
    assert done.status == "done"


def test_own_prompt_that_cannot_be_drawn_fails_the_run_with_the_reason(
    new_store: NewStore, user: UserProfile, parts: Parts
):
    store = new_store("a red tram")
    with pytest.raises(RunError, match="tram can't be drawn"):
        run(store, user, Parts(parts.proposer, FlakyRenderer("tram"), parts.scorer))

    failed = load_run(store.folder)
    assert failed.status == "failed"
    assert failed.initial is not None
    assert failed.initial.status == "failed"
    assert (failed.best, failed.gain.search) == (None, None)
    assert "tram can't be drawn" in failed.events[-1].message


def test_failed_run_can_be_resumed_once_the_reason_is_gone(
    new_store: NewStore, user: UserProfile, parts: Parts
):
    store = new_store("a red tram")
    with pytest.raises(RunError):
        run(store, user, Parts(parts.proposer, FlakyRenderer("tram"), parts.scorer))
    done = run(RunStore.resume(store.folder), user, parts)

    assert done.status == "done"
    assert done.gain.heldout is not None


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_score_that_is_no_number_fails_the_run(
    new_store: NewStore, user: UserProfile, value: float
):
    store = new_store()
    with pytest.raises(RunError, match="the scorer gave"):
        run(store, user, planned(Once(), value=lambda words: value))

    assert json.loads((store.folder / "trajectory.jsonl").read_text().splitlines()[1])


def test_unexpected_fault_is_one_line_and_the_run_stays_resumable(
    new_store: NewStore, user: UserProfile, parts: Parts
):
    class Broken(FakeRenderer):
        def render(self, requests: Any) -> Iterator[RenderResult]:
            raise ZeroDivisionError("by zero")

    store = new_store()
    with pytest.raises(RunError, match="ZeroDivisionError: by zero"):
        run(store, user, Parts(parts.proposer, Broken(), parts.scorer))

    assert run(RunStore.resume(store.folder), user, parts).status == "done"


def test_warnings_of_the_renderer_are_events_with_the_candidate(
    new_store: NewStore, user: UserProfile, parts: Parts
):
    done = run(new_store("rusty"), user, Parts(parts.proposer, FlakyRenderer("x!"), parts.scorer))

    assert done.events[0] == Event(type="warning", iteration=0, message="'usty' is cut off")
    assert all(event.message.startswith("c00") for event in done.events[1:])


def test_miniature_warns_of_a_subject_that_it_cannot_draw(new_store: NewStore, user: UserProfile):
    parts = planned(Once(), adherence=lambda words: -1.0)
    done = run(new_store("a [bold]tram", renderer="scene", iterations=0), user, parts)
    (event,) = done.events

    assert event.type == "warning"
    assert "'a [bold]tram'" in event.message
    assert "snowman" in event.message
    assert "--renderer diffusers:<folder>" in event.message


def test_what_adherence_means_to_another_encoder_is_not_known(
    new_store: NewStore, user: UserProfile
):
    parts = planned(Once(), adherence=lambda words: -1.0)
    assert isinstance(parts.scorer, PlanScorer)
    own = run(new_store("a rock", renderer="scene", iterations=0), user, parts)
    parts.scorer.encoder = "siglip:other"
    done = run(new_store("a rock", renderer="scene", iterations=0), user, parts)

    assert "show little of 'a rock' (adherence -1.00" in own.events[0].message
    assert done.events == ()


def test_what_the_scorer_expects_is_told_to_the_proposer_and_recorded_once(
    new_store: NewStore, user: UserProfile
):
    scorer = LeaningScorer(lambda words: 2.0, lambda words: 0.3)
    once = Once("a rock in moonlight")
    store = new_store("a rock", renderer="scene", iterations=1)
    done = run(store, user, Parts(once, WordRenderer((4, 4)), scorer))

    prompt, person, words = scorer.asked
    assert (prompt, person) == ("a rock", user.user_id)
    assert words["lighting"]["moonlight"][0] == "in moonlight"
    assert "through a window" not in words.get("viewpoint", {})
    assert once.requests[0].leanings == {"moonlight": 0.8, "neon": -0.7, "overcast": 0.1}
    (event,) = done.events
    assert event.type == "leanings"
    assert event.message.endswith("moonlight +0.80, overcast +0.10, neon -0.70")


def test_a_resumed_run_does_not_say_again_what_was_expected(new_store: NewStore, user: UserProfile):
    scorer = LeaningScorer(lambda words: 2.0, lambda words: 0.3)
    store = new_store("a rock", iterations=1)
    with pytest.raises(RunError):
        run(store, user, Parts(Once("a tram"), FlakyRenderer("rock"), scorer))
    scorer.worth = 0.81  # another machine
    parts = Parts(Once("a rock at dawn"), WordRenderer((4, 4)), scorer)
    done = run(RunStore.resume(store.folder), user, parts)

    assert done.status == "done"
    (said,) = [event.message for event in done.events if event.type == "leanings"]
    assert "moonlight +0.80" in said


def test_a_language_model_is_told_of_the_strongest_leanings_only():
    leanings = {f"value {number}": number / 100 - 0.2 for number in range(40)}
    request = ProposalRequest.model_validate(
        {
            "candidate_id": "c0000",
            "iteration": 1,
            "user_prompt": "a rock",
            "parent_prompt": "a rock",
            "parent_score": 3.0,
            "count": 4,
            "seed": 0,
            "leanings": leanings,
        }
    )
    told = json.loads(document_of(request))["leanings"]
    assert len(told) == TOLD_KNOWN
    assert min(map(abs, told.values())) >= 0.11
    assert json.loads(document_of(request, sees_all=True))["leanings"] == leanings


def test_known_subject_gives_no_warning(new_store: NewStore, user: UserProfile):
    parts = planned(Once(), adherence=lambda words: 1.0)
    done = run(new_store("a rock", renderer="scene", iterations=0), user, parts)

    assert done.events == ()


@pytest.mark.parametrize(("limit", "searched"), [(30, 24), (14, 8), (10, 4)])
def test_pictures_never_exceed_the_limit(
    new_store: NewStore, user: UserProfile, parts: Parts, limit: int, searched: int
):
    done = run(new_store(max_renders=limit, heldout_seeds=3), user, parts)
    drawn = sum(len(c.images) for c in done.candidates)

    assert (done.status, drawn) == ("done", searched)
    assert done.usage.renders <= limit
    assert [e.type for e in done.events] == ["limit"]
    assert f"max_renders {limit}" in done.events[0].message


def test_cost_stops_the_search_before_it_is_exceeded(
    new_store: NewStore, user: UserProfile, parts: Parts
):
    done = run(new_store(iterations=9, max_cost=0.05), user, parts)

    assert done.status == "done"
    assert 0 < done.usage.cost_usd <= 0.05
    assert done.events[-1].message == "max_cost 0.05 US dollars reached"


def test_time_limit_ends_the_search_with_the_best_so_far(
    new_store: NewStore, user: UserProfile, parts: Parts
):
    done = run(new_store(iterations=1000, time_limit=0.4), user, parts)

    assert done.status == "done"
    assert done.best is not None
    assert done.events[-1].message == "time_limit 0.4 s reached"
    assert len(done.steps) < 1000


def test_no_iterations_only_measure_the_own_prompt(
    new_store: NewStore, user: UserProfile, parts: Parts
):
    done = run(new_store(iterations=0), user, parts)

    assert [c.id for c in done.candidates] == ["c0000"]
    assert done.gain.heldout is None  # nothing was tried, so nothing is known


def test_run_that_is_done_is_not_run_again(new_store: NewStore, user: UserProfile, parts: Parts):
    store = new_store()
    done = run(store, user, parts)
    before = (store.folder / "trajectory.jsonl").read_bytes()

    assert run(RunStore.resume(store.folder), user, parts) == done
    assert (store.folder / "trajectory.jsonl").read_bytes() == before


UNPRICED = (
    "the price of 'scripted' is not known: its cost counts as nothing, and --max-cost can't stop it"
)


class Unpriced(ScriptedProposer):
    """Warns with its first answer, as a hosted model does."""

    def propose(self, requests: list[ProposalRequest]) -> list[Proposals]:
        first, *others = super().propose(requests)
        if self.calls > 1:
            return [first, *others]
        warning = Event(type="warning", iteration=requests[0].iteration, message=UNPRICED)
        return [first.model_copy(update={"events": (warning,)}), *others]


class Interrupting(FakeRenderer):
    """Is stopped after a number of pictures, as by Ctrl-C."""

    def __init__(self, after: int) -> None:
        super().__init__((16, 16))
        self._left = after

    def render(self, requests: Sequence[RenderRequest]) -> Iterator[RenderResult]:
        for result in super().render(requests):
            self._left -= 1
            if self._left < 0:
                raise KeyboardInterrupt
            yield result


@pytest.mark.parametrize("after", [0, 1, 5, 17, 26, 49, 52])
def test_interrupted_run_resumes_to_the_undisturbed_one(
    new_store: NewStore, user: UserProfile, parts: Parts, after: int
):
    whole, broken = new_store(), new_store()
    run(whole, user, parts)
    with pytest.raises(KeyboardInterrupt):
        run(broken, user, Parts(parts.proposer, Interrupting(after), parts.scorer))
    assert load_run(broken.folder).status == "interrupted"
    run(RunStore.resume(broken.folder), user, parts)

    assert timeless_lines(broken.folder) == timeless_lines(whole.folder)


def test_every_line_is_a_place_to_resume_from(new_store: NewStore, user: UserProfile, parts: Parts):
    store = new_store(max_renders=30)
    run(store, user, parts)
    path = store.folder / "trajectory.jsonl"
    lines, expected = path.read_bytes().splitlines(keepends=True), timeless_lines(store.folder)
    for count in range(len(lines)):
        path.write_bytes(b"".join(lines[:count]) + lines[count][:9])
        run(RunStore.resume(store.folder), user, parts)
        assert timeless_lines(store.folder) == expected


class Listening(Silent):
    """Counts the events that it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def event(self, event: Event) -> None:
        self.told.append(event.message)


def test_what_a_proposer_warns_of_is_not_said_again_after_a_resume(
    new_store: NewStore, user: UserProfile, parts: Parts
):
    store = new_store(iterations=3)
    run(store, user, Parts(Unpriced(), parts.renderer, parts.scorer))
    path = store.folder / "trajectory.jsonl"
    lines, expected = path.read_bytes().splitlines(keepends=True), timeless_lines(store.folder)
    second = [n for n, line in enumerate(lines) if b'"type": "step"' in line][1]
    path.write_bytes(b"".join(lines[: second + 1]))
    listening = Listening()
    again = Parts(Unpriced(), parts.renderer, parts.scorer)
    with RunStore.resume(store.folder) as resumed:
        optimize(store=resumed, user=user, parts=again, observer=listening)

    assert timeless_lines(store.folder) == expected
    assert sum(event.message == UNPRICED for event in load_run(store.folder).events) == 1
    assert UNPRICED not in listening.told


def test_language_model_is_never_asked_twice(new_store: NewStore, user: UserProfile, parts: Parts):
    store = new_store()
    run(store, user, parts)
    path = store.folder / "trajectory.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    last = max(n for n, line in enumerate(lines) if b'"type": "proposal"' in line)
    path.write_bytes(b"".join(lines[: last + 1]))
    silent = Once()
    run(RunStore.resume(store.folder), user, Parts(silent, parts.renderer, parts.scorer))

    assert silent.requests == []


def test_time_limit_of_the_record_holds_on_resume(
    new_store: NewStore, user: UserProfile, parts: Parts
):
    store = new_store(iterations=1000, time_limit=0.4)
    run(store, user, parts)
    path = store.folder / "trajectory.jsonl"
    lines, expected = path.read_bytes().splitlines(keepends=True), timeless_lines(store.folder)
    path.write_bytes(b"".join(lines[:-2]))
    run(RunStore.resume(store.folder), user, parts)

    assert timeless_lines(store.folder) == expected


def test_budget_that_covers_nothing_is_bad_input(
    new_store: NewStore, user: UserProfile, parts: Parts
):
    with pytest.raises(InputError, match="--max-renders 1"):
        run(new_store(max_renders=1), user, parts)


def test_time_of_the_stages_and_beside_them_add_up(
    new_store: NewStore, user: UserProfile, parts: Parts
):
    seconds = run(new_store(), user, parts).usage.seconds
    stages = seconds.propose + seconds.render + seconds.score

    assert seconds.total == pytest.approx(stages + seconds.overhead, abs=0.01)
