"""How fast one looks into runs: 500 of them, one with 2,000 candidates.

Makes the runs with the shipped fakes' pictures in the run folder's own format, then times the
command `runs` as a process of its own, the report of the largest run and of the demo's search, and
the pages of `view` behind a real server, the first time (nothing is known yet) and the second.
CPU seconds stand beside wall time, because the machine may do other things too.
"""

import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

from agent.builders import make_config
from agent.header import make_header
from agent.judge import Draft, Take, judged
from agent.look.report import write_report
from agent.records import INITIAL_ID, Result
from agent.render.base import RenderRequest
from agent.render.fake import FakeRenderer
from agent.search.beam import ranked
from agent.store import RunStore, Shot
from agent.trajectory import Candidate, Edit, Gain, Step, Usage
from benchmarks.report import Report, in_one_line, parser
from benchmarks.runs import parts_for
from prompts.catalogue import load_catalogue
from scorer.base import Scores
from scorer.profile import UserProfile

if TYPE_CHECKING:
    from agent.look.page.site import Settings

COMMAND = Path(sys.executable).parent / "pamela-agent"
RUNS, LARGE, SEEDS, WIDTH, BRANCHING = 500, 2000, 2, 8, 8
FAKES = {"renderer": "fake", "scorer": "fake:noise"}
TRIES = 5


@contextmanager
def timed(into: dict[str, float]) -> Generator[None]:
    """Wall and CPU seconds of this process."""
    wall, cpu = time.monotonic(), time.process_time()
    yield
    into |= {"wall": time.monotonic() - wall, "cpu": time.process_time() - cpu}


def command_seconds(words: Sequence[str]) -> dict[str, float]:
    """The least wall and CPU seconds of a command of several tries."""
    walls, cpus = [], []
    for _ in range(TRIES):
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run(  # noqa: S603 - our own command, fixed arguments
            [str(COMMAND), *words], capture_output=True, check=True, env=os.environ
        )
        walls.append(time.monotonic() - started)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {"wall": min(walls), "cpu": min(cpus)}


def make_run(runs_dir: Path, number: int, count: int, size: int) -> Path:
    """A finished run of `count` candidates, kept as a search keeps it."""
    folder = runs_dir / f"2026010{number % 9 + 1}-{number:04d}-a-rock-by-a-lake-{number:04x}"
    folder.mkdir(parents=True)
    config = make_config(
        {**FAKES, "beam_width": WIDTH, "branching": BRANCHING, "size": (size, size)}
    )
    user = UserProfile(user_id="simulated")
    header = make_header(folder.name, "a rock by a lake", config, user, parts_for(FAKES))
    rng = np.random.default_rng(number)
    with RunStore.create(folder, header) as store:
        beam: list[Candidate] = []
        for iteration, drafts in enumerate(_drafts(rng, count, beam)):
            made = [_tried(store, draft, rng, size) for draft in drafts]
            beam[:] = ranked([*beam, *made])[:WIDTH]
            best = beam[0]
            names = tuple(candidate.id for candidate in beam)
            store.record(Step(iteration=iteration, beam=names, best_score=best.score))
        store.publish_best(beam[0])
        gain = Gain(search=0.5, heldout=0.4, heldout_ci95=(0.2, 0.6))
        usage = Usage(renders=count * SEEDS)
        store.record(Result(status="done", best=beam[0].id, gain=gain, usage=usage))
    return folder


def _drafts(
    rng: np.random.Generator, count: int, beam: Sequence[Candidate]
) -> Iterator[list[Draft]]:
    """The drafts of each iteration, made from the beam of the last."""
    yield [Draft(INITIAL_ID, None, 0, "a rock by a lake", None)]
    values = load_catalogue().values
    number, iteration = 1, 1
    while number < count:
        drafts: list[Draft] = []
        for _ in range(min(WIDTH * BRANCHING, count - number)):
            parent = beam[int(rng.integers(len(beam)))]
            value = values[int(rng.integers(len(values)))]
            parts = parent.prompt.split(", ")[:4]
            prompt = ", ".join([*parts, value.phrase])
            edit = Edit.model_validate(
                {"axis": value.axis, "instruction": value.say, "prompt": prompt}
            )
            drafts.append(Draft(f"c{number:04d}", parent.id, iteration, prompt, edit))
            number += 1
        yield drafts
        iteration += 1


