"""Is waiting overlapped? A run whose language model and whose renderer both take 2 s at a time.

The model is an OpenAI-compatible server on this machine that sleeps before it answers, the
renderer sleeps before each batch; all else is a run with the default settings. Its wall time is
held against the longer of two sums: what the batches took, and what the model took, where
questions that are asked together count once. The same run with other delays, and with the overlap
off, must write the same lines.
"""

import hashlib
import json
import os
import tempfile
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np

from agent.builders import build_parts, make_config
from agent.clock import Clock
from agent.header import make_header
from agent.optimize import optimize
from agent.records import Records, read_records
from agent.render.base import Renderer, RenderRequest, RenderResult
from agent.store import RunStore, new_run_folder
from benchmarks.report import Report, in_one_line, parser
from scorer.profile import UserProfile

PROMPT = "floating mossy rocks"
MOST = 1.15
WORDS = ("fog", "dusk", "rain", "neon", "frost", "haze", "embers", "moonlight", "snow", "shade")
PAIRS = tuple(permutations(WORDS, 2))


@dataclass
class Delays:
    """How long things take; with `jitter` each time another share of it."""

    answer: float
    """Seconds of a question to the model."""
    batch: float
    """Seconds of a batch of pictures."""
    jitter: bool = False

    def wait(self, seconds: float, rng: np.random.Generator) -> None:
        """Takes its time."""
        time.sleep(seconds * rng.uniform() if self.jitter else seconds)


def edits_for(chat: str) -> str:
    """An answer that depends on every word of the question and on nothing else."""
    at = chat.rindex("[[ ## request ## ]]")
    request, _ = json.JSONDecoder().raw_decode(chat, chat.index("{", at))
    rng = np.random.default_rng(list(hashlib.sha256(chat.encode()).digest()))
    chosen = rng.choice(len(PAIRS), min(request["count"], len(PAIRS)), replace=False)
    ends = [" and ".join(PAIRS[place]) for place in chosen]
    edits = [
        {
            "axis": "mood",
            "instruction": f"add {end}",
            "prompt": f"{request['parent_prompt']}, {end}",
        }
        for end in ends
    ]
    return f"[[ ## edits ## ]]\n{json.dumps(edits)}\n\n[[ ## completed ## ]]"


@dataclass
class Model:
    """A language model behind a socket; its delays can be set between runs."""

    url: str
    delays: Delays


