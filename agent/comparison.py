"""Language models side by side: the same prompts, people, budgets and seeds for each.

    plan = make_plan(specs, prompts, people, options, runs_dir=Path("runs"))
    for contender in plan.contenders:
        runs = [take_part(plan, contender, pairing) for pairing in plan.pairings]

Every search is an ordinary run in the runs folder. The one rule that is not obvious: a run that is
there already is taken if it has the same settings, prompt, profile, models and texts, whoever
began it, and one of those that was interrupted is gone on with; so a comparison that was stopped,
or gets one more model, does nothing twice.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agent.builders import Models, build_lm, build_models, build_parts, make_config
from agent.clock import Clock
from agent.config import RunConfig
from agent.find import Found, list_runs
from agent.folder import check_writable
from agent.header import profile_digest
from agent.limits import plan_budget
from agent.lm import CatalogueSpec, HostedSpec, parse_lm_spec
from agent.lm.spec import split_address
from agent.names import LINES
from agent.observer import Observer
from agent.records import read_records
from agent.session import Order, Outcome, improve
from agent.standings import Search, Standing, gains, standing
from agent.store import load_run
from agent.trajectory import SCHEMA_VERSION
from scorer.profile import UserProfile

CATALOGUE = "catalogue"


@dataclass(frozen=True)
class Pairing:
    """A prompt and a person: one search for each language model."""

    prompt: str
    place: Path
    """Of the profile."""
    user: UserProfile


@dataclass(frozen=True)
class Contender:
    """A language model with the settings of its runs."""

    name: str
    """As it was given."""
    options: Mapping[str, Any]

    @property
    def config(self) -> RunConfig:
        """All settings of its runs."""
        return make_config(self.options)


@dataclass(frozen=True)
class Plan:
    """What is to be compared."""

    contenders: tuple[Contender, ...]
    pairings: tuple[Pairing, ...]
    runs_dir: Path
    models: Models
    """Renderer and scorer serve all contenders."""


def make_plan(
    specs: Sequence[str],
    prompts: Sequence[str],
    people: Mapping[Path, UserProfile],
    options: Mapping[str, Any],
    *,
    runs_dir: Path,
) -> Plan:
    """Makes sure that everything can be used, before anything is spent.

    Args:
        specs: Of the language models, each `SPEC` or `SPEC@ADDRESS`; the catalogue comes to them.
        prompts: What is to be improved.
        people: For whom, by the path of the profile.
        options: Fields of `RunConfig` that all runs share.
        runs_dir: Where the runs lie.

    Raises:
        InputError: one of them can't be used.
    """
    contenders = tuple(make_contender(spec, options) for spec in dict.fromkeys((CATALOGUE, *specs)))
    plan_budget(contenders[0].config)
    check_writable(runs_dir)
    models = build_models(contenders[0].config, Clock())
    for contender in contenders:
        own = replace(models, lm=build_lm(contender.config))
        build_parts(contender.config, Clock(), own)
    pairings = [
        Pairing(prompt, place, user) for prompt in prompts for place, user in people.items()
    ]
    return Plan(contenders, tuple(pairings), runs_dir, models)


def make_contender(given: str, options: Mapping[str, Any]) -> Contender:
    """The settings that a language model runs with.

    An address of its own counts more than the one that the options name for all hosted models.

    Raises:
        InputError: the spec is unknown.
    """
    spec, address = split_address(given)
    own: dict[str, Any] = {**options, "llm": spec}
    kind = parse_lm_spec(spec)
    if address is not None:
        own["llm_base_url"] = address
    elif not isinstance(kind, HostedSpec):
        own.pop("llm_base_url", None)
    if isinstance(kind, CatalogueSpec):
        own = {name: value for name, value in own.items() if name not in ("program", "vision")}
    return Contender(given, own)


@dataclass(frozen=True)
class Part:
    """One search of the comparison."""

    pairing: Pairing
    outcome: Outcome
    taken: bool
    """Whether it was there already."""

    def search(self) -> Search:
        """What counts of it."""
        folder = self.outcome.folder
        records = () if folder is None else read_records(folder / LINES).proposals.values()
        return Search(self.outcome.trajectory, tuple(records))


def searches(
    plan: Plan, contender: Contender, observe: Callable[[Pairing], Observer]
) -> Iterator[Part]:
    """All searches of one language model, each as it is done.

    Raises:
        InputError: something turns out not to be usable; what was done until then stays.
    """
    config = contender.config
    models = replace(plan.models, lm=build_lm(config))
    described = build_parts(config, Clock(), models).describe()
    known = [
        found
        for found in list_runs(plan.runs_dir)
        if found.header.config == config and found.header.parts == described
    ]
    for pairing in plan.pairings:
        earlier = _earlier(known, pairing)
        if (done := _finished(earlier)) is not None:
            yield Part(pairing, done, taken=True)
            continue
        order = Order(
            prompt=pairing.prompt,
            user=pairing.place,
            resume=str(earlier[0].folder) if earlier else None,
            options=contender.options,
            runs_dir=plan.runs_dir,
        )
        outcome = improve(order, clock=Clock(), observer=observe(pairing), models=models)
        yield Part(pairing, outcome, taken=False)


def _earlier(known: Sequence[Found], pairing: Pairing) -> list[Found]:
    """The runs of the same prompt and person, newest first."""
    digest = profile_digest(pairing.user)
    return [
        found
        for found in known
        if found.header.prompt == pairing.prompt and found.header.profile_sha256 == digest
    ]


def _finished(earlier: Sequence[Found]) -> Outcome | None:
    """The newest of them that came to its end."""
    runs = (Outcome(load_run(found.folder), found.folder) for found in earlier)
    return next((done for done in runs if done.trajectory.status == "done"), None)


def standings(parts: Mapping[str, Sequence[Part]]) -> list[Standing]:
    """The figures of all language models, the catalogue first, by their names as given."""
    found = {name: [part.search() for part in own] for name, own in parts.items()}
    catalogue = gains(found.get(CATALOGUE, ()))
    return [
        standing(name, own, None if name == CATALOGUE else catalogue) for name, own in found.items()
    ]


def comparison_document(
    plan: Plan, parts: Mapping[str, Sequence[Part]], found: Sequence[Standing]
) -> dict[str, Any]:
    """What `compare-llms --json` prints."""
    return {
        "schema_version": SCHEMA_VERSION,
        "prompts": len({pairing.prompt for pairing in plan.pairings}),
        "people": list(dict.fromkeys(pairing.user.user_id for pairing in plan.pairings)),
        "llms": [standing.document() for standing in found],
        "runs": [_run_document(name, part) for name, own in parts.items() for part in own],
    }


def _run_document(llm: str, part: Part) -> dict[str, Any]:
    run = part.outcome.trajectory
    return {
        "llm": llm,
        "id": run.id or None,
        "status": run.status,
        "prompt": part.pairing.prompt,
        "user_id": part.pairing.user.user_id,
        "best_prompt": run.best.prompt if run.best is not None else None,
        "gain": run.gain.model_dump(mode="json"),
        "error": part.outcome.message,
        "there_already": part.taken,
    }
