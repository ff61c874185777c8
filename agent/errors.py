"""Everything that can go wrong in a way the user should hear about.

    PamelaError                 one clear line for the user; never a traceback
    ├── InputError              bad input or usage: exit code 2
    │   └── PrerequisiteError   an optional package or a model is missing; says how to get it
    └── RunError                the run itself failed: exit code 1

The tree lives in `scorer.errors`, because the scorer may not import the agent; it is named here
so that the rest of the agent has one place to look. A failed proposal, picture or score is not
an exception at all: it is recorded as data and the search goes on.
"""

from scorer.errors import InputError, PamelaError, PrerequisiteError, RunError

__all__ = ["InputError", "PamelaError", "PrerequisiteError", "RunError"]
