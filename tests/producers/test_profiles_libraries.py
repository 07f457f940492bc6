"""The same content in any library has the same fingerprint, sketches and kinds; what is odd in one does not hurt."""

from __future__ import annotations

import datetime as dt
import decimal
import importlib
import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.producer.profiles import frames, profile

# They ship no types.
pa: Any = importlib.import_module("pyarrow")
pd: Any = importlib.import_module("pandas")
arrow_dataset: Any = importlib.import_module("pyarrow.dataset")

CELLS: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "small": (pa.int16(), st.integers(-(2**15), 2**15 - 1)),
    "integers": (pa.int64(), st.integers(-(2**53), 2**53)),
    "floats": (pa.float64(), st.floats()),
    "singles": (pa.float32(), st.floats(width=32)),
    "texts": (pa.string(), st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)),
    "booleans": (pa.bool_(), st.booleans()),
    "times": (
        pa.timestamp("us"),
        st.datetimes(min_value=dt.datetime(1800, 1, 1), max_value=dt.datetime(2200, 1, 1)),
    ),
    "days": (pa.date32(), st.dates(min_value=dt.date(1800, 1, 1), max_value=dt.date(2200, 1, 1))),
    "bytes": (pa.binary(), st.binary(max_size=9)),
    "decimals": (pa.decimal128(18, 2), st.decimals(-(10**15), 10**15, places=2)),
    "durations": (pa.duration("us"), st.timedeltas(dt.timedelta(days=-9), dt.timedelta(days=9))),
    "lists": (pa.list_(pa.int64()), st.lists(st.integers(-5, 5), max_size=3)),
    "structs": (pa.struct([("a", pa.int64())]), st.fixed_dictionaries({"a": st.integers(0, 9)})),
}


@st.composite
def tables(draw: st.DrawFn) -> Any:
    """All columns, with nulls; at least one row."""
    rows = draw(st.integers(1, 8))
    columns: dict[str, Any] = {}
    for name, (kind, cells) in CELLS.items():
        given_ = draw(st.lists(cells | st.none(), min_size=rows, max_size=rows))
        columns[name] = pa.array(given_, kind)
    return pa.table(columns)


def relation(table: Any) -> Any:
    return duckdb.connect().from_arrow(table)


LIBRARIES: dict[str, Callable[[Any], Any]] = {
    "lists": lambda table: table.to_pydict(),
    "arrow in pieces": lambda table: pa.concat_tables([table.slice(0, 1), table.slice(1)]),
    "arrow arrays": lambda table: dict(zip(table.column_names, table.columns, strict=True)),
    "record batch": lambda table: table.combine_chunks().to_batches()[0],
    "dataset": arrow_dataset.dataset,
    "scanner": lambda table: arrow_dataset.dataset(table).scanner(),
    "reader": lambda table: table.to_reader(max_chunksize=2),
    "dictionaries": lambda table: table.set_column(4, "texts", table["texts"].dictionary_encode()),
    "views": lambda table: table.set_column(4, "texts", table["texts"].cast(pa.string_view())),
    "polars": pl.DataFrame,
    "lazy": lambda table: pl.DataFrame(table).lazy(),
    "categoricals": lambda table: pl.DataFrame(table).with_columns(pl.col("texts").cast(pl.Categorical)),
    "narwhals": lambda table: nw.from_native(pl.DataFrame(table)),
    "narwhals, lazy": lambda table: nw.from_native(pl.DataFrame(table).lazy()),
    "pandas on arrow": lambda table: table.to_pandas(types_mapper=pd.ArrowDtype),
    "pandas nullable": lambda table: table.to_pandas().convert_dtypes() if not _has_nan(table) else table,
    "pandas": lambda table: table.to_pandas(),
    "pandas categorical": lambda table: table.to_pandas().astype({"texts": "category", "integers": "category"}),
    "duckdb": relation,
}


