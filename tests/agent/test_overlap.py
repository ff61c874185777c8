"""Hosted models are asked while pictures are drawn, and the run is what it would be without."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from agent import Trajectory, load_run
from agent.builders import Parts
from agent.clock import Clock
from agent.errors import PamelaError
from agent.inquiry import chance_to_stay
from agent.lm.fallback import FallbackProposer
from agent.optimize import optimize
from agent.program import make_proposer
from agent.proposer import Proposals, Proposer
from agent.records import Records, read_records
from agent.render.base import RenderRequest, RenderResult
from agent.render.fake import FakeRenderer
from agent.retry import RetryPolicy
from agent.store import RunStore
from agent.trajectory import Edit
from benchmarks.overlap import edits_for, timeless
from scorer import Scores, UserProfile, make_scorer
from tests.agent.lm.chat_server import ChatServer, Reply, chat_server

ROOT = Path(__file__).resolve().parents[2]
NewStore = Callable[..., RunStore]
PATIENCE = 30.0


@dataclass
class WatchedRenderer(FakeRenderer):
    """Calls something before each batch, with its number."""

    before: Callable[[int], None] = lambda _number: None
    batches: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__((16, 16))

    def render(self, requests: list[RenderRequest]) -> Iterator[RenderResult]:  # type: ignore[override]
        self.batches.append(len(requests))
        self.before(len(self.batches) - 1)
        yield from super().render(requests)


def chat_of(body: dict[str, Any]) -> str:
    return "\n".join(message["content"] for message in body["messages"])


def request_of(body: dict[str, Any]) -> dict[str, Any]:
    chat = chat_of(body)
    at = chat.index("{", chat.rindex("[[ ## request ## ]]"))
    return json.JSONDecoder().raw_decode(chat, at)[0]


def answering(body: dict[str, Any], _number: int = 0) -> Reply:
    return Reply(edits_for(chat_of(body)))


def hosted(server: ChatServer, time_left: Callable[[], float | None] | None = None) -> Proposer:
    policy = RetryPolicy(attempts=2, first_wait=0)
    first = make_proposer(
        "openai/scripted", base_url=server.url, policy=policy, time_left=time_left
    )
    return FallbackProposer(first, make_proposer("catalogue"))


def run(
    store: RunStore,
    user: UserProfile,
    proposer: Proposer,
    renderer: FakeRenderer | None = None,
    **more: Any,
) -> Trajectory:
    parts = Parts(proposer, renderer or WatchedRenderer(), make_scorer("fake:noise", seed=0))
    with store:
        return optimize(store=store, user=user, parts=parts, **more)


def lines(folder: Path) -> list[Any]:
    text = (folder / "trajectory.jsonl").read_text(encoding="utf-8").replace(folder.name, "RUN")
    return [timeless(json.loads(line)) for line in text.splitlines()]


def records(folder: Path) -> Records:
    return read_records(folder / "trajectory.jsonl")


@pytest.fixture
def hosted_store(new_store: NewStore) -> NewStore:
    """The store of a new run with a hosted model."""

    def make(**options: Any) -> RunStore:
        return new_store(llm="openai/scripted", **{"iterations": 3, **options})

    return make


@pytest.fixture
def undisturbed(hosted_store: NewStore, user: UserProfile) -> Path:
    with chat_server(answering) as server:
        store = hosted_store()
        run(store, user, hosted(server), overlap=False)
    return store.folder


@pytest.mark.parametrize("seed", [0, 1])
def test_delays_and_the_overlap_change_no_line(
    hosted_store: NewStore, user: UserProfile, seed: int
):
    def uneven(body: dict[str, Any], number: int) -> Reply:
        return Reply(edits_for(chat_of(body)), hang=(0.3, 0.0, 0.2)[number % 3])

    written: list[list[Any]] = []
    for script, slow, overlap in (
        (answering, 0.0, False),
        (answering, 0.1, True),
        (uneven, 0.0, True),
        (uneven, 0.1, False),
    ):
        store = hosted_store(seed=seed)
        with chat_server(script) as server:
            renderer = WatchedRenderer(lambda _number, slow=slow: time.sleep(slow))
            run(store, user, hosted(server), renderer, overlap=overlap)
        written.append(lines(store.folder))

    assert all(other == written[0] for other in written[1:])


def test_the_next_parents_are_asked_about_while_pictures_are_drawn(
    hosted_store: NewStore, user: UserProfile
):
    arrived = threading.Condition()
    questions = 0

    def script(body: dict[str, Any], number: int) -> Reply:
        nonlocal questions
        with arrived:
            questions = number + 1
            arrived.notify_all()
        return answering(body)

    def wait_for_questions(batch: int) -> None:
        # The own prompt, iteration 1 (three batches), iteration 2 (three batches): this many
        # questions must have come before the batch is drawn, or the run never ends.
        needed = {0: 1, 3: 2, 4: 4, 6: 5}.get(batch, 0)
        with arrived:
            assert arrived.wait_for(lambda: questions >= needed, PATIENCE), f"batch {batch}"

    store = hosted_store()
    with chat_server(script) as server:
        done = run(store, user, hosted(server), WatchedRenderer(wait_for_questions))

    assert done.status == "done"
    assert done.usage.llm_calls == 7
    assert sum(line.get("ahead", False) for line in lines(store.folder)) == 3


def test_who_is_asked_ahead_hears_of_prompts_that_are_still_drawn(
    hosted_store: NewStore, user: UserProfile
):
    bodies: list[dict[str, Any]] = []

    def script(body: dict[str, Any], _number: int) -> Reply:
        bodies.append(request_of(body))
        return answering(body)

    store = hosted_store(iterations=2)
    with chat_server(script) as server:
        done = run(store, user, hosted(server), overlap=False)
    first, ahead, *rest = bodies
    by_iteration = [c for c in done.candidates if c.iteration == 1]
    last_batch, scores = by_iteration[8:], {c.prompt: c.score for c in done.candidates}

    assert (first["first_score"], first["count"]) == (None, 12)
    assert {c.prompt for c in by_iteration if c.status != "pruned"} <= set(ahead["tried_prompts"])
    told = {edit["prompt"] for edit in (*ahead["best_edits"], *ahead["worst_edits"])}
    assert told
    assert told.isdisjoint({c.prompt for c in last_batch})
    assert ahead["parent_score"] == scores[ahead["parent_prompt"]]
    given = {c.prompt for c in done.candidates if c.parent == ahead["candidate_id"]}
    assert all(given <= set(request["tried_prompts"]) for request in rest if given)


class Numbers:
    """A proposer in this process whose edits are numbered; the scorer below reads the number."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def propose(self, requests: Any) -> Any:
        self.asked += [request.candidate_id for request in requests]
        return [
            Proposals(
                edits=tuple(
                    Edit(axis="free", instruction="n", prompt=f"{request.parent_prompt}, {n}")
                    for n in range(request.count)
                ),
                llm_calls=1,
                cost_usd=0.01,
            )
            for request in requests
        ]

    def describe(self) -> dict[str, str]:
        return {"llm": "numbers"}


