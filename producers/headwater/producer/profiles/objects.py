"""Columns of Python objects: each value is hashed by its own type, the column's kind is that of them all."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import numbers
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.producer import _json
from headwater.producer.profiles import hashing, values
from headwater.producer.profiles.values import Values

_NULL, _BOOLEAN, _INTEGER, _FLOAT, _DECIMAL, _TIME, _DURATION, _CLOCK, _TEXT, _BYTES, _OTHER = range(11)
_NUMBERS: Final = {_BOOLEAN, _INTEGER, _FLOAT, _DECIMAL}
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
#: So many significant digits a float64 tells apart (IEEE 754: the nearest one reads back as the same decimal).
_EXACT_DIGITS: Final = 15
#: A decimal of a larger exponent is not written out as an integer.
_LARGEST_EXPONENT: Final = 400


def of_objects(column: Sequence[Any], declared: str) -> Values:
    """Any Python objects; None, pandas' NA and NaT, and NaN beside what is no number, are nulls."""
    families = {kind: _family(kind) for kind in set(map(type, column))}
    present = set(families.values())
    if _FLOAT in present and not present <= {*_NUMBERS, _NULL}:
        column, families, present = _without_nan(column, families)
    if _BOOLEAN in present and _FLOAT in present and present <= {_NULL, _BOOLEAN, _FLOAT}:
        column, families, present = _without_nan(column, families)
    if present <= {_NULL}:
        return values.of_nulls(len(column), declared)
    if len(present) == 1:
        return _of_family(present.pop(), column, declared)
    codes = np.fromiter(map(families.__getitem__, map(type, column)), np.uint8, len(column))
    nulls = codes == _NULL
    present.discard(_NULL)
    hashes = np.full(len(column), hashing.NULL)
    merged: NDArray[Any] = np.zeros(len(column))
    kinds: set[str] = set()
    for family in present:
        places = np.flatnonzero(codes == family)
        found = _of_family(family, [column[place] for place in places.tolist()], declared)
        hashes[places] = found.hashes
        if found.nulls is not None:
            nulls[places] = found.nulls
        kinds.add(found.kind)
        if found.numbers is not None:
            if len(present) == 1:
                merged = np.zeros(len(column), found.numbers.dtype)
            merged[places] = found.numbers
    kind = kinds.pop() if len(kinds) == 1 else values.NUMERIC if present <= _NUMBERS else values.OTHER
    has_numbers = kind in {values.NUMERIC, values.TIMESTAMP, values.BOOLEAN}
    return Values(
        kind, declared, hashes, nulls if nulls.any() else None, _texts_of(column), merged if has_numbers else None
    )


def _family(kind: type) -> int:
    if kind is type(None) or kind.__name__ in {"NAType", "NaTType"}:
        return _NULL
    for family, kinds in _FAMILIES:
        if issubclass(kind, kinds):
            return family
    return _OTHER


_FAMILIES: Final[Sequence[tuple[int, tuple[type, ...]]]] = (
    (_BOOLEAN, (bool, np.bool_)),
    (_TEXT, (str, uuid.UUID)),
    (_DURATION, (dt.timedelta, np.timedelta64)),  # before integers: numpy says that it is one
    (_INTEGER, (int, np.integer)),
    (_DECIMAL, (decimal.Decimal,)),
    (_FLOAT, (float, np.floating)),
    (_TIME, (dt.date, np.datetime64)),
    (_CLOCK, (dt.time,)),
    (_BYTES, (bytes, bytearray, memoryview)),
)


def _without_nan(column: Sequence[Any], families: dict[type, int]) -> tuple[Sequence[Any], dict[type, int], set[int]]:
    """With None for NaN: what pandas puts where nothing is."""
    cleaned: list[Any] = [None if families[type(v)] == _FLOAT and math.isnan(v) else v for v in column]
    families = families | {type(None): _NULL}
    return cleaned, families, {families[kind] for kind in set(map(type, cleaned))}


def _of_family(family: int, column: Sequence[Any], declared: str) -> Values:
    match family:
        case 1:  # booleans
            return values.of_numbers(np.array(column, np.bool_), declared)
        case 2:
            return _integers(column, declared)
        case 3:
            return values.of_numbers(np.array(column, np.float64), declared)
        case 4:
            return _hashed(column, declared, _decimal)
        case 5:
            return _times(column, declared)
        case 6:
            return _durations(column, declared)
        case 7:
            return _integers([_clock(value) for value in column], declared)
        case 8:
            texts = column if set(map(type, column)) == {str} else [str(value) for value in column]
            return Values(values.CATEGORICAL, declared, hashing.texts(texts), None, _texts_of(texts))
        case 9:
            return Values(values.OTHER, declared, hashing.binaries([bytes(v) for v in column]), None, _texts_of(column))
        case _:
            texts = [_json.text(value) for value in column]
            return Values(values.OTHER, declared, hashing.texts(texts), None, _texts_of(texts))


