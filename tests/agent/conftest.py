"""A small run at hand: a scripted proposer, the shipped fakes, and a folder of its own."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from agent.builders import Parts, make_config
from agent.header import make_header
from agent.proposer import ProposalRequest, Proposals
from agent.render.fake import FakeRenderer
from agent.store import RunStore, new_run_folder
from agent.trajectory import Edit
from scorer import UserProfile, make_scorer

WORDS = (
    "neon",
    "mist",
    "snow",
    "dusk",
    "gold",
    "rain",
    "ice",
    "ash",
    "moss",
    "rust",
    "fern",
    "tar",
)


class ScriptedProposer:
    """A `Proposer` that appends words picked by the request's seed, and counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def propose(self, requests: list[ProposalRequest]) -> list[Proposals]:
        self.calls += 1
        return [self._answer(request) for request in requests]

    def _answer(self, request: ProposalRequest) -> Proposals:
        start = int(hashlib.sha256(str(request.seed).encode()).hexdigest(), 16)
        words = [WORDS[(start + n) % len(WORDS)] for n in range(request.count)]
        edits = tuple(
            Edit(axis="mood", instruction=f"add {word}", prompt=f"{request.parent_prompt}, {word}")
            for word in words
        )
        return Proposals(edits=edits, llm_calls=1, tokens_in=10, tokens_out=5, cost_usd=0.01)

    def describe(self) -> Mapping[str, str]:
        return {"llm": "scripted"}


@pytest.fixture
def user() -> UserProfile:
    return UserProfile(user_id="night-owl", likes=("low-key light",))


@pytest.fixture
def parts() -> Parts:
    return Parts(ScriptedProposer(), FakeRenderer((16, 16)), make_scorer("fake:noise", seed=0))


@pytest.fixture
def new_store(tmp_path: Path, user: UserProfile, parts: Parts) -> Callable[..., RunStore]:
    """Makes the store of a new run; keywords are fields of the config."""

    def make(prompt: str = "floating rocks", **options: Any) -> RunStore:
        fakes = {"renderer": "fake", "scorer": "fake:noise"}
        small = {"branching": 4, "iterations": 2, "heldout_seeds": 3}
        config = make_config({**fakes, **small, **options})
        folder = new_run_folder(tmp_path / "runs", prompt)
        return RunStore.create(folder, make_header(folder.name, prompt, config, user, parts))

    return make
