"""Columns of Polars. It imports nothing: a Series brings what is needed."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.producer.profiles import hashing, objects, values
from headwater.producer.profiles.values import Values

#: Texts taken out at a time.
_SLICE: Final = hashing.CHUNK
_INTEGERS: Final = {f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)}
_TEXTS: Final = {"String", "Utf8", "Categorical", "Enum"}


def of_polars(series: Any) -> Values:
    """A Series."""
    dtype = series.dtype
    declared = str(dtype)
    name = dtype.base_type().__name__
    nulls: NDArray[np.bool_] | None = series.is_null().to_numpy() if series.null_count() else None
    if name == "Null":
        return values.of_nulls(len(series), declared)
    if name in {"Float16", "Float32", "Float64"} or name in _INTEGERS:
        return values.of_numbers(_filled(series, 0), declared, nulls)
    if name == "Boolean":
        return values.of_numbers(_filled(series, False), declared, nulls)
    if name == "Date":
        return values.of_times(_filled(series.to_physical(), 0), "D", declared, nulls)
    if name == "Datetime":
        return values.of_times(_filled(series.to_physical(), 0), dtype.time_unit, declared, nulls)
    if name == "Duration":
        return values.of_durations(_filled(series.to_physical(), 0), dtype.time_unit, declared, nulls)
    if name == "Time":
        return values.of_durations(_filled(series.to_physical(), 0), "ns", declared, nulls)
    if name in _TEXTS:
        return _texts(series if name in {"String", "Utf8"} else series.cast(_string(series)), declared, nulls)
    return objects.of_objects(series.to_list(), declared)


def _string(series: Any) -> Any:
    """Polars' String, without importing it: the type of any text."""
    return type(series)([""]).dtype


def _filled(series: Any, value: object) -> NDArray[Any]:
    found: NDArray[Any] = (series.fill_null(value) if series.null_count() else series).to_numpy()
    return found


def _texts(series: Any, declared: str, nulls: NDArray[np.bool_] | None) -> Values:
    hashes = np.empty(len(series), np.uint64)
    filled = series if nulls is None else series.fill_null("")
    for start in range(0, len(series), _SLICE):
        piece = filled.slice(start, _SLICE)
        joined: str = piece.str.join("").item()
        hashes[start : start + len(piece)] = hashing.slices(
            joined.encode(), piece.str.len_bytes().to_numpy().astype(np.int64)
        )
    if nulls is not None:
        hashes[nulls] = hashing.NULL
    return Values(values.CATEGORICAL, declared, hashes, nulls, lambda indices: series.gather(indices).to_list())
