"""From a `RunConfig` to the parts that a run is made of; no part ever sees the config.

    parts = build_parts(RunConfig(renderer="fake"), clock)
    parts.describe()["renderer"]

The one rule that is not obvious: everything here is checked before anything expensive begins, and
whatever is loaded in passing counts to the stage that it is loaded for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, assert_never

from pydantic import ValidationError

from agent.clock import Clock
from agent.config import RunConfig
from agent.errors import InputError
from agent.lm import CatalogueSpec, HostedSpec, parse_lm_spec
from agent.proposer import Proposer
from agent.render.base import Renderer
from agent.search.base import Searcher
from agent.search.beam import BeamSearch
from agent.secrets import check_address
from agent.text import brief
from scorer.base import Scorer
from scorer.complaints import complaint

if TYPE_CHECKING:
    import dspy


@dataclass(frozen=True)
class Models:
    """What is loaded once and may serve many runs of the same settings."""

    renderer: Renderer
    scorer: Scorer
    lm: "dspy.LM"


@dataclass(frozen=True)
class Parts:
    """What proposes, what draws and what judges."""

    proposer: Proposer
    renderer: Renderer
    scorer: Scorer

    def describe(self) -> dict[str, dict[str, str]]:
        """What each says of itself, for `run.json`."""
        return {
            "proposer": dict(self.proposer.describe()),
            "renderer": dict(self.renderer.describe()),
            "scorer": dict(self.scorer.describe()),
        }


def option_of(field: str) -> str:
    """The command-line option that sets a field of the config."""
    return "--" + field.replace("_", "-")


def make_config(options: Mapping[str, Any]) -> RunConfig:
    """The settings with the given ones put in.

    Raises:
        InputError: one of them is out of range; names the option and its value.
    """
    try:
        config = RunConfig.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = option_of(str(first["loc"][0]))
        value = options.get(str(first["loc"][0]), first["input"])
        shown = "x".join(map(str, value)) if isinstance(value, tuple) else value
        shown = brief(shown) if isinstance(shown, str) else shown
        raise InputError(f"{name} {shown!r}: {complaint(first)}") from error
    check_address("--llm-base-url", config.llm_base_url)
    check_address("--image-base-url", config.image_base_url)
    return config


def build_parts(config: RunConfig, clock: Clock, models: Models | None = None) -> Parts:
    """Makes proposer, renderer and scorer of their specs.

    Args:
        config: The settings.
        clock: Of the run.
        models: Those of an earlier run with the same settings, which are not loaded again.

    Raises:
        InputError: a spec is unknown, or what it names is missing.
    """
    models = models or build_models(config, clock)
    with clock.stage("propose"):
        proposer = _proposer(config, clock, models.lm)
    return Parts(proposer, models.renderer, models.scorer)


def build_models(config: RunConfig, clock: Clock) -> Models:
    """Makes the models of their specs; most of them load when they are first used.

    Raises:
        InputError: a spec is unknown, or what it names is missing.
    """
    with clock.stage("propose"):
        lm = build_lm(config)
    _check_image_address(config)
    with clock.stage("render"):
        from agent.render import make_renderer

        renderer = make_renderer(
            config.renderer,
            steps=config.steps,
            guidance=config.guidance,
            size=config.size,
            device=config.device,
            dtype=config.dtype,
            offload=config.offload,
            batch_size=config.batch_size,
            image_base_url=config.image_base_url,
        )
    with clock.stage("score"):
        from scorer import make_scorer

        scorer = make_scorer(config.scorer, device=config.device, seed=config.seed)
    return Models(renderer, scorer, lm)


def build_lm(config: RunConfig) -> "dspy.LM":
    """Makes the language model alone.

    Raises:
        InputError: its spec is unknown, or what it names is missing.
    """
    _check_language_model(config)
    from agent.lm import make_lm

    return make_lm(
        config.llm, base_url=config.llm_base_url, device=config.device, cache=config.llm_cache
    )


def _check_language_model(config: RunConfig) -> None:
    """What is for some language models alone isn't given for others."""
    kind = parse_lm_spec(config.llm)
    if config.program is not None and isinstance(kind, CatalogueSpec):
        raise InputError(
            f"--program {config.program!r} is for a language model, and --llm is {config.llm!r}: "
            f"name the model that it was compiled for, or leave the program out"
        )
    if config.llm_base_url and not isinstance(kind, HostedSpec):
        raise InputError(
            f"--llm-base-url is for a hosted model, and --llm is {config.llm!r}: name the server's "
            f"model, as in --llm openai/NAME"
        )
    if config.vision and not isinstance(kind, HostedSpec):
        raise InputError(
            f"--vision shows pictures to a hosted model, and --llm is {config.llm!r}: name a model "
            f"that sees, as in --llm openai/gpt-5-mini, or that of a server with --llm-base-url"
        )
    if config.vision and config.program is not None:
        raise InputError(
            f"--program {config.program!r} was compiled for a model that is shown no pictures: "
            f"leave it out, or --vision"
        )


def _check_image_address(config: RunConfig) -> None:
    if config.image_base_url and not config.renderer.startswith("openai:"):
        raise InputError(
            f"--image-base-url is for a hosted model, and --renderer is {config.renderer!r}: name "
            f"the server's model, as in --renderer openai:NAME"
        )


def _proposer(config: RunConfig, clock: Clock, lm: "dspy.LM") -> Proposer:
    """The language model, and what steps in for it."""
    from agent.lm.fallback import FallbackProposer
    from agent.program import make_proposer

    proposer = make_proposer(
        config.llm,
        base_url=config.llm_base_url,
        seed=config.seed,
        lm=lm,
        program=config.program,
        vision=config.vision,
        limited=config.max_cost is not None,
        time_left=clock.left,
    )
    match config.fallback:
        case "catalogue" if config.llm != "catalogue":
            return FallbackProposer(proposer, make_proposer("catalogue"), time_left=clock.left)
        case "catalogue" | "none":
            return proposer
        case _:
            assert_never(config.fallback)


def build_searcher(config: RunConfig) -> Searcher:
    """The search that the settings ask for."""
    return BeamSearch(
        beam_width=config.beam_width, branching=config.branching, iterations=config.iterations
    )
