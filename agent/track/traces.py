"""DSPy's traces for MLflow, with nothing in them that was to stay secret.

    mlflow.tracing.configure(span_processors=[masked])
    dspy.settings.configure(callbacks=[Discreet()])

The one rule that is not obvious: what goes in and comes out of a question can be masked on its way,
but an error can't, and it may quote the key that a server refused. So a masked one takes its place.
"""

from typing import Any

from mlflow.dspy.callback import MlflowCallback

from agent.retry import one_line
from agent.secrets import redact

LONGEST = 20_000
"""Characters of one text; a picture that a model is shown has more."""


class Discreet(MlflowCallback):
    """MLflow's callback, which gets errors without what a server or library quoted in them."""

    def on_module_end(
        self, call_id: str, outputs: Any | None, exception: Exception | None = None
    ) -> None:
        super().on_module_end(call_id, outputs, _plain(exception))

    def on_lm_end(
        self, call_id: str, outputs: Any | None, exception: Exception | None = None
    ) -> None:
        super().on_lm_end(call_id, outputs, _plain(exception))

    def on_adapter_format_end(
        self, call_id: str, outputs: Any | None, exception: Exception | None = None
    ) -> None:
        super().on_adapter_format_end(call_id, outputs, _plain(exception))

    def on_adapter_parse_end(
        self, call_id: str, outputs: Any | None, exception: Exception | None = None
    ) -> None:
        super().on_adapter_parse_end(call_id, outputs, _plain(exception))


def _plain(exception: Exception | None) -> Exception | None:
    """The error in one masked line, without its traceback and its causes."""
    return None if exception is None else RuntimeError(redact(one_line(exception)))


def masked(span: Any) -> None:
    """Masks all text of a span before it is kept."""
    span.set_inputs(_masked(span.inputs))
    span.set_outputs(_masked(span.outputs))
    for name, value in dict(span.attributes).items():
        if not name.startswith("mlflow."):
            span.set_attribute(name, _masked(value))


def _masked(value: Any) -> Any:
    match value:
        case str():
            text = redact(value)
            return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"
        case dict():
            return {str(key): _masked(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_masked(inner) for inner in value]
        case bool() | int() | float() | None:
            return value
        case _:
            return _masked(repr(value))