def _tried(store: RunStore, draft: Draft, rng: np.random.Generator, size: int) -> Candidate:
    requests = [RenderRequest(draft.prompt, seed, size, size) for seed in range(SEEDS)]
    takes: list[Take] = []
    for request, result in zip(requests, FakeRenderer().render(requests), strict=True):
        assert result.image is not None  # noqa: S101 - the fake never fails
        image = store.save_image(Shot(draft.id, draft.prompt, request.seed), result.image)
        parts = {"adherence": 0.2, "saturation": float(rng.random()), "sharpness": 90.0}
        scores = Scores(float(rng.normal(3.0, 0.5)), parts)
        takes.append(Take(draft.id, request.seed, image, scores))
    candidate = judged(draft, takes, floor=None, seconds={})
    store.record(candidate)
    return candidate


def main() -> None:
    """Makes, measures, prints."""
    args = parser(__doc__).parse_args()
    report = Report("python -m benchmarks.inspect")
    with tempfile.TemporaryDirectory() as place:
        runs_dir = Path(place) / "runs"
        large = make_run(runs_dir, 0, LARGE, size=128)
        for number in range(1, RUNS):
            make_run(runs_dir, number, 13, size=16)
        listed = command_seconds(["runs", "--runs-dir", str(runs_dir)])
        spent: dict[str, float] = {}
        with timed(spent):
            page = write_report(large)
        size = page.stat().st_size / 1e6
        pages = _pages(runs_dir, large)
        small = _demo_sized(runs_dir)
    report.figures |= {"runs": listed, "report of 2,000 candidates": spent, "of 37": small}
    report.figures["loading what the report needs"] = _loading()
    report.bar("CPU seconds of `runs` over 500 runs", listed["cpu"], at_most=0.5, n=TRIES)
    report.figures["pages"] = pages
    for name, limit in (("list", 0.5), ("large run", 1.0)):
        cost = pages[name]["first"]["cpu"]
        report.bar(f"CPU seconds of the page: {name}, first time", cost, at_most=limit, n=1)
    report.bar("megabytes of the report of 2,000 candidates", size, at_most=25, n=1)
    report.bar("CPU seconds of it", spent["cpu"], at_most=30, n=1)
    report.bar("CPU seconds of the demo's report", small["cpu"], at_most=0.5, n=TRIES)
    report.close(json_output=args.json)


def _pages(runs_dir: Path, large: Path) -> dict[str, dict[str, dict[str, float]]]:
    """What the list of all runs and the page of the large one cost, client and all."""
    from agent.look.page.site import Settings

    paths = {
        "list": "/",
        "list, searched": "/?q=rock&status=done&part=5",
        "large run": f"/runs/{large.name}",
        "its last part": f"/runs/{large.name}?part=999",
    }
    spent: dict[str, dict[str, dict[str, float]]] = {}
    with _served(Settings(runs_dir=runs_dir)) as url, httpx.Client(timeout=60) as client:
        client.get(f"{url}/nothing")
        for name, path in paths.items():
            spent[name] = {}
            for time_ in ("first", "second"):
                spent[name][time_] = {}
                with timed(spent[name][time_]):
                    client.get(url + path).raise_for_status()
    return spent


@contextmanager
def _served(settings: "Settings") -> Generator[str]:
    """The page behind a real server, in a thread."""
    import uvicorn

    from agent.look.page.app import make_app
    from agent.look.page.door import Door
    from agent.look.page.site import Site

    site = Site(settings, Door("127.0.0.1"))
    site.warm_up()
    app = make_app(site)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def _demo_sized(runs_dir: Path) -> dict[str, float]:
    """The report of a run as large as the demo's, with everything loaded that a run loads."""
    folder = make_run(runs_dir, RUNS, 45, size=128)
    tries: list[dict[str, float]] = []
    for _ in range(TRIES):
        spent: dict[str, float] = {}
        with timed(spent):
            write_report(folder)
        tries.append(spent)
    return {name: min(spent[name] for spent in tries) for name in ("wall", "cpu")}


def _loading() -> dict[str, Any]:
    """What the report's own libraries cost once they are needed, in a new process."""
    code = (
        "import json, time; import agent.optimize, scipy.special;"
        "w, c = time.monotonic(), time.process_time();"
        "import jinja2, agent.look.report.view;"
        "print(json.dumps({'wall': time.monotonic() - w, 'cpu': time.process_time() - c}))"
    )
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout))


if __name__ == "__main__":
    in_one_line(main)
