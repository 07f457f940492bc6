"""Columns out of whatever holds them: any dataframe that narwhals knows, or a mapping of names to arrays or lists."""

from __future__ import annotations

import datetime as dt
import decimal
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from headwater.errors import MissingExtra
from headwater.producer import _json

NUMERIC: Final = "numeric"
TIMESTAMP: Final = "timestamp"
CATEGORICAL: Final = "categorical"
BOOLEAN: Final = "boolean"
OTHER: Final = "other"

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)


@dataclass
class Values:
    """One column. `numbers` for numeric, boolean and timestamp (int64 µs), else `codes` into `texts`; where
    `nulls` is True, what stands in the others means nothing.
    """

    kind: str
    declared_type: str
    nulls: NDArray[np.bool_]
    numbers: NDArray[Any] | None = None
    texts: Sequence[str] = ()
    codes: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.nulls)


def columns(data: Any) -> Iterable[tuple[str, Values]]:
    """Each column by its name, one after the other, so that only one is copied at a time.

    Raises MissingExtra where `data` is a dataframe and narwhals is not installed, TypeError where it is none.
    """
    if isinstance(data, Mapping):
        for name, column in cast("Mapping[object, Any]", data).items():
            yield str(name), column_values(column)
        return
    frame = _frame(data)
    for name in frame.columns:
        yield str(name), _series_values(frame[name])


def names(data: Any) -> list[str]:
    """The names of the columns."""
    if isinstance(data, Mapping):
        return [str(name) for name in cast("Mapping[object, Any]", data)]
    return [str(name) for name in _frame(data).columns]


def _frame(data: Any) -> Any:
    try:
        import narwhals as nw  # noqa: PLC0415 — optional, and only for those who hand over a dataframe
    except ImportError as error:
        raise MissingExtra("profiles", "narwhals") from error
    frame: Any = nw.from_native(data)
    return frame.collect() if isinstance(frame, nw.LazyFrame) else frame


def column_values(column: Any) -> Values:
    """One column from a numpy array or anything that can be listed."""
    if isinstance(column, np.ndarray):
        array = cast("NDArray[Any]", column)
    elif hasattr(column, "to_numpy"):
        array = cast("NDArray[Any]", column.to_numpy())
    else:
        listed: list[Any] = list(column)
        array = np.empty(len(listed), object)
        array[:] = listed
    if isinstance(array, np.ma.MaskedArray):
        masked = cast("Any", array)
        values = column_values(np.asarray(masked.data))
        values.nulls = values.nulls | np.ma.getmaskarray(masked)
        return values
    return _array_values(array, str(array.dtype))


def _array_values(array: NDArray[Any], declared: str) -> Values:
    nulls = np.zeros(len(array), np.bool_)
    match array.dtype.kind:
        case "f":
            return Values(NUMERIC, declared, nulls, numbers=array.astype(np.float64, copy=False))
        case "i" | "u":
            return Values(NUMERIC, declared, nulls, numbers=array)
        case "b":
            return Values(BOOLEAN, declared, nulls, numbers=array)
        case "M":
            return Values(TIMESTAMP, declared, np.isnat(array), numbers=_microseconds(array))
        case "m":
            seconds = array.astype("timedelta64[us]").astype(np.int64)
            return Values(NUMERIC, declared, np.isnat(array), numbers=seconds)
        case "U" | "T":
            return _text_values(array.tolist(), declared, CATEGORICAL)
        case _:
            return object_values(array.tolist(), declared)


def _microseconds(array: NDArray[Any]) -> NDArray[np.int64]:
    return array.astype("datetime64[us]").astype(np.int64)


def _series_values(series: Any) -> Values:
    """One column of a narwhals frame."""
    declared = str(series.dtype)
    plain: Any = series.dtype
    nulls: NDArray[np.bool_] = np.asarray(series.is_null().to_numpy(), np.bool_)
    if plain.is_float():
        return Values(NUMERIC, declared, nulls, numbers=np.asarray(_filled(series, nulls, 0.0), np.float64))
    if plain.is_integer():
        return Values(NUMERIC, declared, nulls, numbers=np.asarray(_filled(series, nulls, 0)))
    if declared == "Boolean":
        return Values(BOOLEAN, declared, nulls, numbers=np.asarray(_filled(series, nulls, value=False), np.bool_))
    if declared.startswith(("Datetime", "Date")):
        array = np.asarray(series.to_numpy())
        if array.dtype.kind == "M":
            return Values(TIMESTAMP, declared, nulls | np.isnat(array), numbers=_microseconds(array))
    if declared in {"String", "Categorical", "Enum"} or declared.startswith("Enum"):
        return _text_values(series.to_list(), declared, CATEGORICAL)
    return object_values(series.to_list(), declared)


def _filled(series: Any, nulls: NDArray[np.bool_], value: object) -> Any:
    return (series.fill_null(value) if nulls.any() else series).to_numpy()


def object_values(values: list[Any], declared: str) -> Values:
    """A column of Python objects: what kind it is shows the first that is not null."""
    first = next((value for value in values if not _is_null(value)), None)
    match first:
        case bool() | np.bool_():
            return _converted(values, declared, BOOLEAN, bool, np.bool_)
        case int() | float() | decimal.Decimal() | np.integer() | np.floating():
            whole = all(isinstance(v, int | np.integer) for v in values if v is not None)
            return _converted(values, declared, NUMERIC, int if whole else float, np.int64 if whole else np.float64)
        case dt.date():
            return _converted(values, declared, TIMESTAMP, _time, np.int64)
        case str():
            return _text_values(values, declared, CATEGORICAL)
        case _:
            return _text_values(values, declared, OTHER)


def _converted(values: list[Any], declared: str, kind: str, convert: Any, dtype: Any) -> Values:
    # NaN is a number and no null; in other columns it is what pandas puts where nothing is.
    nan_is_null = kind != NUMERIC
    nulls = np.fromiter((_is_null(v, nan=nan_is_null) for v in values), np.bool_, len(values))
    try:
        converted = [0 if null else convert(v) for v, null in zip(values, nulls, strict=True)]
        return Values(kind, declared, nulls, numbers=np.array(converted, dtype))
    except (TypeError, ValueError, OverflowError):
        return _text_values(values, declared, OTHER)


def _text_values(values: list[Any], declared: str, kind: str) -> Values:
    index: dict[Any, int] = {}
    known = index.setdefault
    try:
        codes = np.fromiter((known(value, len(index)) for value in values), np.int64, len(values))
        distinct = list(index)
    except TypeError:  # lists and dicts have no hash: as texts they have
        return _text_values([None if _is_null(v) else _json.text(v) for v in values], declared, OTHER)
    null_of = np.fromiter((_is_null(value) for value in distinct), np.bool_, len(distinct))
    texts = [value if isinstance(value, str) else _json.text(value) for value in distinct]
    return Values(kind, declared, null_of[codes] if len(codes) else np.zeros(0, np.bool_), texts=texts, codes=codes)


def _is_null(value: Any, *, nan: bool = True) -> bool:
    if value is None:
        return True
    if isinstance(value, str | int):
        return False
    if isinstance(value, float):
        return nan and math.isnan(value)
    return type(value).__name__ in {"NAType", "NaTType"}


def _time(value: Any) -> int:
    if not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    elif value.tzinfo is None:
        value = value.replace(tzinfo=dt.UTC)
    return cast("int", (value - _EPOCH) // _MICROSECOND)