class Falling:
    """A scorer that likes each picture less than the one before, but the last batch's best."""

    def __init__(self, *liked: int) -> None:
        self._liked = liked
        self._batch = -1

    def score(self, images: Any, prompts: Any, user: UserProfile) -> Any:
        self._batch += 1
        value = 5.0 if self._batch in self._liked else 3.0 - self._batch / 10
        return [Scores(value, {"personal": value}) for _ in images]

    def describe(self) -> dict[str, str]:
        return {"scorer": "falling"}


def test_a_candidate_that_drops_out_was_asked_about_in_vain_and_is_counted(
    hosted_store: NewStore, user: UserProfile
):
    proposer = Numbers()
    store = hosted_store(beam_width=1, branching=12, iterations=2)
    parts = Parts(proposer, WatchedRenderer(), Falling(3))
    with store:
        done = optimize(store=store, user=user, parts=parts)

    assert proposer.asked == ["c0000", "c0000", "c0009"]
    assert {c.parent for c in done.candidates if c.iteration == 2} == {"c0009"}
    assert [c.id for c in done.candidates] == [f"c{n:04d}" for n in range(25)]
    assert (done.usage.llm_calls, done.usage.cost_usd) == (3, pytest.approx(0.03))


def test_a_candidate_that_will_hardly_stay_is_not_asked_about(
    hosted_store: NewStore, user: UserProfile
):
    proposer = Numbers()
    store = hosted_store(beam_width=1, branching=4, iterations=3)
    with store:
        parts = Parts(proposer, WatchedRenderer(), Falling())
        done = optimize(store=store, user=user, parts=parts)

    assert len(proposer.asked) == 3
    assert done.status == "done"


