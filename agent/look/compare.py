"""What differs between two runs: in what was asked, and in what came out.

    difference = compare_runs(salvage(first), salvage(second))
    difference.settings["seeds"]        # (2, 4)

The one rule that is not obvious: scores of different scorers are not on one scale, so no figure
here is the difference of two.
"""

from dataclasses import dataclass
from typing import Any

from agent.look.effects import Worth, new_values
from agent.look.family import Family
from agent.look.salvage import Salvaged
from agent.trajectory import Trajectory

Pair = tuple[Any, Any]


@dataclass(frozen=True)
class Difference:
    """Two runs side by side; only what differs stands in `settings`, `person` and `made_with`."""

    runs: tuple[str, str]
    prompts: tuple[str, str]
    settings: dict[str, Pair]
    person: dict[str, Pair]
    made_with: dict[str, Pair]
    outcome: dict[str, Pair]
    best_prompts: tuple[str | None, str | None]
    kept_values: tuple[tuple[str, ...], tuple[str, ...]]
    """What edits put into the best prompt, as `axis: value`."""


def compare_runs(first: Salvaged, second: Salvaged) -> Difference:
    """Puts two runs side by side."""
    one, other = first.run, second.run
    return Difference(
        runs=(one.id, other.id),
        prompts=(one.prompt, other.prompt),
        settings=_differing(
            one.config.model_dump(mode="json"), other.config.model_dump(mode="json")
        ),
        person=_differing(_person(first), _person(second)),
        made_with=_differing(_made_with(first), _made_with(second)),
        outcome={name: (value, _outcome(other)[name]) for name, value in _outcome(one).items()},
        best_prompts=(_best(one), _best(other)),
        kept_values=(_values(one), _values(other)),
    )


def _differing(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Pair]:
    names = dict.fromkeys((*one, *other))
    return {n: (one.get(n), other.get(n)) for n in names if one.get(n) != other.get(n)}


def _person(found: Salvaged) -> dict[str, Any]:
    profile = found.header.profile
    ratings = profile.get("ratings")
    rest = {k: v for k, v in profile.items() if k not in ("ratings", "schema_version")}
    counted = len(ratings) if isinstance(ratings, list) else None
    return {"user_id": found.run.user_id, **rest, "ratings": counted} | {
        "content": found.header.profile_sha256[:12]
    }


def _made_with(found: Salvaged) -> dict[str, Any]:
    parts = {f"{p} {k}": v for p, said in found.header.parts.items() for k, v in said.items()}
    return {"device": found.header.device, **found.header.packages, **parts}


def _best(run: Trajectory) -> str | None:
    return run.best.prompt if run.best is not None else None


def _outcome(run: Trajectory) -> dict[str, Any]:
    tried = [candidate for candidate in run.candidates if candidate.parent is not None]
    return {
        "status": run.status,
        "gain on held-out seeds": run.gain.heldout,
        "interval": run.gain.heldout_ci95,
        "gain on the seeds of the search": run.gain.search,
        "score of the first prompt": run.initial.score if run.initial else None,
        "score of the best prompt": run.best.score if run.best else None,
        "prompts tried": len(tried),
        "… scored": sum(candidate.score is not None for candidate in tried),
        "pictures": run.usage.renders,
        "seconds": run.usage.seconds.total,
        "US dollars": run.usage.cost_usd,
    }


def _values(run: Trajectory) -> tuple[str, ...]:
    if run.best is None:
        return ()
    family = Family(run)
    found: dict[Worth, None] = {}
    for step in family.lineage(run.best):
        parent = family.parent(step)
        if parent is not None:
            found |= dict.fromkeys(new_values(step, parent))
    return tuple(f"{worth.axis}: {worth.name}" for worth in found)