def _texts_of(column: Sequence[Any]) -> Callable[[values.Indices], list[str]]:
    return lambda indices: [_text(column[index]) for index in indices.tolist()]


def _text(value: Any) -> str:
    family = _family(value.__class__)
    if family == _TEXT:
        return str(value)
    if family == _BYTES:
        return bytes(value).decode("utf-8", "backslashreplace")
    if family == _TIME:
        return values.time_texts(np.array([_time(value) or 0], np.int64))[0]
    if family == _DURATION:
        return str(_duration(value))
    if family == _CLOCK:
        return str(_clock(value))
    if family == _FLOAT and float(value).is_integer():
        return str(int(value))
    if family == _DECIMAL:
        whole = value.is_finite() and value == value.to_integral_value()
        return str(int(value)) if whole else format(value, "f")
    return _json.text(value)


def _integers(column: Sequence[Any], declared: str) -> Values:
    for dtype in (np.int64, np.uint64) if min(column) >= 0 else (np.int64,):
        try:
            return values.of_numbers(np.array(column, dtype), declared)
        except OverflowError:
            continue
    return _hashed([int(value) for value in column], declared, hashing.integer)


def _hashed(column: Sequence[Any], declared: str, hash_of: Callable[[Any], np.uint64]) -> Values:
    """Numbers that numpy has no type for: told as the nearest float64, hashed one by one."""
    floats = np.array([_float(value) for value in column], np.float64)
    found = values.of_numbers(floats, declared)
    hashes = np.fromiter(map(hash_of, column), np.uint64, len(column))
    return Values(values.NUMERIC, declared, hashes, None, _texts_of(column), found.numbers)


def _float(value: numbers.Real | decimal.Decimal) -> float:
    try:
        return float(value)
    except OverflowError:
        return -math.inf if value < 0 else math.inf
    except ValueError:  # a signalling NaN
        return math.nan


def _decimal(value: decimal.Decimal) -> np.uint64:
    sign, digits, exponent = value.as_tuple()
    if isinstance(exponent, str):  # NaN or infinite
        return _of_float(_float(value))
    text = "".join(map(str, digits)).lstrip("0")
    shortened = text.rstrip("0")
    exponent += len(text) - len(shortened)
    if len(shortened) <= _EXACT_DIGITS:
        return _of_float(_float(value))
    if 0 <= exponent < _LARGEST_EXPONENT:
        return hashing.integer(int(shortened) * 10**exponent * (-1 if sign else 1))
    return hashing.decimal(sign == 1, shortened, exponent)


def _of_float(value: float) -> np.uint64:
    found: np.uint64 = hashing.numbers(np.array([value], np.float64))[0]
    return found


def _durations(column: Sequence[Any], declared: str) -> Values:
    counts = [_duration(value) for value in column]
    found = _integers([count or 0 for count in counts], declared)
    nulls = np.array([count is None for count in counts], np.bool_)
    if nulls.any():
        found.nulls = nulls
        found.hashes[nulls] = hashing.NULL
    return found


def _times(column: Sequence[Any], declared: str) -> Values:
    found = [_time(value) for value in column]
    nulls = np.array([value is None for value in found], np.bool_)
    return values.of_times(np.array([value or 0 for value in found], np.int64), "us", declared, nulls)


def _time(value: Any) -> int | None:
    if hasattr(value, "dtype"):  # numpy's
        return None if np.isnat(value) else int(np.array(value, "datetime64[us]").astype(np.int64))
    if not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    elif value.tzinfo is None:
        value = value.replace(tzinfo=dt.UTC)
    microseconds: int = (value - _EPOCH) // _MICROSECOND
    return microseconds


def _duration(value: Any) -> int | None:
    if hasattr(value, "dtype"):  # numpy's
        return None if np.isnat(value) else int(np.array(value, "timedelta64[us]").astype(np.int64))
    microseconds: int = value // _MICROSECOND
    return microseconds


def _clock(value: dt.time) -> int:
    return ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond
