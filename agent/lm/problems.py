"""Which failures of a language model end the run, and what the user is told.

    problem = fatal(error, "openai/gpt-4o-mini")
    if problem is not None:
        raise problem

The one rule that is not obvious: a wrong key or a wrong name stops at once, before money is spent
on pictures; everything else costs one request its edits, and the search goes on.
"""

import os

from dspy.utils.exceptions import (
    ContextWindowExceededError,
    LMAuthError,
    LMBillingError,
    LMConfigurationError,
    LMError,
    LMInvalidRequestError,
    LMServerError,
    LMUnsupportedFeatureError,
    LMUnsupportedModelError,
)

from agent.errors import InputError, PamelaError, PrerequisiteError, RunError
from agent.lm.hosted import KEYS
from agent.lm.keys import VARIABLE
from agent.lm.spec import HostedSpec, parse_lm_spec
from agent.retry import one_line

INVALID = (400, 415, 422)
"""HTTP statuses of a question that the server can't read."""
SIGHT = ("image", "multimodal", "multi-modal", "mmproj")
"""Words of a server that was shown a picture, can't see, and takes that for its own failure."""


def fatal(error: LMError, spec: str, *, first_sight: bool = False) -> PamelaError | None:
    """What to stop the run with, for an error that no later call can mend; else None.

    Args:
        error: What went wrong.
        spec: What the language model was made of.
        first_sight: Whether it was shown a picture and has never answered to one.
    """
    if isinstance(error, LMAuthError):
        return PrerequisiteError(
            f"the language model {spec!r} was refused (HTTP {error.status or 401}): check that "
            f"{_key(spec)} is right and may use this model"
        )
    if isinstance(error, LMBillingError):
        return RunError(f"the account for the language model {spec!r} can't pay: {one_line(error)}")
    if isinstance(error, LMUnsupportedModelError) or error.status == 404:
        return InputError(
            f"the server of the language model {spec!r} knows no such model or address (HTTP "
            f"404): check the name after the first slash, and --llm-base-url"
        )
    if isinstance(error, LMConfigurationError | LMUnsupportedFeatureError):
        return InputError(f"the language model {spec!r} can't be used: {one_line(error)}")
    return _blind(error, spec) if first_sight else None


def _blind(error: LMError, spec: str) -> PamelaError | None:
    """What to stop the run with, if a model refuses the first picture that it is shown.

    A question that is not valid is so because of the picture: without one, ours are valid.
    """
    words = str(error).lower()
    invalid = isinstance(error, LMInvalidRequestError) or error.status in INVALID
    about = isinstance(error, LMServerError) and any(word in words for word in SIGHT)
    if isinstance(error, ContextWindowExceededError) or not (about or invalid):
        return None
    return InputError(
        f"the language model {spec!r} takes no picture ({one_line(error)}): begin a new run "
        f"without --vision, or with a model that sees"
    )


def _key(spec: str) -> str:
    """Where the key came from."""
    parsed = parse_lm_spec(spec)
    names = KEYS.get(parsed.provider, ()) if isinstance(parsed, HostedSpec) else ()
    if names and os.environ.get(VARIABLE):
        return f"the key in the file that {VARIABLE} names"
    return f"{' or '.join(names) or 'its key'} in the environment"
