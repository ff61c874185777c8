"""What becomes of the edits that a language model suggests; pure.

    usable_edits(drafts, request)       # cleaned, without repetitions, at most `request.count`

A suggestion comes from outside: it may be empty, change nothing, repeat what was tried, hold
escape sequences, say a part twice or be endless. The one rule that is not obvious: two prompts with
the same parts between their commas in another order are the same prompt, because they are the same
picture.
"""

from collections.abc import Iterable

from agent.proposer import ProposalRequest
from agent.secrets import redact
from agent.text import ESCAPE, JOINERS, is_invisible
from agent.trajectory import Edit

MAX_PROMPT = 2500
"""Characters of an edited prompt: more than a user's own may have, so that it can be edited."""
MAX_INSTRUCTION = 200


def clean(text: str, limit: int = MAX_PROMPT) -> str:
    """One line without control characters, cut between words to at most `limit` characters."""
    line = _line(text)
    if len(line) <= limit:
        return line
    head, _, _ = line[: limit + 1].rpartition(" ")
    return (head or line[:limit]).rstrip(" ,;:")


def _line(text: str) -> str:
    plain = ESCAPE.sub(" ", text)
    plain = "".join(" " if character.isspace() else character for character in plain)
    shown = (c for c in plain if c in JOINERS or not is_invisible(c))
    return " ".join("".join(shown).split())


def prompt_key(prompt: str) -> tuple[str, ...]:
    """Equal for prompts that differ only in case, spaces, final stops and the order of parts.

    What cannot be seen makes no difference either.
    """
    parts = (part.casefold().strip(" .;:!") for part in _line(prompt).split(","))
    return tuple(sorted(part for part in parts if part))


def usable_edits(drafts: Iterable[Edit], request: ProposalRequest) -> tuple[Edit, ...]:
    """The drafts that can be tried, in their order.

    Args:
        drafts: As the language model gave them.
        request: What was asked; its prompts and those tried before are not proposed again.

    Returns:
        At most `request.count` edits with clean, new, different prompts.
    """
    known = {prompt_key(request.first_prompt), prompt_key(request.parent_prompt)}
    known |= {prompt_key(prompt) for prompt in request.tried_prompts}
    usable: list[Edit] = []
    for draft in drafts:
        edit = Edit(
            axis=draft.axis,
            instruction=clean(redact(draft.instruction), MAX_INSTRUCTION) or "change the prompt",
            prompt=clean(redact(draft.prompt)),
        )
        key = prompt_key(edit.prompt)
        fresh = key and key not in known and not _says_again(key, request.parent_prompt)
        if fresh and len(usable) < request.count:
            usable.append(edit)
            known.add(key)
    return tuple(usable)


def _says_again(key: tuple[str, ...], parent: str) -> bool:
    """Whether more parts of a prompt stand in it twice than of its parent."""
    own = prompt_key(parent)
    return len(key) - len(set(key)) > len(own) - len(set(own))
