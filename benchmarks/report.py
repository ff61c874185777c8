"""How a benchmark says what it measured: figures, bars, and an exit code.

    report = Report("control")
    report.bar("lighting", 0.83, at_least=0.8, n=200, ci95=(0.76, 0.89))
    report.close(json_output=args.json)

The one rule that is not obvious: a bar is met or not by its value; its interval says how sure
that is.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scorer.errors import InputError, PamelaError
from scorer.metrics import bootstrap


@dataclass(frozen=True)
class Bar:
    """A figure that has to reach something."""

    value: float
    need: str
    ok: bool
    n: int
    ci95: tuple[float, float] | None = None


@dataclass
class Report:
    """What one benchmark found."""

    command: str
    started: float = field(default_factory=time.monotonic)
    figures: dict[str, Any] = field(default_factory=dict)
    bars: dict[str, Bar] = field(default_factory=dict)

    def bar(
        self,
        name: str,
        value: float,
        *,
        n: int,
        at_least: float | None = None,
        at_most: float | None = None,
        ci95: tuple[float, float] | None = None,
    ) -> None:
        """Adds a bar with a lower or an upper limit, or both."""
        low = -np.inf if at_least is None else at_least
        high = np.inf if at_most is None else at_most
        limits = [f">= {at_least:g}"] if at_least is not None else []
        limits += [f"<= {at_most:g}"] if at_most is not None else []
        ok = bool(low <= value <= high)
        rounded = None if ci95 is None else (round(ci95[0], 4), round(ci95[1], 4))
        self.bars[name] = Bar(round(float(value), 4), ", ".join(limits), ok, n, rounded)

    def positive(self, name: str, value: float, *, n: int, ci95: tuple[float, float]) -> None:
        """Adds a bar that wants the whole interval above zero."""
        rounded = (round(ci95[0], 4), round(ci95[1], 4))
        self.bars[name] = Bar(round(float(value), 4), "interval above 0", ci95[0] > 0, n, rounded)

    def close(self, *, json_output: bool) -> None:
        """Prints everything and ends the process: 0 if all bars are met, else 1."""
        ok = all(bar.ok for bar in self.bars.values())
        document = {
            "figures": self.figures,
            "bars": {name: asdict(bar) for name, bar in self.bars.items()},
            "command": self.command,
            "seconds": round(time.monotonic() - self.started, 1),
        }
        if json_output:
            print(json.dumps(document, indent=1))
        else:
            self._print_table(document)
        sys.exit(0 if ok else 1)

    def _print_table(self, document: dict[str, Any]) -> None:
        print(json.dumps(document["figures"], indent=1))
        for name, bar in self.bars.items():
            interval = f" [{bar.ci95[0]:.3f}, {bar.ci95[1]:.3f}]" if bar.ci95 else ""
            mark = "met" if bar.ok else "NOT MET"
            print(f"{mark:8} {name}: {bar.value:.3f}{interval} (need {bar.need}, n = {bar.n})")
        print(f"{document['command']}: {document['seconds']} s")


def in_one_line(benchmark: Callable[[], None]) -> None:
    """Runs a benchmark; bad input is one line and exit code 2, as of the command line."""
    try:
        benchmark()
    except PamelaError as error:
        print(f"{Path(sys.argv[0]).stem}: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, InputError) else 1)


def parser(description: str | None) -> argparse.ArgumentParser:
    """A command line with `--json`, described by the first line of a docstring."""
    made = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    made.add_argument("--json", action="store_true", help="print one JSON document")
    return made


def bootstrap_mean(values: np.ndarray) -> tuple[float, float]:
    """95 % percentile interval of the mean of independent values."""
    found = bootstrap(values, seed=0)
    return found.low, found.high


def bootstrap_ratio(above: np.ndarray, below: np.ndarray) -> tuple[float, tuple[float, float]]:
    """The ratio of two means over the same units, with a 95 % paired bootstrap interval."""
    picks = np.random.default_rng(0).integers(0, len(above), (10_000, len(above)))
    low, high = np.quantile(above[picks].mean(1) / below[picks].mean(1), [0.025, 0.975])
    return float(above.mean() / below.mean()), (float(low), float(high))
