"""Where text is shown: a console that takes it as it is.

    say(make_console(), Text(printable(prompt)))

The one rule that is not obvious: it takes no markup, no emoji codes and guesses no colours, because
most of what is shown comes from people and models.
"""

from rich.console import Console
from rich.text import Text

UNLIMITED = 100_000
"""Columns of a file or a pipe: nothing is cut or broken there."""


def make_console(*, stderr: bool = False) -> Console:
    """A console that takes text as it is: no markup, no emoji codes, no guessed colours.

    Into a file or a pipe its lines are as long as they need to be.
    """
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = UNLIMITED
    elif console.width < 1:  # COLUMNS=0
        console.width = 80
    return console


def is_colourful(console: Console) -> bool:
    """Whether colours can be seen, so that nothing else has to mark a change."""
    return console.is_terminal and not console.no_color and console.color_system is not None


def say(console: Console, text: Text) -> None:
    """Prints a line without breaking it, so that paths and commands in it can be copied."""
    console.print(text, soft_wrap=True)
