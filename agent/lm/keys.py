"""Where the key of a hosted model comes from: the provider's variable, or a file.

    key = key_file()        # a `KeyFile` if $PAMELA_LLM_KEY_FILE names one, else None
    key()                   # what stands in it

The file counts more than the provider's variable. The one rule that is not obvious: the key is
read at each call and held by no object, so that whatever is written, logged or traced of a
language model shows the path at most; and the masks of `agent.secrets` know it before it is sent.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from agent.errors import InputError
from agent.secrets import is_key, keep_secret
from scorer.files import contents

VARIABLE = "PAMELA_LLM_KEY_FILE"
LONGEST = 4096
"""Bytes of a key file."""


@dataclass(frozen=True)
class KeyFile:
    """A key that stands in a file; calling it reads it.

    Raises:
        InputError: the file is missing, open to others, or holds no key.
    """

    path: Path

    def __call__(self) -> str:
        """The key."""
        try:
            mode = self.path.stat().st_mode
            content = contents(self.path, at_most=LONGEST)
        except OSError as error:
            raise InputError(
                f"{VARIABLE} {str(self.path)!r} can't be read ({error.strerror}): name a file that "
                f"holds the key and nothing else"
            ) from None
        if stat.S_IMODE(mode) & 0o077:
            raise InputError(
                f"{VARIABLE} {str(self.path)!r} can be read by others: chmod 600 the file"
            )
        key = content.decode("ascii", "replace").strip()
        if len(content) > LONGEST or not is_key(key):
            raise InputError(
                f"{VARIABLE} {str(self.path)!r} holds no key: write one word into it, no more"
            )
        keep_secret(key)
        return key


def key_file() -> KeyFile | None:
    """The file that `$PAMELA_LLM_KEY_FILE` names, if it names one.

    Raises:
        InputError: it can't be used.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    found = KeyFile(Path(named).expanduser())
    found()
    return found
