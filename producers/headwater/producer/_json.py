"""Values as JSON texts: what parameters, facets and feature values are on the wire."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, Final, cast

#: A text in quotes, as the encoder below writes it.
quoted: Final[Callable[[str], str]] = json.encoder.encode_basestring
#: Python refuses to write integers of thousands of digits.
_LARGE: Final = 10**1000
_encoder: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str, allow_nan=False)


def text(value: object) -> str:
    """A value as JSON; what JSON has no form for as text. Never raises.

    Python's nan and inf, which JSON lacks, become the strings "NaN", "Infinity" and "-Infinity".
    """
    kind = type(value)
    if kind is float:
        return repr(value) if math.isfinite(value) else f'"{_special(value)}"'  # type: ignore[arg-type]  # kind says float
    if kind is str:
        return quoted(value)  # type: ignore[arg-type]  # kind says str
    if kind is int and -_LARGE < value < _LARGE:  # type: ignore[operator]  # kind says int
        return repr(value)
    if kind is bool:
        return "true" if value else "false"
    if value is None:
        return "null"
    try:
        return _encoder.encode(plain(value))
    except Exception:  # a host's object may raise anything from __str__, and a circle of lists has no end
        return f'"<{kind.__name__}>"'


def _special(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def plain(value: Any) -> Any:
    """The value with numpy's scalars and arrays as Python's own, special floats and keys as text."""
    match value:
        case float():
            return float(value) if math.isfinite(value) else _special(value)
        case str() | int() | None:
            return value
        case dict():
            entries = cast("dict[object, object]", value)
            return {str(key): plain(entry) for key, entry in entries.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(entry) for entry in cast("list[Any]", value)]
        case _ if hasattr(value, "tolist"):
            return plain(value.tolist())
        case _:
            return value
