"""The DSPy program that asks for edits, and the proposer that runs it.

    proposer = make_proposer("catalogue", base_url=None, seed=0)
    answers = proposer.propose(requests)        # one `Proposals` a request, in their order

The one rule that is not obvious: the signature carries the whole request as one JSON field, so
that the same program serves hosted models, models in this process and the catalogue.
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, get_args

import dspy
from pydantic import BaseModel, BeforeValidator

import prompts
from agent.compiled import find_compiled, read_compiled
from agent.edits import MAX_PROMPT
from agent.errors import InputError
from agent.lm import CatalogueSpec, HostedSpec, TransformersSpec, make_lm, parse_lm_spec
from agent.lm.engine import KeepsTime
from agent.lm.rounds import LMProposer, Manner
from agent.lm.sight import seeing
from agent.retry import RetryPolicy
from agent.trajectory import Axis

AXES: tuple[str, ...] = get_args(Axis)
AT_ONCE = 8
"""Requests that a model gets at the same time."""
LONGEST_QUESTION = 600.0
"""Seconds that a hosted model may take for one question, retries included."""


def _known_axis(value: object) -> object:
    return value if value in AXES else "free"


class EditDraft(BaseModel):
    """One edit of the prompt."""

    axis: Annotated[Axis, BeforeValidator(_known_axis)] = "free"
    instruction: str = ""
    prompt: str


class ProposeEdits(dspy.Signature):
    """A request for edits of a prompt, and the edits."""

    request: str = dspy.InputField(desc="what is known and wanted, as JSON")
    edits: list[EditDraft] = dspy.OutputField(desc="the edits, as a JSON list")


class RepairEdits(dspy.Signature):
    """The same request after an answer that could not be used, and better edits."""

    request: str = dspy.InputField(desc="what is known and wanted, as JSON")
    previous_reply: str = dspy.InputField(desc="the answer that could not be used")
    error: str = dspy.InputField(desc="what was wrong with it")
    edits: list[EditDraft] = dspy.OutputField(desc="the edits, as a JSON list")


class EditProgram(dspy.Module):
    """Asks for edits; with a broken answer and its error, asks for a better one.

    Args:
        vision: Whether the inputs hold the parent's picture, and the answer begins with a critique.
    """

    def __init__(self, *, vision: bool = False) -> None:
        super().__init__()
        self._asks = seeing if vision else _reading
        task = prompts.load("propose", axes=", ".join(AXES), max_characters=MAX_PROMPT)
        self.propose = dspy.Predict(ProposeEdits)
        self.repair = dspy.Predict(RepairEdits)
        self.instruct(task)

    def instruct(self, task: str) -> None:
        """Gives other instructions; those for broken answers hold the same ones."""
        repair = prompts.load("repair", task=task)
        self.propose.signature = self._asks(ProposeEdits, task)
        self.repair.signature = self._asks(RepairEdits, repair)

    @property
    def instructions(self) -> str:
        """Those for a first answer."""
        return instructions_of(self.propose)

    def forward(self, **inputs: Any) -> dspy.Prediction:
        """A prediction whose `edits` is a list of `EditDraft`."""
        return self.repair(**inputs) if "error" in inputs else self.propose(**inputs)


def _reading(signature: Any, task: str) -> Any:
    return signature.with_instructions(task)


def instructions_of(predictor: dspy.Predict) -> str:
    """What a predictor tells the language model to do."""
    signature: Any = predictor.signature
    return str(signature.instructions)


@dataclass(frozen=True)
class Tuned:
    """A program with compiled instructions, and where they come from."""

    program: EditProgram
    name: str
    sha256: str

    def describe(self) -> dict[str, str]:
        """For `run.json`."""
        return {"program": self.name, "program_sha256": self.sha256}


def load_program(reference: str) -> Tuned:
    """The program that `pamela-agent compile` has saved under a name or path.

    Raises:
        InputError: there is none, or it does not fit this version.
    """
    saved = read_compiled(find_compiled(reference))
    program = EditProgram()
    try:
        program.load_state(saved.state)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise InputError(
            f"the program {reference!r} does not fit this version: compile it again"
        ) from None
    return Tuned(program, reference, saved.sha256)


def _manner_of(spec: str, *, priced: bool) -> Manner:
    match parse_lm_spec(spec):
        case CatalogueSpec():
            return Manner(at_once=1, sees_all=True)
        case HostedSpec():
            return Manner(at_once=AT_ONCE, priced=priced, patience=LONGEST_QUESTION)
        case TransformersSpec():
            return Manner(at_once=AT_ONCE, patience=math.inf)


def make_proposer(  # noqa: PLR0913 - one argument a setting: builders flatten the config
    spec: str,
    *,
    base_url: str | None = None,
    seed: int = 0,
    device: str = "auto",
    cache: bool = False,
    vision: bool = False,
    limited: bool = False,
    lm: dspy.LM | None = None,
    program: str | None = None,
    policy: RetryPolicy | None = None,
    time_left: Callable[[], float | None] | None = None,
) -> LMProposer:
    """The proposer for an LM spec; a model in this process loads when it is first asked.

    Args:
        spec: `catalogue`, `<provider>/<model>` or `transformers:<path or id>`.
        base_url: Address of an OpenAI-compatible server, for hosted specs.
        seed: Of the jitter between retries; what is proposed follows each request's own seed.
        device: Where a model in this process runs.
        cache: Whether the answers of hosted models are kept, and not asked for twice.
        vision: Whether it is shown the pictures of parents.
        limited: Whether its cost is, so that a price which is not known matters on a server of
            one's own, too.
        lm: What `make_lm` has made of the spec already, which is not made again.
        program: Compiled instructions, by name or path; None are the built-in ones.
        policy: How failed calls are repeated.
        time_left: Seconds that answers may still take, or None: no limit.

    Raises:
        InputError: the spec, the address, the program or the model's folder is wrong.
        PrerequisiteError: a key or a package is missing; says which.
    """
    logging.getLogger("dspy").setLevel(logging.ERROR)  # its warnings would cut through the display
    lm = lm or make_lm(spec, base_url=base_url, device=device, cache=cache)
    if isinstance(lm.engine, KeepsTime):
        lm.engine.keep_to(time_left)
    tuned = None if program is None else load_program(program)
    return LMProposer(
        EditProgram(vision=vision) if tuned is None else tuned.program,
        lm,
        spec=spec,
        instructions={} if tuned is None else tuned.describe(),
        manner=_manner_of(spec, priced=base_url is None or limited),
        policy=policy or RetryPolicy(),
        seed=seed,
        time_left=time_left,
    )
