"""Pictures in terminals that can show them: kitty's way, iTerm2's way, and sixels.

    way = way_to_show()                      # None: this terminal shows none
    sys.stdout.write(shown(strip(pictures, columns=80), way))

The one rule that is not obvious: whether a terminal knows sixels is asked of itself, because no
variable says so; one that is not in front, is no terminal or is within another program is not.
"""

import base64
import io
import os
import re
import select
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Literal, assert_never

import PIL.Image

Way = Literal["kitty", "iterm2", "sixel"]

KITTY = frozenset({"xterm-kitty", "xterm-ghostty"})
ITERM2 = frozenset({"iTerm.app", "WezTerm", "mintty"})
WITHIN = ("TMUX", "STY", "ZELLIJ", "INSIDE_EMACS", "NO_COLOR")
"""Variables of programs between us and the terminal, and of people who want it plain."""
BLIND = frozenset({"", "dumb", "linux", "unknown"})
SIDE, GAP = 160, 8
ROWS = 8
"""Lines of the terminal that a picture takes, where that can be said."""
COLUMNS_EACH = 20
"""About what a picture takes of a line."""
CHUNK = 4096
"""Characters that kitty takes at once."""
QUESTION, ANSWER = "\x1b[c", re.compile(rb"\x1b\[\?([\d;]*)c")
PATIENCE = 0.6
"""Seconds for an answer; all that calls itself a terminal gives one, some over a slow line."""


def way_to_show(environ: Mapping[str, str] | None = None) -> Way | None:
    """How the terminal behind standard output shows pictures; None if it doesn't."""
    environ = os.environ if environ is None else environ
    term, program = environ.get("TERM", ""), environ.get("TERM_PROGRAM", "")
    if not sys.stdout.isatty() or term in BLIND or any(environ.get(name) for name in WITHIN):
        return None
    if term in KITTY or environ.get("KITTY_WINDOW_ID") or program == "ghostty":
        return "kitty"
    if program in ITERM2 or environ.get("LC_TERMINAL") == "iTerm2":
        return "iterm2"
    return "sixel" if _knows_sixels() else None


def _knows_sixels() -> bool:
    """Asks the terminal for its attributes (DA1), of which 4 are sixels."""
    try:
        import termios
        import tty

        if not sys.stdin.isatty():
            return False
        place = sys.stdin.fileno()
        if os.tcgetpgrp(place) != os.getpgrp():  # in the background: asking would stop us
            return False
        before = termios.tcgetattr(place)
    except (ImportError, OSError, ValueError, AttributeError):  # no POSIX terminal
        return False
    try:
        tty.setcbreak(place, termios.TCSADRAIN)
        sys.stdout.write(QUESTION)
        sys.stdout.flush()
        found = ANSWER.search(_answer(place))
    except OSError:
        return False
    finally:
        with suppress(OSError, termios.error):
            termios.tcsetattr(place, termios.TCSADRAIN, before)
    return found is not None and b"4" in found[1].split(b";")


def _answer(place: int) -> bytes:
    said, until = b"", time.monotonic() + PATIENCE
    while ANSWER.search(said) is None:
        left = until - time.monotonic()
        if left <= 0 or not select.select([place], [], [], left)[0]:
            break
        more = os.read(place, 256)
        if not more:
            break
        said += more
    return said


def strip(pictures: Sequence[PIL.Image.Image], columns: int) -> PIL.Image.Image | None:
    """Small copies side by side: the first ones and the last, as many as a line has room for."""
    room = max(1, columns // COLUMNS_EACH)
    chosen = list(pictures)
    if len(chosen) > room:
        chosen = [*chosen[: room - 1], chosen[-1]]
    if not chosen:
        return None
    whole = PIL.Image.new("RGBA", (len(chosen) * (SIDE + GAP) - GAP, SIDE), (0, 0, 0, 0))
    for place, picture in enumerate(chosen):
        small = picture.copy()
        small.thumbnail((SIDE, SIDE), PIL.Image.Resampling.LANCZOS)
        left = place * (SIDE + GAP) + (SIDE - small.width) // 2
        whole.paste(small, (left, (SIDE - small.height) // 2))
    return whole


def shown(picture: PIL.Image.Image, way: Way) -> str:
    """What makes the terminal show it, with the end of the line."""
    match way:
        case "kitty":
            return _kitty(_png(picture)) + "\n"
        case "iterm2":
            data = _png(picture)
            code = base64.b64encode(data).decode()
            size = f"size={len(data)};height={ROWS};preserveAspectRatio=1"
            return f"\x1b]1337;File=inline=1;{size}:{code}\x07\n"
        case "sixel":
            from timg import SixelMethod

            plain = PIL.Image.new("RGB", picture.size)
            plain.paste(picture, mask=picture if picture.mode == "RGBA" else None)
            return SixelMethod(plain.quantize(255).convert("RGB")).to_string() + "\n"
        case _:
            assert_never(way)


def _png(picture: PIL.Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def _kitty(data: bytes) -> str:
    """The PNG in pieces: all but the last say that more follows."""
    code = base64.b64encode(data).decode()
    pieces = [code[at : at + CHUNK] for at in range(0, len(code), CHUNK)]
    head = f"a=T,f=100,q=2,r={ROWS},"
    return "".join(
        f"\x1b_G{head if number == 0 else ''}m={int(number < len(pieces) - 1)};{piece}\x1b\\"
        for number, piece in enumerate(pieces)
    )