def _has_nan(table: Any) -> bool:
    """pandas takes it for a missing value, which is what a fingerprint does; the nullable types do not always."""
    return any(math.isnan(v) for name in ("floats", "singles") for v in table[name].to_pylist() if v is not None)


@settings(max_examples=15, deadline=None)
@given(tables())
def test_each_library_gives_the_same_fingerprint(table: Any) -> None:
    """With nulls, NaN, infinities, empty texts; whatever the library makes of the types."""
    expected = profile(table)
    for library, make in LIBRARIES.items():
        found = profile(make(table))
        assert found.rows == expected.rows, library
        kmv = {column["name"]: column["kmv"] for column in expected.columns}
        assert {column["name"]: column["kmv"] for column in found.columns} == kmv, library
        assert found.fingerprint == expected.fingerprint, library
        assert found.row_kmv == expected.row_kmv, library
        kinds = {c["name"]: c["type"] for c in expected.columns if c["nulls"] + c.get("nans", 0) < c["count"]}
        assert {c["name"]: c["type"] for c in found.columns if c["name"] in kinds} == kinds, library


def test_a_table_without_rows_has_its_columns() -> None:
    """In each library: a check of the schema must not see them removed."""
    empty = pa.table({name: pa.array([], kind) for name, (kind, _) in CELLS.items()})
    made = {library: make(empty) for library, make in LIBRARIES.items() if library != "record batch"}
    made["record batch"] = pa.RecordBatch.from_pylist([], empty.schema)
    for library, data in made.items():
        found = profile(data)
        assert (found.rows, found.columns_total) == (0, len(CELLS)), library
        assert [(c["name"], c["count"]) for c in found.columns] == [(name, 0) for name in CELLS], library


@pytest.mark.parametrize("inexact", [False, True])
def test_a_relation_without_arrow(monkeypatch: pytest.MonkeyPatch, inexact: bool) -> None:
    """Where the host has no pyarrow, DuckDB's own ways serve, and what numpy would round stays whole."""
    large = ", 12345678901234567.25::DECIMAL(38,2) AS d, 170141183460469231731687303715884105727::HUGEINT AS h"
    query = (
        "SELECT i::INTEGER AS i, i / 7 AS f, 't' || i AS t, DATE '2020-01-01' + i::INTEGER AS day, "
        "CASE WHEN i % 3 = 0 THEN NULL ELSE i % 2 = 0 END AS b, TIMESTAMPTZ '2020-01-01 00:00:00+02' AS z, "
        f"[i, 2] AS l, 'x'::BLOB AS bytes{large if inexact else ''} FROM range(100) r(i)"
    )
    connection = duckdb.connect()
    expected = profile(connection.sql(query).to_arrow_table())
    monkeypatch.setattr(sys, "modules", {k: v for k, v in sys.modules.items() if k != "pyarrow"})
    found = profile(connection.sql(query))
    assert found.fingerprint == expected.fingerprint
    assert [c["type"] for c in found.columns] == [c["type"] for c in expected.columns]


