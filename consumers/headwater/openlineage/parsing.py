"""JSON as OpenLineage's clients write it."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson

from headwater.errors import InvalidMessage
from headwater.schemas import reasons

#: orjson makes inexact numbers of whole ones beyond 64 bits: those few texts go the slower way.
_ZEROS_FOR_DIGITS: Final = bytes(48 if 48 <= byte <= 57 else 120 for byte in range(256))
_LONG_NUMBER: Final = b"0" * 19


def parsed(text: bytes) -> Any:
    """A JSON text. What Python's clients write and JSON has not (NaN) is read too.

    Raises InvalidMessage (invalid_value).
    """
    try:
        if _LONG_NUMBER not in text.translate(_ZEROS_FOR_DIGITS):
            return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(text)
    except RecursionError:
        raise InvalidMessage(reasons.INVALID_VALUE, "nested too deep") from None
    except ValueError as error:  # also UnicodeDecodeError, and numbers of thousands of digits
        raise InvalidMessage(reasons.INVALID_VALUE, f"no JSON: {error}") from None


def as_text(value: Any, *, sort: bool = False) -> bytes:
    """A value as JSON, keys sorted or as they came. A value always has the same text, whoever parsed it.

    Raises UnicodeEncodeError for text that UTF-8 cannot hold, TypeError and ValueError for what JSON cannot.
    """
    text = exact_text(value, sort=sort)
    if text is not None:
        return text
    # Numbers beyond 64 bits, NaN and infinities, half signs: what orjson has no text for, or another value's.
    return json.dumps(value, sort_keys=sort, ensure_ascii=False, separators=(",", ":")).encode()


def exact_text(value: Any, *, sort: bool = False) -> bytes | None:
    """The same, where orjson has a text for it that says all of it; else None."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS if sort else None)
    except TypeError:
        return None
    # It writes null for NaN and infinities.
    return text if b"null" not in text or orjson.loads(text) == value else None
