"""The offline default: a language model's place taken by the catalogue of edits.

    lm = dspy.LM("catalogue", engine=CatalogueEngine(), cache=False)

It reads the request out of the chat that DSPy built, draws edits (`agent.lm.draw`) and writes them
in the format that the program's adapter parses, so that the one program serves it like any other
model. Deterministic: the same request gives the same answer. The one rule that is not obvious: a
chat without a request in it is a mistake in the program, not a bad answer, so it is an error.
"""

import json

from dspy.lm15 import InvalidRequestError, Request, Response

from agent.lm.draw import draw_edits
from agent.lm.engine import read_document, text_response
from agent.proposer import ProposalRequest
from prompts.catalogue import load_catalogue

MODEL = "catalogue"


class CatalogueEngine:
    """Answers requests for edits from `prompts/catalogue.toml`."""

    def complete(self, request: Request) -> Response:
        """The edits as an answer in the chat format of DSPy."""
        document = read_document(request, "request")
        if document is None:
            raise InvalidRequestError("the catalogue answers requests for edits only")
        edits = draw_edits(ProposalRequest.model_validate(document), load_catalogue())
        listed = json.dumps([edit.model_dump() for edit in edits], ensure_ascii=False)
        return text_response(MODEL, f"[[ ## edits ## ]]\n{listed}\n\n[[ ## completed ## ]]")