@contextmanager
def served_model() -> Generator[Model]:
    """Serves `edits_for` on a free port of this machine."""
    model, rng = Model("", Delays(0, 0)), np.random.default_rng()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            model.delays.wait(model.delays.answer, rng)
            chat = "\n".join(message["content"] for message in body["messages"])
            message = {"role": "assistant", "content": edits_for(chat)}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
            answer = {"id": "1", "object": "chat.completion", "created": 0, "model": "scripted"}
            payload = json.dumps({**answer, "choices": [choice], "usage": usage}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        model.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield model
        finally:
            server.shutdown()
            thread.join()


@dataclass
class SlowRenderer:
    """Draws as another renderer does, and takes longer."""

    inner: Renderer
    delays: Delays
    rng: np.random.Generator = field(default_factory=np.random.default_rng)
    batches: list[float] = field(default_factory=list)
    """Seconds that each took."""

    def render(self, requests: Sequence[RenderRequest]) -> Iterator[RenderResult]:
        """All of them, after a while."""
        started = time.perf_counter()
        self.delays.wait(self.delays.batch, self.rng)
        results = list(self.inner.render(list(requests)))
        self.batches.append(time.perf_counter() - started)
        yield from results

    def fingerprint(self) -> str:
        """That of the other."""
        return self.inner.fingerprint()

    def unread(self, prompt: str) -> str:
        """As the other says."""
        return self.inner.unread(prompt)

    def warnings(self, prompt: str) -> list[str]:
        """As the other says."""
        return self.inner.warnings(prompt)

    def describe(self) -> dict[str, str]:
        """As the other says."""
        return dict(self.inner.describe())


@dataclass(frozen=True)
class Measured:
    """A run with the time that it took."""

    wall: float
    batches: tuple[float, ...]
    records: Records
    lines: tuple[Any, ...]
    """All that was written, without times and without the run's name."""

    @property
    def answers(self) -> list[list[float]]:
        """Seconds of each question, round by round."""
        return [[a.seconds for a in record.answers] for record in self.records.proposals.values()]

    @property
    def longer(self) -> float:
        """The longer of the two sums."""
        return max(sum(self.batches), sum(max(round_) for round_ in self.answers))

    @property
    def unused(self) -> int:
        """Questions that were asked ahead and whose answers were of no use."""
        parents = {(c.iteration, c.parent) for c in self.records.candidates.values()}
        asked = [(iteration, r.parents[0]) for (iteration, _), r in self.records.proposals.items()]
        return sum(pair not in parents for pair in asked)


def timeless(value: Any) -> Any:
    """A document without its times."""
    if isinstance(value, dict):
        return {k: timeless(v) for k, v in value.items() if k != "seconds"}
    return [timeless(v) for v in value] if isinstance(value, list) else value


def measured(model: Model, folder: Path, delays: Delays, *, overlap: bool, seed: int) -> Measured:
    """One whole run."""
    model.delays = delays
    options = {"llm": "openai/scripted", "llm_base_url": model.url, "llm_cache": False}
    config = make_config({**options, "renderer": "fake", "scorer": "fake:noise", "seed": seed})
    user, clock = UserProfile(user_id="night-owl"), Clock()
    parts = build_parts(config, clock)
    renderer = SlowRenderer(parts.renderer, delays)
    parts = replace(parts, renderer=renderer)
    run = new_run_folder(folder, PROMPT)
    header = make_header(run.name, PROMPT, config, user, parts)
    started = time.perf_counter()
    with RunStore.create(run, header) as store:
        optimize(store=store, user=user, parts=parts, clock=clock, overlap=overlap)
    wall = time.perf_counter() - started
    path = run / "trajectory.jsonl"
    written = path.read_text(encoding="utf-8").replace(run.name, "RUN").splitlines()
    lines = tuple(timeless(json.loads(line)) for line in written)
    return Measured(wall, tuple(renderer.batches), read_records(path), lines)


def figures(run: Measured) -> dict[str, float]:
    """What took how long."""
    questions = [seconds for round_ in run.answers for seconds in round_]
    return {
        "wall": round(run.wall, 2),
        "batches": len(run.batches),
        "seconds of all batches": round(sum(run.batches), 2),
        "questions": len(questions),
        "questions asked ahead in vain": run.unused,
        "seconds of all questions": round(sum(questions), 2),
        "seconds of all rounds of questions": round(sum(map(max, run.answers)), 2),
        "wall / the longer sum": round(run.wall / run.longer, 3),
    }


def main() -> None:
    """Runs, compares, prints."""
    made = parser(__doc__)
    made.add_argument("--seconds", type=float, default=2.0, help="of a question and of a batch")
    made.add_argument("--seed", type=int, default=0, help="of the run")
    args = made.parse_args()
    slow = Delays(args.seconds, args.seconds)
    others = {
        "without delays": (Delays(0, 0), True),  # comes first: it loads the libraries
        "as long, overlap off": (slow, False),
        "uneven delays": (Delays(args.seconds / 2, args.seconds / 4, jitter=True), True),
        "a slow model": (Delays(args.seconds, args.seconds / 4), True),
    }
    report = Report("python -m benchmarks.overlap")
    with tempfile.TemporaryDirectory() as folder, served_model() as model:
        runs = {
            name: measured(model, Path(folder), delays, overlap=overlap, seed=args.seed)
            for name, (delays, overlap) in others.items()
        }
        main_run = measured(model, Path(folder), slow, overlap=True, seed=args.seed)
    report.figures["load by core"] = round(os.getloadavg()[0] / (os.cpu_count() or 1), 2)
    report.figures["the run"] = figures(main_run)
    for name, run in runs.items():
        report.figures[name] = figures(run)
    ratio = main_run.wall / main_run.longer
    report.bar("wall time over the longer sum", ratio, at_most=MOST, n=len(main_run.batches))
    same = [run.lines == main_run.lines for run in runs.values()]
    report.bar("runs with the same lines", float(np.mean(same)), at_least=1, n=len(same))
    report.close(json_output=args.json)


if __name__ == "__main__":
    in_one_line(main)
