"""How the fields of a signature become a chat, and an answer its fields again.

    with dspy.context(lm=lm, adapter=EitherFormatAdapter()):
        program(request=document)

The chat format with its headers is what is asked for. The one rule that is not obvious: an answer
that is plain JSON instead, in a code fence or with prose around it, is read as well, and so are
plain lines (`agent.lm.lines`), without another call, because small models often answer like that.
"""

import json
from contextlib import suppress
from typing import Any, cast

import dspy
from dspy.utils.exceptions import AdapterParseError

from agent.lm.lines import read_lines

EDITS = "edits"
"""The field that plain lines can fill; others stay empty then."""


class EitherFormatAdapter(dspy.ChatAdapter):
    """Asks in the chat format; reads the chat format, JSON and plain lines."""

    def __init__(self) -> None:
        super().__init__(use_json_adapter_fallback=False)
        self._json = dspy.JSONAdapter()

    def parse(self, signature: type[dspy.Signature], completion: str) -> dict[str, Any]:
        """The fields of an answer.

        Raises:
            AdapterParseError: it is in neither format; says what the chat format missed.
        """
        try:
            return self._parse(signature, completion)
        except RecursionError:  # what repairs JSON follows it as deep as it goes
            name, reason = type(self).__name__, "it is nested too deeply"
            raise AdapterParseError(name, cast(Any, signature), completion, reason) from None

    def _parse(self, signature: type[dspy.Signature], completion: str) -> dict[str, Any]:
        try:
            return super().parse(signature, completion)
        except AdapterParseError:
            for text in (completion, _as_json(signature, completion)):
                with suppress(AdapterParseError, ValueError):
                    return self._json.parse(signature, text)
            raise


def _as_json(signature: type[dspy.Signature], completion: str) -> str:
    """The edits that stand in plain lines as the JSON that was wanted; empty if there are none."""
    edits = read_lines(completion)
    if not edits or EDITS not in signature.output_fields:
        return ""
    wanted = {name: "" for name, field in signature.output_fields.items() if field.is_required()}
    return json.dumps({**wanted, EDITS: edits})
