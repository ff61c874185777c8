"""Where the lines and dots of a chart stand; the template draws them. Pure.

    chart = line_chart("score", {"best": [(0, 3.6), (1, 3.9)]}, dots=[], size=(720, 260))
    chart.lines[0].points            # "44.0,180.5 700.0,20.0"

The one rule that is not obvious: what is not finite is left out, because numbers may come from
somebody else's file.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.look.family import is_measured

Point = tuple[float, float]

LEFT, RIGHT, TOP, BOTTOM = 46.0, 12.0, 12.0, 26.0
NICE = (1.0, 2.0, 2.5, 5.0, 10.0)
MOST_LABELS = 12
MANY_DOTS = 400


@dataclass(frozen=True)
class Dot:
    """One figure of one candidate."""

    at: Point
    title: str
    link: str
    kind: str = ""


@dataclass(frozen=True)
class Tick:
    """A label at an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Line:
    """A line with its name."""

    name: str
    points: str
    last: Point


@dataclass(frozen=True)
class Chart:
    """A drawing in its own pixels."""

    name: str
    width: int
    height: int
    lines: tuple[Line, ...]
    dots: tuple[Dot, ...]
    rows: tuple[Tick, ...]
    columns: tuple[Tick, ...]
    cloud: str = ""
    """A path with a point for every dot that has no name of its own, where there are many."""
    left: float = LEFT

    @property
    def right(self) -> float:
        """Where the drawing ends."""
        return self.width - RIGHT

    @property
    def foot(self) -> float:
        """Where the labels of the columns stand."""
        return self.height - 8.0


@dataclass(frozen=True)
class Scale:
    """From figures to pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        span = self.high - self.low
        share = (value - self.low) / span if span > 0 else 0.5
        return round(self.start + (self.end - self.start) * share, 1)


def nice_ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers from at most `low` to at least `high` (Heckbert 1990, "Nice numbers")."""
    span = high - low
    if not math.isfinite(span) or span <= 0 or low + span / 1e6 == low:
        return [low]
    rough = span / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((n * power for n in NICE if n * power >= rough), 10.0 * power)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def digits_for(ticks: Sequence[float]) -> int:
    """How many decimals tell the ticks apart."""
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 0.1
    return max(0, min(6, math.ceil(-math.log10(step) - 1e-9) + (round(step * 4) % 2 and step < 1)))


def line_chart(
    name: str,
    lines: Mapping[str, Sequence[Point]],
    dots: Sequence[Dot],
    size: tuple[int, int],
) -> Chart | None:
    """A chart over iterations; None where there is nothing to draw."""
    lines = {key: [p for p in line if _finite(p)] for key, line in lines.items()}
    dots = [dot for dot in dots if _finite(dot.at)]
    points = [point for line in lines.values() for point in line] + [dot.at for dot in dots]
    if not points:
        return None
    width, height = size
    values = [y for _, y in points]
    ticks = nice_ticks(min(values), max(values))
    across = Scale(
        min(x for x, _ in points), max(x for x, _ in points), LEFT + 8, width - RIGHT - 8
    )
    down = Scale(min(*ticks, min(values)), max(*ticks, max(values)), height - BOTTOM, TOP)
    places = digits_for(ticks)
    placed = [Dot((across(d.at[0]), down(d.at[1])), d.title, d.link, d.kind) for d in dots]
    nameless = {d for d in placed if not d.kind} if len(placed) > MANY_DOTS else set[Dot]()
    return Chart(
        name=name,
        width=width,
        height=height,
        lines=tuple(_line(key, line, across, down) for key, line in lines.items() if line),
        dots=tuple(d for d in placed if d not in nameless),
        cloud="".join(f"M{d.at[0]} {d.at[1]}h0" for d in placed if d in nameless),
        rows=tuple(Tick(down(tick), f"{tick:.{places}f}".replace("-", "−")) for tick in ticks),
        columns=_columns(points, across),
    )


def _columns(points: Sequence[Point], across: Scale) -> tuple[Tick, ...]:
    numbers = sorted({int(x) for x, _ in points})
    every = math.ceil(len(numbers) / MOST_LABELS)
    return tuple(Tick(across(number), str(number)) for number in numbers[::every])


def _line(name: str, points: Sequence[Point], across: Scale, down: Scale) -> Line:
    placed = [(across(x), down(y)) for x, y in points]
    return Line(name, " ".join(f"{x},{y}" for x, y in placed), placed[-1])


def _finite(point: Point) -> bool:
    return all(map(is_measured, point))


@dataclass(frozen=True)
class Bar:
    """A mean with its interval, on a scale that all rows of a table share."""

    zero: float
    at: float
    low: float
    high: float
    cut: tuple[bool, bool] = (False, False)
    """Whether the interval goes on below and above what is drawn; arrows say so."""


WIDE, INSET = 200.0, 12.0
"""Of the drawing, and of what is free at its ends."""


def bars(rows: Sequence[tuple[float, tuple[float, float] | None] | None]) -> list[Bar | None]:
    """Where the means and intervals of a table's rows stand, 0 to `WIDE`; None stays None.

    Intervals of few are wide: what goes beyond 1.6 times the largest mean is cut off.
    """
    known = [row for row in rows if row is not None and _finite((row[0], 0.0))]
    means = [abs(mean) for mean, _ in known]
    reach = 1.6 * max(means, default=1.0) or 1.0
    scale = Scale(-reach, reach, INSET, WIDE - INSET)

    def placed(value: float) -> float:
        return scale(max(-reach, min(reach, value)))

    found: list[Bar | None] = []
    for row in rows:
        if row is None or row not in known:
            found.append(None)
            continue
        mean, interval = row
        low, high = interval or (mean, mean)
        cut = (low < -reach, high > reach)
        found.append(Bar(scale(0.0), placed(mean), placed(low), placed(high), cut))
    return found
