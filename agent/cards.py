"""Taste cards as values and as files: what is known of a person's taste from their runs.

    card = read_card(Path("card.json"))
    card.effects[0].effect

How a card is worked out stands in `agent.look.card`. The one rule that is not obvious: a card may
come from somebody else, so its numbers are checked like any input.
"""

import json
from pathlib import Path

from pydantic import Field, ValidationError

from agent.errors import InputError
from agent.trajectory import Value
from scorer.complaints import complaint
from scorer.files import contents
from scorer.keys import repeated_key

CARD_VERSION = 1
MAX_CARD = 1_000_000
"""Bytes; far more than any card has."""


class CardEffect(Value):
    """What one value is worth to this person, in points of the scorer."""

    axis: str
    name: str
    effect: float
    low: float
    high: float
    tried: int = Field(ge=1)
    """Scored prompts in which it was new."""

    @property
    def is_sure(self) -> bool:
        """Whether its interval leaves out zero."""
        return self.low > 0 or self.high < 0


class TasteCard(Value):
    """What was learnt of a person's taste."""

    schema_version: int = CARD_VERSION
    user_id: str
    scorer: str
    runs: tuple[str, ...]
    prompts: int = Field(ge=0)
    """Scored prompts in all."""
    spread: float = Field(ge=0)
    """Standard deviation of the scores within a run."""
    effects: tuple[CardEffect, ...] = ()
    """The most liked first."""


def write_card(card: TasteCard) -> str:
    """The card as a small JSON document."""
    document = card.model_dump(mode="json")
    for effect in document["effects"]:
        effect |= {name: round(effect[name], 4) for name in ("effect", "low", "high")}
    document["spread"] = round(card.spread, 4)
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def read_card(path: Path) -> TasteCard:
    """Reads a card from a file.

    Raises:
        InputError: it is no card, or one of another version.
    """
    advice = "make one with `pamela-agent card RUN --out FILE`"
    try:
        text = contents(path, at_most=MAX_CARD)
        if len(text) > MAX_CARD:
            raise InputError(f"the card {str(path)!r} has more than {MAX_CARD} bytes: {advice}")
        repeated = repeated_key(text)
        if repeated is not None:
            raise InputError(f"the card {str(path)!r} has the key {repeated!r} twice: {advice}")
        card = TasteCard.model_validate_json(text)
    except OSError as error:
        raise InputError(f"the card {str(path)!r} can't be read ({error.strerror})") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "it"
        raise InputError(
            f"the card {str(path)!r} is not valid: {place} {complaint(first)}: {advice}"
        ) from error
    if card.schema_version != CARD_VERSION:
        raise InputError(
            f"the card {str(path)!r} has schema version {card.schema_version}, this program reads "
            f"{CARD_VERSION}: {advice}"
        )
    return card