@pytest.mark.parametrize(
    ("known", "coming", "width"), [(1, 4, 1), (3, 2, 2), (2, 4, 3), (4, 1, 2), (1, 0, 3)]
)
def test_the_chance_to_stay_is_that_of_all_orders(known: int, coming: int, width: int):
    orders = list(permutations(range(known + coming)))
    stays = sum(
        any(order.index(one) < width for one in range(known))
        for order in orders  # the known ones are 0 … known - 1, the best comes first
    )

    assert chance_to_stay(known, coming, width) == pytest.approx(stays / len(orders))


def test_nothing_is_asked_that_could_not_be_drawn(hosted_store: NewStore, user: UserProfile):
    proposer = Numbers()
    store = hosted_store(max_renders=2 + 24 + 6, heldout_seeds=3)
    parts = Parts(proposer, WatchedRenderer(), make_scorer("fake:noise", seed=0))
    with store:
        done = optimize(store=store, user=user, parts=parts)

    assert proposer.asked == ["c0000"]
    assert [e.type for e in done.events] == ["limit"]
    assert done.usage.renders <= 32


def test_the_cost_of_what_is_asked_ahead_counts_to_its_own_iteration(
    hosted_store: NewStore, user: UserProfile
):
    proposer = Numbers()  # a cent a question: 1 in the first iteration, then 3 in each
    store = hosted_store(max_cost=0.07, iterations=9)
    parts = Parts(proposer, WatchedRenderer(), make_scorer("fake:noise", seed=0))
    with store:
        done = optimize(store=store, user=user, parts=parts)

    assert len(proposer.asked) == 7
    assert "max_cost 0.07" in done.events[-1].message
    assert done.usage.cost_usd == pytest.approx(0.07)


def test_a_time_limit_does_not_wait_for_a_question_that_is_out(
    hosted_store: NewStore, user: UserProfile
):
    def script(body: dict[str, Any], number: int) -> Reply:
        return Reply(edits_for(chat_of(body)), hang=0.0 if number == 0 else 300.0)

    clock, started = Clock(), time.monotonic()
    store = hosted_store(time_limit=6, heldout_seeds=0)
    with chat_server(script) as server:
        proposer = make_proposer("openai/scripted", base_url=server.url, time_left=clock.left)
        done = run(store, user, proposer, clock=clock)

    assert time.monotonic() - started < PATIENCE
    assert done.status == "done"
    assert sum(c.iteration == 1 for c in done.candidates) == 12
    assert "no answer within the time limit of the run" in done.events[0].message
    assert lines(store.folder)[-1]["type"] == "result"


def test_what_is_out_when_a_limit_ends_the_search_is_counted_and_draws_nothing(
    hosted_store: NewStore, user: UserProfile
):
    jumped, arrived = [0.0], threading.Event()
    clock = Clock(now=lambda: time.perf_counter() + jumped[0])

    def script(body: dict[str, Any], number: int) -> Reply:
        if number == 1:
            arrived.set()
        return answering(body)

    def jump(batch: int) -> None:
        if batch == 3:  # the last of the first iteration
            assert arrived.wait(PATIENCE)
            jumped[0] = 1000.0

    store = hosted_store(time_limit=500, heldout_seeds=0)
    with chat_server(script) as server:
        done = run(store, user, hosted(server, clock.left), WatchedRenderer(jump), clock=clock)
    written = (store.folder / "trajectory.jsonl").read_bytes().splitlines(keepends=True)
    kinds = [json.loads(line)["type"] for line in written]

    assert done.usage.llm_calls == 2
    assert {c.iteration for c in done.candidates} == {0, 1}
    assert kinds[-3:] == ["event", "proposal", "result"]

    (store.folder / "trajectory.jsonl").write_bytes(b"".join(written[:-2]))
    with chat_server(answering) as server:
        again = run(RunStore.resume(store.folder), user, hosted(server))
    assert again.candidates == done.candidates
    assert again.best == done.best


