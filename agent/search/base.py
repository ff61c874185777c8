"""The boundary to the search: ask and tell, as optimisers do it. Pure: no files, no models."""

from dataclasses import dataclass
from typing import Protocol

from agent.trajectory import Candidate, Step


@dataclass(frozen=True)
class Expansion:
    """A candidate to expand, and how many edits of it are wanted."""

    parent: str
    count: int


class Searcher(Protocol):
    """Decides what to try next.

    Contract: `tell` is called first with the user's own prompt as the only candidate, then once
    for every `ask` with all candidates that came of it (scored, rejected and failed ones).
    Deterministic from its settings and what it was told, so that resuming is replaying `tell`.
    Scores within 1e-3 are a tie, broken by id. `step()` is the state after the last `tell`. It can
    be copied (`copy.deepcopy`), and a copy be told of a part of what came of an `ask`, to see what
    would be asked for if that were all.
    """

    @property
    def done(self) -> bool: ...

    def ask(self) -> list[Expansion]: ...

    def tell(self, candidates: list[Candidate]) -> None: ...

    def step(self) -> Step: ...
