"""How scores and guards went over the iterations, as charts.

    score_chart(family, links)        # best, mean of the beam, every candidate

The one rule that is not obvious: guards are those of the beam beside those of the user's own
prompt, because what drifts is what the search keeps.
"""

from collections.abc import Mapping
from statistics import fmean

from agent.look.family import Family, is_measured
from agent.look.report.charts import Chart, Dot, Point, line_chart
from agent.trajectory import Candidate

GUARDS = ("saturation", "adherence", "sharpness")
SCORE_SIZE, GUARD_SIZE = (760, 280), (340, 180)
MOST_DOTS = 3000


def score_chart(family: Family, links: Mapping[str, str]) -> Chart | None:
    """The score over iterations."""
    scored = [(c, c.score) for c in family.run.candidates if c.score is not None]
    best: list[Point] = []
    mean: list[Point] = []
    for step in sorted(family.run.steps, key=lambda step: step.iteration):
        kept = [s for c in _beam(family, step.beam) if is_measured(s := c.score)]
        if kept:
            best.append((step.iteration, max(kept)))
            mean.append((step.iteration, fmean(kept)))
    dots = [_dot(family, c, score, links) for c, score in scored[:MOST_DOTS]]
    return line_chart("Score", {"best": best, "beam mean": mean}, dots, SCORE_SIZE)


def guard_charts(family: Family, links: Mapping[str, str]) -> tuple[Chart, ...]:
    """Saturation, adherence and sharpness over iterations, of those that were measured."""
    charts = (_guard_chart(family, name, links) for name in GUARDS)
    return tuple(chart for chart in charts if chart is not None)


def _guard_chart(family: Family, name: str, links: Mapping[str, str]) -> Chart | None:
    kept: list[Point] = []
    for step in sorted(family.run.steps, key=lambda step: step.iteration):
        values = [v for c in _beam(family, step.beam) if is_measured(v := c.scores.get(name))]
        if values:
            kept.append((step.iteration, fmean(values)))
    first = family.run.initial
    own: list[Point] = []
    if first is not None and name in first.scores and kept:
        own = [(x, first.scores[name]) for x in (kept[0][0], kept[-1][0])]
    dots = [
        _dot(family, c, c.scores[name], links)
        for c in family.run.candidates[:MOST_DOTS]
        if name in c.scores and c.images
    ]
    return line_chart(
        name.capitalize(), {"the first prompt": own, "beam mean": kept}, dots, GUARD_SIZE
    )


def _beam(family: Family, names: tuple[str, ...]) -> list[Candidate]:
    return [family.by_id[name] for name in names if name in family.by_id]


def _dot(family: Family, candidate: Candidate, value: float, links: Mapping[str, str]) -> Dot:
    words = "the first prompt" if candidate.edit is None else candidate.edit.instruction
    kind = "kept" if candidate.id in family.ever_kept else ""
    title = f"{candidate.id} · {value:.3g} · {words}"
    return Dot((candidate.iteration, value), title, links[candidate.id], kind)
