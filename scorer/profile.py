"""Who the pictures are for: a person's demographics, taste in words, and a few ratings.

    profile = UserProfile.load("examples/profile.json")
    profile.picture_paths           # absolute, in the order of `profile.ratings`

The one rule that is not obvious: image paths are relative to the profile and may not leave its
folder, neither by `..` nor through a link; they are checked, and the pictures decoded, on load.
"""

import codecs
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    PrivateAttr,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from scorer.complaints import complaint
from scorer.errors import InputError
from scorer.files import contents, output
from scorer.keys import repeated_key
from scorer.pictures import PictureError, read_picture

SCHEMA_VERSION = 1
MAX_USER_ID = 100
MAX_SAID = 20_000
"""Characters of demographics, likes, dislikes and notes: all of it goes into every request."""
AGE, LONGEST_LIFE = "age", 130
AGE_GROUP = re.compile(r"(\d{1,3})\s*[-–]\s*(\d{1,3})")
AGES = (
    f"must be a whole number of years from 0 to {LONGEST_LIFE}, or a group of them such as '18-21'"
)


def _user_id(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_USER_ID:
        raise ValueError(f"must be text of 1 to {MAX_USER_ID} characters")
    if not value.isprintable():
        raise ValueError("must be one line without control characters")
    return value


def _field_value(value: Any) -> str | int | float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be text or a number")
    if isinstance(value, float) and not abs(value) < float("inf"):
        raise ValueError("must be a finite number")
    return value


def _score(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 5:
        raise ValueError("must be a number from 1 to 5")
    return value


def _demographics(fields: dict[str, str | int | float]) -> dict[str, str | int | float]:
    if AGE in fields and not is_age(fields[AGE]):
        raise PydanticCustomError(AGE, "{reason}", {"reason": AGES, "given": fields[AGE]})
    return fields


def is_age(value: str | int | float) -> bool:
    """Whether it is an age: whole years, or a group of them as some data sets have it."""
    if isinstance(value, str):
        group = AGE_GROUP.fullmatch(value.strip())
        return group is not None and int(group[1]) < int(group[2]) <= LONGEST_LIFE
    return 0 <= value <= LONGEST_LIFE and value == int(value)


Demographics = dict[str, Annotated[str | int | float, PlainValidator(_field_value)]]


class Rating(BaseModel):
    """What the person thought of one picture."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    image: str = Field(min_length=1)
    """Relative to the profile's folder."""
    score: Annotated[int | float, PlainValidator(_score)]
    """From 1 (dislikes it) to 5 (loves it)."""
    prompt: str | None = None
    """The words that the picture was made from, where they are known."""


class UserProfile(BaseModel):
    """One person, as `profile.json` holds them; only `user_id` is required."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_version: Literal[1] = SCHEMA_VERSION
    user_id: Annotated[str, PlainValidator(_user_id)]
    demographics: Annotated[Demographics, AfterValidator(_demographics)] = Field(
        default_factory=dict
    )
    """Any field is allowed; each is read as text."""
    likes: tuple[str, ...] = ()
    dislikes: tuple[str, ...] = ()
    notes: str = ""
    ratings: tuple[Rating, ...] = ()

    _folder: Path | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _is_no_book(self) -> Self:
        told = [text for field in self.demographics.items() for text in map(str, field)]
        said = sum(map(len, (*told, *self.likes, *self.dislikes, self.notes)))
        if said > MAX_SAID:
            raise PydanticCustomError(
                "too_much",
                "has {said} characters in demographics, likes, dislikes and notes, {most} are "
                "allowed: shorten them",
                {"said": said, "most": MAX_SAID},
            )
        return self

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Reads and checks a profile and every picture that it names.

        Raises:
            InputError: the file is missing, unreadable, no JSON or no valid profile, or one of
                its pictures is missing, does not decode or lies outside the profile's folder.
        """
        file = Path(path)
        try:
            text = contents(file).removeprefix(codecs.BOM_UTF8)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InputError(
                f"the profile {str(path)!r} can't be read ({reason}): "
                f"make one with `pamela-agent init PROFILE`"
            ) from error
        return cls.parse(text, folder=file.parent, source=repr(str(path)))

    @classmethod
    def parse(cls, text: str | bytes, *, folder: Path, source: str = "profile") -> Self:
        """Checks a profile that was read already; its pictures lie under `folder`.

        Raises:
            InputError: as `load`; messages call the profile `source`.
        """
        repeated = repeated_key(text)
        if repeated is not None:
            raise InputError(f"the profile {source} has the key {repeated!r} twice: leave one out")
        try:
            profile = cls.model_validate_json(text)
        except ValidationError as error:
            raise InputError(f"the profile {source} {_explain(error)}") from error
        profile._folder = folder.resolve()
        for number, path in enumerate(profile.picture_paths):
            _check_picture(path, profile, number=number, source=source)
        return profile

    @property
    def folder(self) -> Path | None:
        """Where the pictures are; None for a profile that was made in memory."""
        return self._folder

    @property
    def picture_paths(self) -> tuple[Path, ...]:
        """The rated pictures, resolved, in the order of `ratings`.

        Raises:
            InputError: the profile has ratings but no folder.
        """
        if self._folder is None:
            if self.ratings:
                raise InputError(f"the profile of {self.user_id!r} has ratings but no folder")
            return ()
        return tuple(_resolved(self._folder, rating.image) for rating in self.ratings)

    def placed_in(self, folder: str | os.PathLike[str]) -> Self:
        """The same profile with its pictures looked for under `folder`."""
        placed = self.model_copy()
        placed._folder = Path(folder).resolve()
        return placed

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Writes the profile in one piece: a reader sees the old file or the new one.

        Raises:
            InputError: the file exists and `overwrite` is off, or it can't be written.
        """
        with output(Path(path), overwrite=overwrite, sync=True) as stream:
            stream.write((self.model_dump_json(indent=2) + "\n").encode())


def _resolved(folder: Path, image: str) -> Path:
    try:
        return (folder / image).resolve()
    except (OSError, ValueError, RuntimeError):  # a null byte, a loop of links
        return folder / "\N{REPLACEMENT CHARACTER}"


def _check_picture(path: Path, profile: UserProfile, *, number: int, source: str) -> None:
    where = f"the profile {source}: ratings.{number}.image {profile.ratings[number].image!r}"
    folder = profile.folder
    absolute = Path(profile.ratings[number].image).is_absolute()
    if folder is None or absolute or not path.is_relative_to(folder):
        raise InputError(
            f"{where} lies outside the profile's folder: copy the picture into it and give a "
            f"path relative to the profile"
        )
    try:
        read_picture(path)
    except PictureError as error:
        raise InputError(f"{where} {error}: correct the path or take the rating out") from error


def _explain(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "json_invalid":
        return f"is not JSON in UTF-8 ({first['msg'].removeprefix('Invalid JSON: ')})"
    if first["type"] == "extra_forbidden":
        known = Rating if first["loc"][0] == "ratings" else UserProfile
        return f"has the unknown key {key!r}: known are {', '.join(known.model_fields)}"
    if first["type"] == AGE:
        given = first.get("ctx", {}).get("given")
        return f"is not valid: {key}.{AGE} = {given!r}: {AGES}"
    if first["type"] == "missing":
        return f"lacks the key {key!r}"
    value = repr(first["input"])
    shown = value if len(value) <= 80 else value[:77] + "..."
    return f"is not valid: {key or 'the whole'} = {shown}: {complaint(first)}"