def test_a_model_that_refuses_while_pictures_are_drawn_loses_none_of_them(
    hosted_store: NewStore, user: UserProfile, undisturbed: Path
):
    def refusing(body: dict[str, Any], number: int) -> Reply:
        return answering(body) if number == 0 else Reply("no", 401)

    store = hosted_store()
    with chat_server(refusing) as server, pytest.raises(PamelaError, match="openai/scripted"):
        run(store, user, hosted(server))
    failed = load_run(store.folder)
    assert failed.status == "failed"
    assert [c.status for c in failed.candidates].count("scored") > 10
    assert [step.iteration for step in failed.steps] == [0, 1]

    with chat_server(answering) as server:
        done = run(RunStore.resume(store.folder), user, hosted(server))
    assert [c.model_copy(update={"seconds": {}}) for c in done.candidates] == [
        c.model_copy(update={"seconds": {}}) for c in load_run(undisturbed).candidates
    ]


@pytest.mark.parametrize("batch", [0, 3, 4, 5, 6])
def test_an_interrupt_does_not_wait_for_a_question_and_the_run_can_go_on(
    hosted_store: NewStore, user: UserProfile, undisturbed: Path, batch: int
):
    def interrupt(number: int) -> None:
        if number == batch:
            raise KeyboardInterrupt

    store, started = hosted_store(), time.monotonic()
    with chat_server(answering) as server:
        slow = WatchedRenderer(interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(store, user, hosted(server), slow)
        assert time.monotonic() - started < PATIENCE
        run(RunStore.resume(store.folder), user, hosted(server))

    assert lines(store.folder) == lines(undisturbed)


WORKER = """
import sys
from pathlib import Path
from agent.store import RunStore
from scorer import UserProfile
from tests.agent.test_overlap import ChatServer, hosted, run
user = UserProfile(user_id="night-owl", likes=("low-key light",))
run(RunStore.resume(Path(sys.argv[1])), user, hosted(ChatServer(url=sys.argv[2])))
"""


@pytest.mark.parametrize("question", [0, 1, 2, 4, 6])
def test_a_run_that_is_killed_while_a_question_is_out_resumes_to_the_same_lines(
    hosted_store: NewStore, user: UserProfile, undisturbed: Path, question: int
):
    out = threading.Event()

    def script(body: dict[str, Any], number: int) -> Reply:
        if number == question:
            out.set()
        return Reply(edits_for(chat_of(body)), hang=PATIENCE if number == question else 0.0)

    store = hosted_store()
    store.close()
    with chat_server(script) as server:
        words = [sys.executable, "-c", WORKER, str(store.folder), server.url]
        process = subprocess.Popen(words, env={**os.environ, "PYTHONPATH": str(ROOT)})
        assert out.wait(60), "the question never came"
        process.kill()
        process.wait()
        assert load_run(store.folder).status == "interrupted"
    with chat_server(answering) as server:
        run(RunStore.resume(store.folder), user, hosted(server))

    assert lines(store.folder) == lines(undisturbed)


def test_a_run_cut_short_after_any_line_resumes_to_the_same_lines(
    hosted_store: NewStore, user: UserProfile, undisturbed: Path
):
    path = undisturbed / "trajectory.jsonl"
    whole, expected = path.read_bytes().splitlines(keepends=True), lines(undisturbed)
    with chat_server(answering) as server:
        for count in range(1, len(whole), 4):
            path.write_bytes(b"".join(whole[:count]))
            run(RunStore.resume(undisturbed), user, hosted(server))
            assert lines(undisturbed) == expected, count


def test_only_hosted_models_are_asked_ahead(new_store: NewStore, user: UserProfile):
    store = new_store(llm="catalogue")
    run(store, user, make_proposer("catalogue"))

    assert set(records(store.folder).proposals) == {(1, False), (2, False)}
