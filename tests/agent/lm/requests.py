"""Requests for edits, as short as a test needs them."""

from typing import Any

from agent.proposer import ProposalRequest, Tried
from prompts.catalogue import load_catalogue

MINIATURE = load_catalogue().vocabulary("miniature")


def asking(prompt: str = "a rock", **fields: Any) -> ProposalRequest:
    """A request about a user's prompt; by default for what the miniature can draw."""
    known = {
        "candidate_id": "c0000",
        "iteration": 1,
        "user_prompt": prompt,
        "parent_prompt": prompt,
        "parent_score": 3.0,
        "values": MINIATURE,
        "count": 4,
        "seed": 0,
    }
    return ProposalRequest.model_validate({**known, **fields})


def tried(prompt: str, score: float, axis: str = "lighting", gain: float = 0.0) -> Tried:
    """An edit that was tried."""
    fields = {"axis": axis, "instruction": "x", "prompt": prompt, "score": score, "gain": gain}
    return Tried.model_validate(fields)
