"""The live table of a run, on standard error; plain lines where nobody watches.

    with Display(prompt="mossy rocks") as display:
        improve(order, clock=clock, observer=display)

The one rule that is not obvious: finished iterations are printed once and scroll away like any
output, and only the line of progress beneath them is live; so prompts can be shown whole, however
small the window is.
"""

from typing import Self

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.progress import TimeElapsedColumn as ElapsedColumn
from rich.table import Table
from rich.text import Text

from agent.console import make_console, say
from agent.observer import Phase, Row
from agent.summary import event_line, event_style, signed
from agent.text import printable
from agent.trajectory import Event

PHASES: dict[Phase, str] = {
    "prepare": "loading",
    "propose": "proposing edits",
    "draw": "drawing and scoring",
    "compare": "comparing on held-out seeds",
}
COLUMNS = (("Iteration", 9), ("Best", 6), ("Gain", 6), ("Pictures", 8), ("Time", 7))
TABLE_WIDTH = 70
"""Narrower windows get lines instead of the table."""
TOLD_EVENTS = 5
"""How many warnings about single edits are shown; all of them are in the record."""


class Display:
    """An `Observer` that shows what it is told.

    Args:
        quiet: Show warnings only.
        console: Where; standard error by default.
    """

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        self._console = console or make_console(stderr=True)
        self._quiet = quiet
        self._live = self._console.is_terminal and not quiet
        self._told = 0
        self._started = False
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            ElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._live,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def phase(self, phase: Phase, *, iteration: int, total: int) -> None:
        """Begins a new line of progress."""
        for task in self._progress.task_ids:
            self._progress.remove_task(task)
        if not self._live and not self._quiet:
            self._say_plainly(phase, iteration)
        words = PHASES[phase]
        if phase in ("propose", "draw"):
            words = f"iteration {iteration}: {words}"
        self._progress.add_task(words, total=total or None)

    def _say_plainly(self, phase: Phase, iteration: int) -> None:
        """What takes long, where nothing moves: the first picture, and the comparison."""
        if phase == "draw" and iteration == 0:
            say(self._console, Text("loading models and drawing the first prompt"))
        elif phase == "compare":
            say(self._console, Text(PHASES[phase]))

    def advance(self) -> None:
        """One more picture."""
        for task in self._progress.task_ids:
            self._progress.advance(task)

    def event(self, event: Event) -> None:
        """Says what the reader should know; of edits only the first few warnings."""
        if self._quiet and not event.is_trouble:
            return
        if event.iteration > 0 and event.type == "warning":
            self._told += 1
            if self._told > TOLD_EVENTS:
                return
        say(self._console, Text(printable(event_line(event)), event_style(event)))

    def row(self, row: Row) -> None:
        """Shows a finished iteration, unless it was shown before the run was resumed."""
        if self._quiet or row.replayed:
            return
        if self._live and self._console.width >= TABLE_WIDTH:
            self._console.print(self._table(row))
        else:
            for line in plain_lines(row):
                self._console.print(line, soft_wrap=True)
        self._started = True

    def _table(self, row: Row) -> Table:
        table = Table(box=SIMPLE_HEAD, show_header=not self._started, padding=(0, 1), expand=True)
        for name, width in COLUMNS:
            table.add_column(name, width=width, justify="right", no_wrap=True)
        table.add_column("Beam, best first", ratio=1)
        figures = row_figures(row)
        beam = Text("\n").join(
            Text(printable(prompt), "bold" if place == 0 else "dim")
            for place, prompt in enumerate(row.beam)
        )
        table.add_row(*(Text(figure) for figure in figures), beam)
        return table


def row_figures(row: Row) -> list[str]:
    """The cells of an iteration, in the order of `COLUMNS`."""
    return [
        f"{row.iteration}/{row.iterations}",
        "–" if row.best_score is None else f"{row.best_score:.2f}",
        "–" if row.gain is None else signed(row.gain),
        str(row.pictures),
        f"{row.seconds:.1f} s",
    ]


def plain_lines(row: Row) -> list[str]:
    """An iteration as lines of plain text."""
    iteration, best, gain, pictures, seconds = row_figures(row)
    first = f"iteration {iteration}: best {best}, gain {gain}, {pictures} pictures, {seconds}"
    return [first, *(f"  {n}. {printable(p)}" for n, p in enumerate(row.beam, start=1))]
