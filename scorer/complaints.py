"""What is wrong with a value, in our words: pydantic's are those of a programmer.

    error.errors()[0]           # {"type": "greater_than_equal", "ctx": {"ge": 1}, …}
    complaint(error.errors()[0])            # "must be 1 or more"

The one rule that is not obvious: a kind that is not known here keeps pydantic's sentence, which
is better than none.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

WORDS = {
    "json_invalid": "is not JSON ({error})",
    "missing": "is missing",
    "extra_forbidden": "is not known",
    "finite_number": "must be a finite number",
    "greater_than_equal": "must be {ge} or more",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be {le} or less",
    "less_than": "must be less than {lt}",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "literal_error": "must be {expected}",
}
KINDS = {
    ("int_type", "int_parsing", "int_from_float", "int_parsing_size"): "must be a whole number",
    ("float_type", "float_parsing"): "must be a number",
    ("bool_type", "bool_parsing"): "must be true or false",
    ("tuple_type", "list_type"): 'must be a list, as in ["one", "another"]',
    ("dict_type", "model_type", "model_attributes_type"): "must be an object, as in {{}}",
}


def complaint(detail: "ErrorDetails") -> str:
    """What one error of a `ValidationError` comes to."""
    kind = detail["type"]
    words = WORDS.get(kind) or next((said for kinds, said in KINDS.items() if kind in kinds), None)
    if words is not None:
        return words.format(**detail.get("ctx", {}))
    reason = detail["msg"].removeprefix("Value error, ")
    return reason[:1].lower() + reason[1:]
