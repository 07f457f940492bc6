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
