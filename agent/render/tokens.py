"""What of a prompt a text encoder doesn't read.

    cut = unread(prompt, tokenizers, longest=77)     # "" if all of it is read

The one rule that is not obvious: where a pipeline has several text encoders, only what none of
them reads is lost.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast


class Tokenizer(Protocol):
    """What is needed of a tokenizer of `transformers`."""

    model_max_length: int
    is_fast: bool

    def num_special_tokens_to_add(self) -> int: ...

    def __call__(self, text: str, **options: bool) -> dict[str, list[object]]: ...

    def decode(self, token_ids: list[object]) -> str: ...


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer that a folder holds."""
    from transformers import AutoTokenizer

    return cast(Tokenizer, AutoTokenizer.from_pretrained(str(folder), local_files_only=True))


def load_tokenizers(pipeline: Path) -> list[Tokenizer]:
    """The tokenizers of a pipeline folder (`tokenizer`, `tokenizer_2`, …), nothing else of it."""
    return [
        load_tokenizer(part)
        for part in sorted(pipeline.glob("tokenizer*"))
        if (part / "tokenizer_config.json").is_file()
    ]


def unread(prompt: str, tokenizers: Sequence[Tokenizer], longest: int | None) -> str:
    """The end of the prompt that no text encoder reads.

    Args:
        prompt: What the user wants drawn.
        tokenizers: One a text encoder.
        longest: Tokens that the pipeline hands to its encoders at most; None: as many as they take.
    """
    ends = [_cut(prompt, tokenizer, longest) for tokenizer in tokenizers]
    return min(ends, key=len, default="")


def _cut(prompt: str, tokenizer: Tokenizer, longest: int | None) -> str:
    limit = min(tokenizer.model_max_length, longest or tokenizer.model_max_length)
    room = limit - tokenizer.num_special_tokens_to_add()
    if tokenizer.is_fast:
        encoded = tokenizer(
            prompt, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        spans = cast("list[tuple[int, int]]", encoded["offset_mapping"])
        return prompt[spans[room][0] :].strip() if len(spans) > room else ""
    ids = tokenizer(prompt, add_special_tokens=False, verbose=False)["input_ids"]
    return tokenizer.decode(ids[room:]).strip()
