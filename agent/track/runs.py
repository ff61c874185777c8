"""A run as MLflow keeps runs: parameters, metrics by iteration, pictures, and DSPy's traces.

    tracker = make_tracker("mlflow")

Where to is MLflow's own affair: `MLFLOW_TRACKING_URI`, else `mlflow.db` in the working folder;
`MLFLOW_EXPERIMENT_NAME`, else `pamela-agent`. The one rule that is not obvious: a key may stand in
what a server answers, so every text on its way into a trace is masked first
(docs/decisions/0028-runs-in-mlflow.md).
"""

import logging
import os
from typing import TYPE_CHECKING, Any

from agent.errors import PrerequisiteError
from agent.names import IMAGES, REPORT
from agent.observer import Row
from agent.secrets import redact
from agent.store import RunStore
from agent.trajectory import Trajectory

if TYPE_CHECKING:
    pass

EXPERIMENT = "pamela-agent"
TAG = "pamela.run"
ENDS = {"done": "FINISHED", "interrupted": "KILLED"}
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",  # it would cut through the display
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # a server that is gone is not waited for
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "GIT_PYTHON_REFRESH": "quiet",
}


class MlflowTracker:
    """A `Tracker` that writes one MLflow run; a resumed run goes on with its own.

    Raises:
        PrerequisiteError: MLflow is not there.
    """

    def __init__(self) -> None:
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        try:
            import mlflow
        except ImportError:
            raise PrerequisiteError(
                "--track mlflow needs MLflow: pip install 'pamela-agent[mlflow]'"
            ) from None
        self._mlflow: Any = mlflow
        self._begun = False

    def begin(self, store: RunStore) -> None:
        """Opens the run there and says what it was asked to do."""
        mlflow, header = self._mlflow, store.header
        for noisy in ("alembic", "mlflow"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        found = mlflow.set_experiment(os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT)
        known = mlflow.search_runs(
            [found.experiment_id], f"tags.`{TAG}` = '{header.id}'", output_format="list"
        )
        mlflow.start_run(
            run_id=known[0].info.run_id if known else None,
            run_name=header.id,
            tags={TAG: header.id, **_origin(store)},
            nested=mlflow.active_run() is not None,
        )
        self._begun = True
        said = header.config.model_dump(mode="json", exclude_none=True)
        said |= {"prompt": header.prompt, "user_id": header.user_id}
        mlflow.log_params({name: redact(str(value)) for name, value in said.items()})
        if header.config.llm != "catalogue":
            self._follow_questions()

    def row(self, row: Row, store: RunStore) -> None:
        """The figures of an iteration, and its best picture."""
        mlflow, best = self._mlflow, store.records.best
        figures = {
            "best_score": row.best_score,
            "gain": row.gain,
            "pictures": row.pictures,
            "seconds": row.seconds,
            **{f"best_{name}": value for name, value in (best.scores if best else {}).items()},
        }
        known = {name: float(value) for name, value in figures.items() if value is not None}
        mlflow.log_metrics(known, step=row.iteration)
        if best is not None and best.images:
            place = store.folder / best.images[0].path
            mlflow.log_artifact(str(place), f"best/iteration-{row.iteration:03d}")

    def end(self, run: Trajectory | None, store: RunStore) -> None:
        """What came of it, with all pictures and the report."""
        mlflow = self._mlflow
        try:
            self._leave_questions()
            if run is not None:
                mlflow.log_metrics(_outcome(run))
                if run.best is not None:
                    mlflow.set_tag("pamela.best_prompt", redact(run.best.prompt))
                mlflow.log_artifacts(str(store.folder / IMAGES), IMAGES)
                if (store.folder / REPORT).is_file():
                    mlflow.log_artifact(str(store.folder / REPORT))
        finally:
            if self._begun:
                mlflow.end_run(ENDS.get(run.status, "FAILED") if run is not None else "FAILED")

    def _follow_questions(self) -> None:
        """Has DSPy tell MLflow of every question, through a callback that keeps secrets."""
        import dspy
        from mlflow.dspy.callback import MlflowCallback

        from agent.track.traces import Discreet, masked

        self._mlflow.tracing.configure(span_processors=[masked])
        self._mlflow.dspy.autolog(silent=True)
        others = [c for c in dspy.settings.callbacks if not isinstance(c, MlflowCallback)]
        dspy.settings.configure(callbacks=[*others, Discreet()])

    def _leave_questions(self) -> None:
        self._mlflow.dspy.autolog(disable=True, silent=True)
        self._mlflow.flush_trace_async_logging()
        self._mlflow.tracing.configure(span_processors=[])


def _origin(store: RunStore) -> dict[str, str]:
    origin = store.header.origin
    return {} if origin is None else {"pamela.began_from": redact(origin.in_words)}


def _outcome(run: Trajectory) -> dict[str, float]:
    gain, usage = run.gain, run.usage
    low, high = gain.heldout_ci95 or (None, None)
    figures = {
        "search_gain": gain.search,
        "heldout_gain": gain.heldout,
        "heldout_gain_low": low,
        "heldout_gain_high": high,
        "llm_calls": usage.llm_calls,
        "tokens_in": usage.tokens_in,
        "tokens_out": usage.tokens_out,
        "cost_usd": usage.cost_usd,
        "renders": usage.renders,
        **{f"seconds_{stage}": value for stage, value in usage.seconds.model_dump().items()},
    }
    return {name: float(value) for name, value in figures.items() if value is not None}
