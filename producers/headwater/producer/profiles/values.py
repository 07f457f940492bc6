"""One column, or a batch of one, as the statistics want it; and how numpy's arrays become that."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.producer import _json
from headwater.producer.profiles import hashing
from headwater.producer.profiles.hashing import Hashes

NUMERIC: Final = "numeric"
TIMESTAMP: Final = "timestamp"
CATEGORICAL: Final = "categorical"
BOOLEAN: Final = "boolean"
OTHER: Final = "other"
#: Nothing but nulls in it, of no known type: a later batch may say what it is.
UNKNOWN: Final = ""

Nulls = NDArray[np.bool_]
Indices = NDArray[np.int64]

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_DAY: Final = 86_400_000_000
#: How many of a time's units make a µs, or how many µs a unit makes.
_UNITS: Final = {"ns": (1, 1000), "us": (1, 1), "ms": (1000, 1), "s": (1_000_000, 1), "D": (_DAY, 1)}


@dataclass(slots=True)
class Values:
    """A column's values.

    `hashes`: one a row, NULL where it is null or NaN. `nulls`: which are null, None where none is. `numbers`: of a
    numeric or boolean column, or µs since 1970 of a timestamp; where a row is null, what stands there means nothing.
    `texts`: the values of rows as texts.
    """

    kind: str
    declared_type: str
    hashes: Hashes
    nulls: Nulls | None
    texts: Callable[[Indices], list[str]]
    numbers: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.hashes)


def of_nulls(count: int, declared: str, kind: str = UNKNOWN) -> Values:
    """A column of nothing but nulls."""
    return Values(
        kind, declared, np.full(count, hashing.NULL), np.ones(count, np.bool_) if count else None, lambda _: []
    )


def of_numbers(numbers: NDArray[Any], declared: str, nulls: Nulls | None = None) -> Values:
    """Floats, integers or booleans; where null, anything but NaN."""
    kind = numbers.dtype.kind
    if kind == "f" and numbers.dtype.itemsize > 8:
        numbers = numbers.astype(np.float64)
    if kind == "b":
        hashes = _BOOLEANS[numbers.view(np.uint8)]
    else:
        hashes = hashing.numbers(numbers) if kind == "f" else hashing.integers(numbers)
    return _finished(BOOLEAN if kind == "b" else NUMERIC, declared, hashes, nulls, numbers, _number_texts)


def of_times(counts: NDArray[np.int64], unit: str, declared: str, nulls: Nulls | None = None) -> Values:
    """Times since 1970 UTC in `unit` (ns, us, ms, s or D)."""
    numbers = microseconds(counts, unit)
    return _finished(TIMESTAMP, declared, hashing.times(numbers), nulls, numbers, time_texts)


def of_durations(counts: NDArray[np.int64], unit: str, declared: str, nulls: Nulls | None = None) -> Values:
    """Durations, or times of day, in `unit`: numbers of µs."""
    return of_numbers(microseconds(counts, unit), declared, nulls)


def of_codes(codes: NDArray[np.integer[Any]], dictionary: Values, declared: str, nulls: Nulls | None = None) -> Values:
    """Where values are told once and rows refer to them by number; a negative number is a null."""
    absent = codes < 0 if codes.dtype.kind == "i" else np.zeros(len(codes), np.bool_)
    if nulls is not None:
        absent |= nulls
    if len(dictionary) == 0:
        return of_nulls(len(codes), declared, dictionary.kind)
    taken = np.where(absent, 0, codes).astype(np.int64)
    if dictionary.nulls is not None:
        absent |= dictionary.nulls[taken]
    hashes = dictionary.hashes[taken]
    hashes[absent] = hashing.NULL
    return Values(
        dictionary.kind,
        declared,
        hashes,
        absent if absent.any() else None,
        lambda indices: dictionary.texts(taken[indices]),
        None if dictionary.numbers is None else dictionary.numbers[taken],
    )


def of_array(array: NDArray[Any], declared: str, *, nan_is_null: bool = False) -> Values | None:
    """A numpy array of one dimension; None where it holds objects or texts, which have another way."""
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    match array.dtype.kind:
        case "f" | "i" | "u" | "b":
            nulls = np.isnan(array) if nan_is_null and array.dtype.kind == "f" else None
            return of_numbers(array, declared, nulls)
        case "M" | "m":
            unit, step = np.datetime_data(array.dtype)
            if unit not in _UNITS or step != 1:
                unit = "us"
                array = array.astype(f"{array.dtype.kind}8[us]")
            make = of_times if array.dtype.kind == "M" else of_durations
            return make(array.view(np.int64), unit, declared, np.isnat(array))
        case _:
            return None


def microseconds(counts: NDArray[np.int64], unit: str) -> NDArray[np.int64]:
    """Times or durations in µs, rounded down."""
    multiplied, divided = _UNITS[unit]
    counts = counts.astype(np.int64, copy=False)
    if divided > 1:
        return np.floor_divide(counts, divided)
    with np.errstate(over="ignore"):
        return counts * multiplied if multiplied > 1 else counts


def join(parts: Sequence[Values], declared: str) -> Values:
    """Parts of one column as one; kinds that differ become other."""
    if len(parts) == 1:
        return parts[0]
    kinds = {part.kind for part in parts} - {UNKNOWN} or {UNKNOWN}
    kind = kinds.pop() if len(kinds) == 1 else OTHER
    starts: Indices = np.cumsum([0, *(len(part) for part in parts)])

    def texts(indices: Indices) -> list[str]:
        found: list[str] = []
        owners: list[int] = (np.searchsorted(starts, indices, side="right") - 1).tolist()
        for owner, index in zip(owners, indices.tolist(), strict=True):
            found += parts[owner].texts(np.array([index - int(starts[owner])]))
        return found

    return Values(
        kind,
        declared,
        np.concatenate([part.hashes for part in parts]),
        np.concatenate([np.zeros(len(p), np.bool_) if p.nulls is None else p.nulls for p in parts])
        if any(part.nulls is not None for part in parts)
        else None,
        texts,
        np.concatenate([np.zeros(len(p)) if p.numbers is None else p.numbers for p in parts])
        if kind in {NUMERIC, BOOLEAN, TIMESTAMP}
        else None,
    )


def _finished(
    kind: str,
    declared: str,
    hashes: Hashes,
    nulls: Nulls | None,
    numbers: NDArray[Any],
    texts: Callable[[NDArray[Any]], list[str]],
) -> Values:
    if nulls is not None:
        nulls = nulls if nulls.any() else None
    if nulls is not None:
        hashes[nulls] = hashing.NULL
    return Values(kind, declared, hashes, nulls, lambda indices: texts(numbers[indices]), numbers)


def _number_texts(numbers: NDArray[Any]) -> list[str]:
    """As a person writes them: whole numbers without a point, whatever type a library made of them."""
    return [
        _json.text(int(number) if isinstance(number, float) and number.is_integer() else number)
        for number in numbers.tolist()
    ]


def time_texts(times: NDArray[np.int64]) -> list[str]:
    """ISO 8601: a date where it is midnight, else a time in UTC; µs beyond the year 9999 as numbers."""
    found: list[str] = []
    for time in times.tolist():
        try:
            moment = _EPOCH + dt.timedelta(microseconds=time)
        except OverflowError:
            found.append(str(time))
            continue
        found.append(moment.date().isoformat() if time % _DAY == 0 else moment.isoformat().replace("+00:00", "Z"))
    return found


_BOOLEANS: Final = hashing.numbers(np.array([0.0, 1.0]))
