"""Keeps a model in this process to the form of an answer, token by token, where that is possible.

    grammar = make_grammar(tokenizer, vocabulary=128_256, eos=[128_009])    # None: not possible
    processor = Constraint([grammar.matcher(document)])                     # one matcher a row

llguidance says which tokens may come next, so that the answer is the header, a JSON list of edits
and the marker of the end, exactly as the adapter asks for it. The one rule that is not obvious:
texts have a longest length in it, because a small model that has lost its way would otherwise
never close a quotation mark.
"""

import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from transformers import LogitsProcessor

from agent.edits import MAX_INSTRUCTION, MAX_PROMPT

LIBRARY = "llguidance"
INSTALL = "pip install 'pamela-agent[constrained]'"
LONGEST_ADDITION = 300
"""Characters by which an edit may be longer than the prompt that it edits."""
COMPACT = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""As models write JSON by themselves; free white space could go on for ever."""


def is_installed() -> bool:
    """Whether the library is there that knows which tokens may come next."""
    return find_spec(LIBRARY) is not None


class Grammar:
    """Makes the matchers that follow one answer each.

    Args:
        tokenizer: llguidance's view of the model's tokenizer.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def matcher(self, document: Mapping[str, Any] | None) -> Any:
        """Follows the answer to a request for edits; None for a chat that is about anything else.

        Args:
            document: The request.
        """
        from llguidance import LLMatcher

        if not document or not isinstance(document.get("count"), int):
            return None
        matcher = LLMatcher(self._tokenizer, edits_grammar(document), log_level=0)
        return None if matcher.is_error() else matcher


def make_grammar(tokenizer: Any, *, vocabulary: int, eos: int | list[int]) -> Grammar | None:
    """The grammar for a model; None without the library or with a tokenizer that it can't read.

    Args:
        tokenizer: Of transformers.
        vocabulary: Numbers that the model gives for a next token.
        eos: The tokens that end an answer.
    """
    if not is_installed():
        return None
    from llguidance.hf import from_tokenizer

    try:
        return Grammar(from_tokenizer(tokenizer, n_vocab=vocabulary, eos_token=eos))
    except Exception:  # noqa: BLE001 - without it the model answers as it likes, which is read too
        return None


def edits_grammar(document: Mapping[str, Any]) -> str:
    """What an answer may look like, as a Lark grammar with a JSON schema in it."""
    longest = min(MAX_PROMPT, len(str(document.get("parent_prompt", ""))) + LONGEST_ADDITION)
    axes = list(document.get("axes") or ())
    fields = {
        "axis": {"enum": axes} if axes else {"type": "string", "maxLength": MAX_INSTRUCTION},
        "instruction": {"type": "string", "minLength": 1, "maxLength": MAX_INSTRUCTION},
        "prompt": {"type": "string", "minLength": 1, "maxLength": longest},
    }
    edit = {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }
    edits = {"type": "array", "minItems": 1, "maxItems": document["count"], "items": edit}
    listed = json.dumps({"x-guidance": COMPACT, **edits})
    return (
        'start: "[[ ## edits ## ]]\\n" edits "\\n\\n[[ ## completed ## ]]"\n'
        f"edits: %json {listed}\n"
    )


class Constraint(LogitsProcessor):
    """Makes every token impossible that the grammar of its row forbids.

    Args:
        matchers: One a row, None where anything may be said.
    """

    def __init__(self, matchers: Sequence[Any]) -> None:
        self._matchers = list(matchers)
        self._begun = False

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """The scores (batch, token), those of forbidden tokens minus infinity."""
        from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask

        allowed = allocate_token_bitmask(len(self._matchers), scores.shape[-1])
        for row, matcher in enumerate(self._matchers):
            if matcher is None:
                continue
            if self._begun and not matcher.is_stopped():
                matcher.consume_token(int(input_ids[row, -1]))
            fill_next_token_bitmask(matcher, allowed, row)
        self._begun = True
        bits = np.unpackbits(allowed.view(np.uint8), axis=1, bitorder="little")
        forbidden = torch.from_numpy(bits[:, : scores.shape[-1]] == 0)
        return scores.masked_fill(forbidden.to(scores.device), float("-inf"))
