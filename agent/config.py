"""What a run is asked to do. Builders flatten it: no part below the loop sees a `RunConfig`."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from agent.text import is_blank

Device = Literal["auto", "cpu", "cuda", "mps"]
Dtype = Literal["auto", "float32", "bfloat16", "float16"]
Offload = Literal["none", "model", "sequential"]
Stray = Literal["none", "low", "medium", "high"]
"""What of the user's words has to stay: all of them, their meaning, the subject, nothing."""
Fallback = Literal["catalogue", "none"]
MAX_PROMPT = 2000
"""Characters of what a user says."""


def _said(words: str) -> str:
    """On one line; what nothing can be seen of is no words."""
    line = " ".join(words.split())
    if is_blank(line):
        raise ValueError("names no words: give some of the prompt, or leave it out")
    if len(line) > MAX_PROMPT:
        raise ValueError(f"has {len(line)} characters, {MAX_PROMPT} are allowed")
    return line


Words = Annotated[str, AfterValidator(_said)]
Pixels = Annotated[int, Field(ge=16, le=8192)]


class RunConfig(BaseModel):
    """The settings of one run; the defaults are those of the demo."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    llm: str = "catalogue"
    """Language model spec: `catalogue`, `<provider>/<model>` or `transformers:<path or id>`."""
    llm_base_url: str | None = None
    """Address of an OpenAI-compatible server."""
    program: str | None = None
    """Compiled instructions of the language model, by name or path; null are the built-in ones."""
    fallback: Fallback = "catalogue"
    """What proposes edits where the language model's answer is of no use."""
    llm_cache: bool = True
    """Whether the answers of hosted models are kept, and not asked for twice."""
    vision: bool = False
    """Whether the language model is shown the picture whose prompt it edits."""
    renderer: str = "miniature"
    """Renderer spec: `miniature`, `diffusers:<path or id>`, `openai:<model>`, `scene`, `fake`."""
    image_base_url: str | None = None
    """Address of a server with an OpenAI-compatible images API."""
    scorer: str = "pamela"
    """Scorer spec: `pamela[:<path or id>]`, `average`, `fake:noise`."""
    beam_width: int = Field(default=3, ge=1, le=64)
    """How many candidates survive an iteration."""
    branching: int = Field(default=2, ge=1, le=64)
    """How many edits are asked for of each survivor."""
    iterations: int = Field(default=4, ge=0, le=1000)
    """How often the beam is expanded."""
    seeds: int = Field(default=2, ge=1, le=64)
    """Pictures drawn of each candidate; its score is their mean."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Where all randomness of the run starts."""
    heldout_seeds: int = Field(default=8, ge=0, le=256)
    """Fresh seeds on which the initial and the best prompt are compared at the end."""
    steps: int | None = Field(default=None, ge=1, le=1000)
    """Denoising steps; null leaves it to the renderer."""
    guidance: float | None = Field(default=None, ge=0, le=100)
    """Guidance scale; null leaves it to the renderer."""
    size: tuple[Pixels, Pixels] | None = None
    """Width and height in pixels; null leaves it to the renderer."""
    device: Device = "auto"
    dtype: Dtype = "auto"
    offload: Offload = "none"
    """What a large pipeline keeps off the accelerator."""
    batch_size: int = Field(default=8, ge=1, le=256)
    """Pictures drawn at once."""
    adherence_tolerance: float | None = Field(default=None, ge=0)
    """How far a candidate's adherence may fall below the initial one before it is rejected."""
    stray: Stray = "medium"
    """How far the words of an edit may leave the user's before it is rejected undrawn."""
    keep: Words | None = None
    """The user's words, where the prompt says more than these; null takes all of it for theirs."""
    max_renders: int | None = Field(default=None, ge=1)
    max_cost: float | None = Field(default=None, ge=0)
    """US dollars."""
    time_limit: float | None = Field(default=None, gt=0)
    """Seconds."""

    def words_of(self, prompt: str) -> str:
        """The user's own words in the prompt that a run begins with."""
        return prompt if self.keep is None else self.keep
