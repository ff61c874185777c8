"""Runs in a real MLflow store: a SQLite file in a temporary folder."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.errors import PrerequisiteError
from agent.store import load_run
from agent.track import make_tracker
from tests.agent.cli.conftest import FAKES, ROOT, Answer
from tests.agent.lm.chat_server import Reply, chat_server, edits_reply

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when it is imported
mlflow: Any = pytest.importorskip("mlflow")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # MLflow's own use of SQLAlchemy
]

Run = Callable[..., Answer]
KEY = "planted-for-the-tracker-0123456789"


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without runs: making its tables takes seconds."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def client(here: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    shutil.copy(empty_store, here / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{here / 'mlflow.db'}")
    monkeypatch.setenv("PAMELA_CACHE_DIR", str(here / "cache"))
    yield mlflow.MlflowClient(f"sqlite:///{here / 'mlflow.db'}")
    assert mlflow.active_run() is None


def tracked_runs(client: Any) -> list[Any]:
    found = client.get_experiment_by_name("pamela-agent")
    return list(client.search_runs([found.experiment_id])) if found is not None else []


def served(small_run: Run, script: Callable[[dict[str, Any], int], Reply], *words: str) -> Answer:
    with chat_server(script) as server:
        llm = ("--llm", "openai/scripted", "--llm-base-url", server.url)
        return small_run(*llm, "--branching", "2", "--track", "mlflow", *words)


def good(_body: dict[str, Any], number: int) -> Reply:
    return Reply(edits_reply(*(("mood", "x", f"rocks, {number} {n}") for n in range(2))))


def test_a_run_stands_in_the_store_as_it_was(small_run: Run, client: Any):
    answer = small_run("--track", "mlflow", "--json", "--iterations", "2", "--seed", "4")
    run = load_run(Path("runs") / answer.document["id"])
    (kept,) = tracked_runs(client)
    scores = client.get_metric_history(kept.info.run_id, "best_score")
    artifacts = Path(kept.info.artifact_uri.removeprefix("file://"))

    assert (answer.code, kept.info.status, kept.info.run_name) == (0, "FINISHED", run.id)
    assert kept.data.params["prompt"] == run.prompt
    assert kept.data.params["seed"] == "4"
    assert [(m.step, m.value) for m in scores] == [(s.iteration, s.best_score) for s in run.steps]
    assert kept.data.metrics["heldout_gain"] == pytest.approx(run.gain.heldout)
    assert kept.data.metrics["renders"] == run.usage.renders
    names = {path.name for path in (artifacts / "images").iterdir()}
    assert {Path(i.path).name for c in run.candidates for i in c.images} <= names
    assert (artifacts / "best" / "iteration-002").is_dir()
    assert (artifacts / "report.html").is_file()


def test_a_resumed_run_goes_on_with_its_own(small_run: Run, pamela: Run, client: Any):
    answer = small_run("--track", "mlflow", "--json", "--iterations", "2")
    path = Path("runs") / answer.document["id"] / "trajectory.jsonl"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    assert pamela("run", "--resume", "latest", "--track", "mlflow").code == 0
    (kept,) = tracked_runs(client)
    assert kept.info.status == "FINISHED"


def test_questions_stand_in_the_traces_of_the_run(small_run: Run, client: Any):
    answer = served(small_run, good)
    (kept,) = tracked_runs(client)
    traces = client.search_traces(experiment_ids=[kept.info.experiment_id])
    spans = [span for trace in traces for span in trace.data.spans]

    assert answer.code == 0
    assert len(traces) == load_run(next(Path("runs").iterdir())).usage.llm_calls
    assert {t.info.trace_metadata["mlflow.sourceRun"] for t in traces} == {kept.info.run_id}
    assert {"EditProgram.forward", "Predict.forward"} <= {span.name for span in spans}
    assert any("rocks, 0 0" in json.dumps(span.outputs, default=str) for span in spans)


@pytest.mark.parametrize("status", [200, 400, 401, 429])
def test_a_planted_key_is_nowhere_in_the_store(
    small_run: Run,
    client: Any,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("PAMELA_TRACEBACK", "1")
    said = f"the key is {KEY}"
    reply = Reply(edits_reply(("mood", said, f"rocks, {said}")) if status == 200 else said, status)
    answer = served(small_run, lambda _body, _number: reply)
    files = [path for path in here.rglob("*") if path.is_file()]
    store = b"".join(path.read_bytes() for path in files if "runs" not in path.parts[-4:])

    assert answer.code in (0, 1, 2)
    assert KEY not in answer.out + answer.err
    assert len(tracked_runs(client)) == 1
    assert b"EditProgram" in store
    assert KEY.encode() not in store


def test_a_store_that_can_not_be_used_is_one_warning(
    small_run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////proc/no/such/folder/mlflow.db")
    answer = small_run("--track", "mlflow")

    assert answer.code == 0
    assert answer.err.count("the run is not tracked any further") == 1
    assert load_run(next((here / "runs").iterdir())).status == "done"


def test_nothing_of_it_is_imported_otherwise(here: Path):
    code = (
        "import sys; from agent.cli.main import main; "
        f"code = main({['run', '--user', 'me.json', '--prompt', 'rocks', '--quiet', *FAKES]!r}); "
        "print(code, 'mlflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=here,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "PAMELA_CACHE_DIR": str(here / "cache")},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines()[-1] == "0 False"


def test_where_it_is_missing_the_line_that_gets_it_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)

    with pytest.raises(PrerequisiteError, match=r"pip install 'pamela-agent\[mlflow\]'"):
        make_tracker("mlflow")
