"""The values of a run: what was tried, what came of it, what it cost.

All of them are frozen; a run appends new ones and never changes an old one. The one rule that is
not obvious: `Candidate.score` is null unless its status is `scored`. Unscored is never 0.
"""

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from agent.config import RunConfig
from agent.names import SCHEMA_VERSION

if TYPE_CHECKING:
    import pandas

Axis = Literal[
    "lighting",
    "camera_angle",
    "viewpoint",
    "composition",
    "lens",
    "palette",
    "mood",
    "setting",
    "medium",
    "free",
]
CandidateStatus = Literal["scored", "pruned", "rejected", "failed"]
RunStatus = Literal["running", "done", "failed", "interrupted"]
EventType = Literal[
    "proposal_failed", "retry", "fallback", "warning", "limit", "critique", "leanings"
]
Stage = Literal["propose", "render", "score"]


class Value(BaseModel):
    """Base of the frozen values: unknown fields are an error, and so are infinite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Edit(Value):
    """One named change of a prompt, as a proposer suggests it."""

    axis: Axis
    instruction: str
    """What changes, in words ("light it with a single candle")."""
    prompt: str
    """The whole new prompt."""


class Image(Value):
    """A picture that belongs to a candidate."""

    path: str
    """Relative to the run's folder: `images/….png`."""
    seed: int
    sha256: str
    """Of the decoded RGB pixels, not of the file."""


class Candidate(Value):
    """A prompt that was tried, with its pictures and scores (means over its seeds)."""

    id: str
    parent: str | None = None
    iteration: int
    prompt: str
    edit: Edit | None = None
    """Null for the user's own prompt."""
    status: CandidateStatus
    score: float | None = None
    """What the search maximises; null unless `status` is `scored`."""
    scores: dict[str, float] = Field(default_factory=dict)
    """By name: `personal`, `adherence`, `saturation`, …"""
    images: tuple[Image, ...] = ()
    error: str | None = None
    seconds: dict[str, float] = Field(default_factory=dict)
    """By stage."""


class Step(Value):
    """What the beam held after an iteration."""

    iteration: int
    beam: tuple[str, ...]
    """Candidate ids, best first."""
    best_score: float | None


class Event(Value):
    """Something that the reader of a run should know."""

    type: EventType
    iteration: int
    message: str

    @property
    def is_trouble(self) -> bool:
        """Whether something did not go as it should; what was expected beforehand is none."""
        return self.type != "leanings"


class Heldout(Value):
    """One picture on a held-out seed, of the initial or of the best prompt."""

    candidate: str
    seed: int
    score: float | None
    image: Image | None = None
    scores: dict[str, float] = Field(default_factory=dict)
    error: str | None = None


class Gain(Value):
    """How much better the best prompt is than the user's own, in points of the rating scale."""

    search: float | None = None
    """On the seeds that the search optimised: optimistic."""
    heldout: float | None = None
    """On seeds drawn only at the end: the headline."""
    heldout_ci95: tuple[float, float] | None = None
    """Paired t-interval over seeds; null with fewer than two seeds."""


class Seconds(Value):
    """Wall time by stage; `overhead` is time in which no stage was active."""

    propose: float = 0.0
    render: float = 0.0
    score: float = 0.0
    overhead: float = 0.0
    total: float = 0.0


class Usage(Value):
    """What the run spent."""

    llm_calls: int = 0
    failed_proposals: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float = 0.0
    renders: int = 0
    """Pictures drawn or taken from the cache, held-out ones included."""
    seconds: Seconds = Seconds()


class Origin(Value):
    """Where a run began that did not begin with somebody's own words."""

    run: str | None = None
    """The run that it came from; null for a picture of another program."""
    candidate: str | None = None
    """The candidate of it whose prompt it began with."""
    picture: str | None = None
    """The name of the picture that said so, without its folder."""
    repeats: bool = False
    """Whether it repeats the whole run, rather than going on from the candidate."""

    @property
    def in_words(self) -> str:
        """`20261124-1530-mossy-rocks-ab12, c0012`, with the picture that said so."""
        words = ", ".join(name for name in (self.run, self.candidate) if name)
        if self.picture is not None:
            words = f"the picture {self.picture}" + (f" of {words}" if words else "")
        return f"{words} (repeated)" if self.repeats else words


class Trajectory(Value):
    """A whole run, as `pamela-agent show --json` prints it."""

    schema_version: int = SCHEMA_VERSION
    id: str
    status: RunStatus
    prompt: str
    user_id: str
    config: RunConfig
    origin: Origin | None = None
    initial: Candidate | None = None
    best: Candidate | None = None
    gain: Gain = Gain()
    steps: tuple[Step, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    events: tuple[Event, ...] = ()
    heldout: tuple[Heldout, ...] = ()
    usage: Usage = Usage()

    def to_frame(self) -> "pandas.DataFrame":
        """A row a candidate, with the ids as its index; pandas is imported for it.

        Raises:
            PrerequisiteError: pandas is not there.
        """
        from agent.look.table import frame_of

        return frame_of(self)