def test_arrays_of_numpy() -> None:
    """Structured, masked, of two dimensions, of one; of the other byte order; texts of both kinds."""
    plain = profile({"a": [1, 2, 3], "b": ["x", "yy", "x"]}).fingerprint
    structured = np.array([(1, "x"), (2, "yy"), (3, "x")], [("a", ">i2"), ("b", "U5")])
    assert profile(structured).fingerprint == plain
    assert profile(np.rec.array(structured)).fingerprint == plain
    grid = profile(np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert [(c["name"], c["maximum"]) for c in grid.columns] == [("0", 3.0), ("1", 4.0)]
    assert profile(np.arange(3)).columns[0]["name"] == "value"
    masked: dict[str, Any] = {
        "m": np.ma.array([1, 2, 3], mask=[False, True, False]),
        "t": np.ma.array(["a", "b", "c"], mask=[True, False, False]),
        "s": np.array(["a", "b", "c"], np.dtypes.StringDType()),
    }
    assert profile(masked).fingerprint == profile({"m": [1, None, 3], "t": [None, "b", "c"], "s": "abc"}).fingerprint
    with pytest.raises(TypeError, match="3 dimensions"):
        profile(np.zeros((2, 2, 2)))


def test_series_alone() -> None:
    """A table of one column."""
    for series in (pd.Series([1, 2], name="x"), pl.Series("x", [1, 2])):
        assert profile(series).fingerprint == profile({"x": [1, 2]}).fingerprint


def test_times_of_any_unit_and_zone() -> None:
    """All are µs UTC; a time without a zone is taken as UTC."""
    moment = dt.datetime(2020, 5, 6, 7, 8, 9, tzinfo=dt.UTC)
    berlin = dt.timezone(dt.timedelta(hours=2))
    series = pd.Series([pd.Timestamp(moment)])
    ways = [
        [moment],
        [moment.astimezone(berlin)],
        [moment.replace(tzinfo=None)],
        *(np.array(["2020-05-06T07:08:09"], f"datetime64[{unit}]") for unit in ("s", "ms", "us", "ns")),
        series.dt.tz_convert("America/New_York"),
        series.dt.as_unit("ns"),
        *(pl.Series([moment]).dt.cast_time_unit(unit) for unit in ("ms", "us", "ns")),
        pl.Series([moment]).dt.convert_time_zone("Asia/Tokyo"),
        pa.array([moment], pa.timestamp("s", "Europe/Paris")),
        [np.datetime64("2020-05-06T07:08:09")],
    ]
    expected = profile({"t": ways[0]})
    for way in ways:
        found = profile({"t": way})
        assert found.fingerprint == expected.fingerprint, way
        assert found.columns[0]["type"] == "timestamp"
        assert found.columns[0]["minimum"] == moment.timestamp() * 1e6


def test_categories_of_any_type_of_pandas() -> None:
    """They count as what they stand for."""
    moments = pd.to_datetime(["2020-01-01", "2020-01-02", None]).tz_localize("Europe/Berlin")
    for plain in (pd.Series(moments), pd.Series([1, 2, None], dtype="Int64"), pd.Series([True, None], dtype="boolean")):
        found, expected = (profile({"x": series}) for series in (plain.astype("category"), plain))
        assert found.fingerprint == expected.fingerprint
        assert found.columns[0]["type"] == expected.columns[0]["type"]
        assert found.columns[0]["nulls"] == expected.columns[0]["nulls"] == 1


def test_a_dataframe_that_only_narwhals_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its columns come as lists."""
    given_ = {"x": [1, None], "s": ["a", "b"]}
    whose = frames.library

    def unknown(data: object) -> str:
        return "unknown" if isinstance(data, pl.DataFrame) else whose(data)

    monkeypatch.setattr(frames, "library", unknown)
    monkeypatch.setattr(frames, "_in_memory", unknown)  # else it would be read as a stream of Arrow
    assert profile(pl.DataFrame(given_)).fingerprint == profile(given_).fingerprint


def test_what_is_no_table_is_refused() -> None:
    """Narwhals is asked last."""
    for other in (7, object(), "text"):
        with pytest.raises(TypeError):
            profile(other)


def test_what_a_column_of_objects_may_hold() -> None:
    """Mixed types, integers of any size, decimals, texts that no UTF-8 holds, circles of lists, wide floats."""
    circle: list[Any] = []
    circle.append(circle)
    columns = {
        "mixed": [1, "1", 1.0, True, None, b"1", dt.date(2020, 1, 1), [1], {"a": 1}, dt.time(1), math.nan],
        "huge": [2**63, 2**64, -(2**70), 10**400, 1, 2, 3, 4, 5, 6, 10**5000],
        "decimals": [decimal.Decimal(f"{i}.10") for i in range(10)] + [decimal.Decimal("sNaN")],
        "odd": ["\ud800", "", "\0", *"abcdefgh"],
        "circle": [circle, *range(10)],
        "wide": np.arange(11).astype(np.longdouble),
        "half": np.arange(11).astype(np.float16),
        "complex": np.arange(11).astype(complex),
        "numpy": [np.int8(1), np.float32(2), np.float64(3), None, math.nan, *range(6)],
    }
    found = {column["name"]: column for column in profile(columns).columns}
    assert {name: column["type"] for name, column in found.items()} == {
        "mixed": "other", "huge": "numeric", "decimals": "numeric", "odd": "categorical", "circle": "other",
        "wide": "numeric", "half": "numeric", "complex": "other", "numpy": "numeric",
    }  # fmt: skip
    assert (found["mixed"]["nulls"], found["mixed"]["distinct"]) == (2, 6)  # 1, 1.0, True are one, "1" and b"1" too
    assert (found["huge"]["distinct"], found["huge"]["positive_infinities"]) == (11, 2)
    assert (found["decimals"]["nans"], found["decimals"]["maximum"]) == (1, 9.1)
    assert (found["numpy"]["nulls"], found["numpy"]["nans"]) == (1, 1)


@pytest.mark.parametrize("kind", ["float64", "Int64", "string", "datetime64[ns, UTC]", "category", "bool"])
def test_no_rows_one_row_and_nothing_but_nulls(kind: str) -> None:
    """Of each type of pandas; constants and single values too."""
    empty = profile(pd.DataFrame({"x": pd.Series([], dtype=kind)}))
    assert (empty.rows, empty.columns[0]["count"], empty.columns[0]["distinct"]) == (0, 0, 0)
    if kind != "bool":
        (nulls,) = profile(pd.DataFrame({"x": pd.Series([None, None], dtype=kind)})).columns
        assert (nulls["count"], nulls["nulls"], nulls["distinct"]) == (2, 2, 0)
    (one,) = profile(pd.DataFrame({"x": pd.Series([1 if kind != "string" else "1"], dtype=kind)})).columns
    assert (one["count"], one["distinct"], one["distinct_exact"]) == (1, 1, True)


def test_columns_beyond_the_cap_and_of_the_same_name() -> None:
    """The first 500, and the fingerprint says that it is of a part; a name that returns is numbered."""
    wide = profile(pd.DataFrame(np.zeros((2, 10_000))))
    assert (len(wide.columns), wide.columns_total) == (500, 10_000)
    assert wide.fingerprint is not None
    assert wide.fingerprint["algorithm"].endswith("/partial")
    twice = profile(pd.DataFrame([[1, 2]], columns=["x", "x"]))
    assert [column["name"] for column in twice.columns] == ["x", "x (2)"]


OTHERS = {"pandas", "polars", "pyarrow", "duckdb", "narwhals"}
#: What a host imports, its data, and which others a profile may then import.
HOSTS = {
    "": ("{'x': [1, None], 's': ['a', 'b']}", set[str]()),
    "import numpy": ("numpy.zeros((2, 2))", set[str]()),
    "import polars": ("polars.DataFrame({'x': [1], 's': ['a']}).lazy()", set[str]()),
    "import pandas": ("pandas.DataFrame({'x': [1], 's': ['a']})", {"pyarrow"}),  # which holds its texts
    "import pyarrow": ("pyarrow.table({'x': [1], 's': ['a']})", {"pandas"}),  # asked for by pyarrow itself
    "import duckdb": ("duckdb.sql(\"select 1 x, 'a' s\")", set[str]()),
}


@pytest.mark.parametrize("statement", HOSTS)
def test_no_library_is_imported_that_the_host_did_not(statement: str) -> None:
    """numpy alone for arrays and lists; each library alone for its own data."""
    data, allowed = HOSTS[statement]
    code = (
        f"import sys\n{statement}\ndata = {data}\nbefore = set(sys.modules)\n"
        "from headwater.producer.profiles import profile\nassert profile(data).rows\n"
        f"print(*sorted({OTHERS!r} & (set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) <= allowed
