"""Tables out of whatever holds them. What a library made is read by that library; nothing is imported for it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from headwater.errors import MissingExtra
from headwater.producer.profiles import hashing, objects, of_pandas, of_polars, values
from headwater.producer.profiles.values import Values

#: Rows of a batch, where we choose.
BATCH: Final = 1 << 17

Columns = Sequence[tuple[str, Callable[[], Values]]]
Made = Iterable[tuple[object, Callable[[], Values]]]


def library(data: Any) -> str:
    """Which library made it: the first part of its type's module."""
    return type(data).__module__.partition(".")[0].removeprefix("_")


def batches(data: Any) -> Iterator[Any] | None:
    """Tables one after another, where `data` is not in memory as a whole; None where it is.

    A LazyFrame and a DuckDB relation are computed by this, a RecordBatchReader is read to its end.
    """
    match library(data), type(data).__name__:
        case "pyarrow", "RecordBatchReader":
            return _arrow(data.schema, data)
        case "pyarrow", "Scanner":
            return _arrow(data.projected_schema, data.to_batches())
        case "pyarrow", "FileSystemDataset" | "InMemoryDataset" | "UnionDataset" | "Dataset":
            return _arrow(data.schema, data.to_batches())
        case "polars", "LazyFrame":
            return _lazy(data)
        case "duckdb", "DuckDBPyRelation":
            return _relation(data)
        case "narwhals", "LazyFrame":
            return batches(data.to_native())
        case _ if "pyarrow" in sys.modules and not _in_memory(data) and hasattr(data, "__arrow_c_stream__"):
            reader = sys.modules["pyarrow"].RecordBatchReader.from_stream(data)
            return _arrow(reader.schema, reader)
        case _:
            return None


def _in_memory(data: Any) -> bool:
    return library(data) in {"pyarrow", "polars", "pandas", "numpy", "narwhals"}


def _arrow(schema: Any, parts: Iterable[Any]) -> Iterator[Any]:
    """What has no rows has columns all the same: an empty table comes first."""
    yield schema.empty_table()
    yield from parts


def _lazy(data: Any) -> Iterator[Any]:
    yield data.limit(0).collect()
    collect = getattr(data, "collect_batches", None)
    yield from [data.collect()] if collect is None else collect(chunk_size=BATCH)


def _relation(data: Any) -> Iterator[Any]:
    if "pyarrow" in sys.modules:
        reader: Any = (getattr(data, "to_arrow_reader", None) or data.fetch_record_batch)(BATCH)
        return _arrow(reader.schema, reader)
    # numpy has no type for these and would round them.
    inexact = any(str(kind).startswith(("DECIMAL", "HUGEINT", "UHUGEINT", "BIGNUM")) for kind in data.types)
    if not inexact:
        return iter([data.fetchnumpy()])
    rows = data.fetchall()
    return iter([{name: [row[i] for row in rows] for i, name in enumerate(data.columns)}])


def columns(data: Any) -> Columns:
    """Each column's name, and what makes its values, so that only one need be copied at a time.

    A name that occurs again gets its number behind it. Raises MissingExtra where narwhals would be needed and is not
    installed, TypeError where `data` is no table.
    """
    found: list[tuple[str, Callable[[], Values]]] = []
    seen: dict[str, int] = {}
    for given, make in _lazily(data):
        name = str(given)
        seen[name] = seen.get(name, 0) + 1
        found.append((name if seen[name] == 1 else f"{name} ({seen[name]})", make))
    return found


def _lazily(data: Any) -> Made:
    if isinstance(data, Mapping):
        mapping = cast("Mapping[object, Any]", data)
        return [(name, functools.partial(of_column, mapping[name])) for name in mapping]
    match library(data), type(data).__name__:
        case "numpy", _ if isinstance(data, np.ndarray):
            return _of_numpy(cast("NDArray[Any]", data))
        case "pandas", "DataFrame":
            return [(name, functools.partial(_pandas_column, data, number)) for number, name in enumerate(data.columns)]
        case "polars", "DataFrame":
            return [(name, functools.partial(of_column, data[name])) for name in data.columns]
        case "pyarrow", "Table" | "RecordBatch":
            return [
                (name, functools.partial(of_column, data.column(number)))
                for number, name in enumerate(data.schema.names)
            ]
        case (("pandas" | "polars"), "Series"):
            return [(data.name or "value", functools.partial(of_column, data))]
        case _:
            return _of_narwhals(data)


def _of_numpy(array: NDArray[Any]) -> Made:
    if array.dtype.names is not None:
        return [(name, functools.partial(of_column, array[name])) for name in array.dtype.names]
    if array.ndim == 1:
        return [("value", functools.partial(of_column, array))]
    if array.ndim == 2:
        return [(number, functools.partial(of_column, array[:, number])) for number in range(array.shape[1])]
    raise TypeError(f"an array of {array.ndim} dimensions is no table")


def _of_narwhals(data: Any) -> Made:
    try:
        import narwhals as nw  # noqa: PLC0415 — optional, and only for dataframes that nothing here knows
    except ImportError as error:
        raise MissingExtra("profiles", "narwhals") from error
    frame: Any = nw.from_native(data, pass_through=False)
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    native: Any = nw.to_native(frame)
    if library(native) in {"pandas", "polars", "pyarrow"}:
        return _lazily(native)
    return [(name, functools.partial(_narwhals_column, frame[name])) for name in frame.columns]


def _pandas_column(frame: Any, number: int) -> Values:
    return of_pandas.of_pandas(frame.iloc[:, number])


def _narwhals_column(series: Any) -> Values:
    return objects.of_objects(series.to_list(), str(series.dtype))


def of_column(column: Any) -> Values:
    """One column: an array, a series, or anything that can be listed."""
    match library(column):
        case "polars":
            return of_polars.of_polars(column)
        case "pandas":
            return of_pandas.of_pandas(column)
        case "pyarrow":
            from headwater.producer.profiles import of_arrow  # noqa: PLC0415 — pyarrow made the column

            return of_arrow.of_arrow(column)
        case _:
            pass
    if isinstance(column, np.ma.MaskedArray):
        return _masked(column)
    if isinstance(column, np.ndarray):
        array = cast("NDArray[Any]", column)
        if array.ndim != 1:
            return objects.of_objects(array.tolist(), str(array.dtype))
        return values.of_array(array, str(array.dtype)) or objects.of_objects(array.tolist(), str(array.dtype))
    return objects.of_objects(list(column), "object")


def _masked(array: Any) -> Values:
    mask: values.Nulls = np.ma.getmaskarray(array)
    declared = str(array.dtype)
    data: NDArray[Any] = np.asarray(array.data)
    if not mask.any():
        return of_column(data)
    if data.dtype.kind == "O" or data.dtype.kind in "UST":
        listed: list[Any] = data.tolist()
        hidden: list[bool] = mask.tolist()
        return objects.of_objects([None if h else value for value, h in zip(listed, hidden, strict=True)], declared)
    found = of_column(np.where(mask, np.zeros(1, data.dtype), data))
    found.nulls = mask if found.nulls is None else mask | found.nulls
    found.hashes[mask] = hashing.NULL
    return found
