"""What a look at one thing of an installation comes to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str
    fix: str = ""
    """What to do where it is not ok."""
    required: bool = True
    """Whether a run needs it: with the default settings, or with the parts that were named."""
