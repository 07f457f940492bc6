"""Columns of pyarrow: tables, record batches, arrays. Imported only for data that pyarrow made."""

from __future__ import annotations

import importlib
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.producer.profiles import hashing, objects, values
from headwater.producer.profiles.values import Nulls, Values

pa: Final[Any] = importlib.import_module("pyarrow")  # which ships no types
pc: Final[Any] = importlib.import_module("pyarrow.compute")

#: A decimal of at most so many digits is exact in an int64 …
_INT64_DIGITS: Final = 18
#: … and so many divide by their power of ten to the nearest float64.
_EXACT: Final = 10**15
_MICROSECONDS: Final = {"month": 30 * 86_400_000_000, "day": 86_400_000_000}


def of_arrow(column: Any) -> Values:
    """An Array or a ChunkedArray."""
    declared = str(column.type)
    if not isinstance(column, pa.ChunkedArray):
        return _of_array(column, declared)
    chunks = [chunk for chunk in column.chunks if len(chunk)]
    if not chunks:
        return _of_array(pa.array([], column.type), declared)
    return values.join([_of_array(chunk, declared) for chunk in chunks], declared)


def _of_array(array: Any, declared: str) -> Values:
    kind = array.type
    types = pa.types
    if types.is_null(kind):
        return values.of_nulls(len(array), declared)
    if types.is_dictionary(kind):
        dictionary = _of_array(array.dictionary, declared)
        return values.of_codes(_filled(array.indices), dictionary, declared, _nulls(array))
    if types.is_boolean(kind):
        found = (pc.fill_null(array, False) if array.null_count else array).to_numpy(zero_copy_only=False)
        return values.of_numbers(found, declared, _nulls(array))
    if types.is_integer(kind) or types.is_floating(kind):
        return values.of_numbers(_filled(array), declared, _nulls(array))
    if types.is_timestamp(kind):
        return values.of_times(_filled(array.view(pa.int64())), kind.unit, declared, _nulls(array))
    if types.is_date32(kind):
        return values.of_times(_filled(array.view(pa.int32())), "D", declared, _nulls(array))
    if types.is_date64(kind):
        return values.of_times(_filled(array.view(pa.int64())), "ms", declared, _nulls(array))
    if types.is_duration(kind) or types.is_time64(kind):
        return values.of_durations(_filled(array.view(pa.int64())), kind.unit, declared, _nulls(array))
    if types.is_time32(kind):
        return values.of_durations(_filled(array.view(pa.int32())), kind.unit, declared, _nulls(array))
    if types.is_decimal128(kind) and kind.precision <= _INT64_DIGITS and 0 <= kind.scale <= _INT64_DIGITS:
        return _decimals(array, declared)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind) or types.is_large_binary(kind):
        return _texts(array, declared)
    if str(kind) in {"string_view", "binary_view"}:
        return _texts(array.cast(pa.large_string() if str(kind) == "string_view" else pa.large_binary()), declared)
    if str(kind).startswith("run_end_encoded"):
        return _of_array(pc.run_end_decode(array), declared)
    if str(kind) == "month_day_nano_interval":
        return _intervals(array, declared)
    return objects.of_objects(array.to_pylist(), declared)


def _nulls(array: Any) -> Nulls | None:
    if array.null_count == 0:
        return None
    found: Nulls = array.is_null().to_numpy(zero_copy_only=False)
    return found


def _filled(array: Any) -> NDArray[Any]:
    """With zeros for nulls, so that integers stay integers."""
    found: NDArray[Any] = (pc.fill_null(array, pa.scalar(0, array.type)) if array.null_count else array).to_numpy()
    return found


def _texts(array: Any, declared: str) -> Values:
    kind = array.type
    large = pa.types.is_large_string(kind) or pa.types.is_large_binary(kind)
    plain = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    _, positions, data = array.buffers()
    offsets: hashing.Offsets = np.frombuffer(positions, np.dtype(np.int64 if large else np.int32))
    offsets = offsets[array.offset : array.offset + len(array) + 1]
    if len(array) == 0:
        return Values(values.CATEGORICAL if plain else values.OTHER, declared, np.zeros(0, np.uint64), None, _none)
    content = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    hashes = hashing.buffer(content, offsets)
    nulls = _nulls(array)
    if nulls is not None:
        hashes[nulls] = hashing.NULL

    def texts(indices: values.Indices) -> list[str]:
        taken: list[Any] = array.take(pa.array(indices)).to_pylist()
        return [v if isinstance(v, str) else v.decode("utf-8", "backslashreplace") for v in taken]

    return Values(values.CATEGORICAL if plain else values.OTHER, declared, hashes, nulls, texts)


def _none(_: values.Indices) -> list[str]:
    return []


def _decimals(array: Any, declared: str) -> Values:
    """Decimals whose unscaled integers fit an int64: the low word of Arrow's 128 bits."""
    _, data = array.buffers()
    low = np.frombuffer(data, np.int64)[0::2][array.offset : array.offset + len(array)]
    nulls = _nulls(array)
    unscaled = low if nulls is None else np.where(nulls, 0, low)
    if len(unscaled) and int(np.abs(unscaled).max()) >= _EXACT:
        return objects.of_objects(array.to_pylist(), declared)
    return values.of_numbers(unscaled / float(10**array.type.scale), declared, nulls)


def _intervals(array: Any, declared: str) -> Values:
    """Months count 30 days, as DuckDB has it where it gives them to Python."""
    counts = [
        None
        if value is None
        else value.months * _MICROSECONDS["month"] + value.days * _MICROSECONDS["day"] + value.nanoseconds // 1000
        for value in array.to_pylist()
    ]
    nulls = np.array([count is None for count in counts], np.bool_)
    return values.of_durations(np.array([count or 0 for count in counts], np.int64), "us", declared, nulls)
