"""What the commands that read rating data sets share."""

import sys
from typing import TYPE_CHECKING

from agent.text import printable

if TYPE_CHECKING:
    from scorer.data.table import Table


def load_tables(specs: list[str], *, lenient: bool) -> "Table":
    """All data sets in one table; what was left out is said on standard error.

    Raises:
        InputError: a spec, file or row is not as it should be, or something that is evaluated on
            is in training.
    """
    from scorer.data import Table, load_data
    from scorer.data.table import check_leaks

    table = Table()
    for spec in specs:
        part = load_data(spec, lenient=lenient)
        print(printable(f"{spec}: {part.report()}"), file=sys.stderr)
        table += part
    check_leaks(table.rows)
    return table
