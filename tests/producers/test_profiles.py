"""Profiles: the statistics are right, the same for each library that holds the data, and the hashes never change."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.producer import InMemoryProducer, _avro
from headwater.producer.profiles import hashing, profile, sketches
from headwater.settings import Settings


def columns(data: Any, **options: Any) -> dict[str, dict[str, Any]]:
    return {column["name"]: column for column in profile(data, **options).columns}


def test_numbers() -> None:
    """Counts, extremes, mean, M2 and the quantiles of the finite values."""
    values = np.random.default_rng(1).normal(size=10_001)
    column = columns({"x": np.concatenate([values, [np.nan, np.inf, np.inf, -np.inf]])})["x"]
    assert (column["type"], column["count"], column["nulls"], column["nans"]) == ("numeric", 10_005, 0, 1)
    assert (column["positive_infinities"], column["negative_infinities"]) == (2, 1)
    assert (column["minimum"], column["maximum"]) == (values.min(), values.max())
    assert column["mean"] == pytest.approx(values.mean())
    assert column["m2"] == pytest.approx(((values - values.mean()) ** 2).sum())
    assert len(column["quantiles"]) == 129
    assert column["quantiles"] == pytest.approx(np.quantile(values, np.linspace(0, 1, 129), method="nearest"), abs=1e-3)
    assert "quantiles_exact" not in column
    assert column["distinct"] == pytest.approx(10_003, rel=0.25)
    assert len(column["kmv"]) == 8 * 256


@pytest.mark.parametrize(
    "values", [np.arange(10**9, 10**9 + 500), np.array([2**60, 2**60 + 5000]), np.array([1e300, 2e300])]
)
def test_numbers_that_a_float32_would_blur_keep_their_precision(values: Any) -> None:
    """Ids and the like have their quantiles in double precision."""
    column = columns({"x": values})["x"]
    assert "quantiles" not in column
    assert column["quantiles_exact"][-1] == float(values[-1])


def test_categories() -> None:
    """Exact counts up to 1,000 values, the 50 most frequent told, the rest as one number; beyond that none."""
    few = [f"v{i % 60}" for i in range(600)] + ["v0"] * 5 + [None]
    column = columns({"c": few})["c"]
    assert (column["type"], column["nulls"], column["distinct"], column["distinct_exact"]) == (
        "categorical",
        1,
        60,
        True,
    )
    assert column["values"][0] == {"value": "v0", "count": 15}
    assert (len(column["values"]), column["other_values"]) == (50, 100)
    many = columns({"c": [f"v{i}" for i in range(5000)]})["c"]
    assert (many["values"], many["other_values"], many["distinct_exact"]) == ([], 5000, False)
    assert many["distinct"] == pytest.approx(5000, rel=0.25)
    (long,) = columns({"c": ["x" * 1000]})["c"]["values"]
    assert long["value"].startswith("sha256:")


def test_booleans_times_and_others() -> None:
    """Each has its type; times are µs since 1970 UTC, whatever they came as."""
    when = dt.datetime(2020, 1, 2, 3, tzinfo=dt.UTC)
    found = columns(
        {
            "b": [True, None, False, True],
            "t": [when, None, when.replace(tzinfo=None), dt.date(2020, 1, 3)],
            "n": np.array(["2020-01-02T03", "NaT", "2020-01-02", "2020-01-03"], "datetime64[ns]"),
            "o": [[1], {"a": 1}, None, [1]],
        }
    )
    assert [(c["type"], c["nulls"]) for c in found.values()] == [
        ("boolean", 1), ("timestamp", 1), ("timestamp", 1), ("other", 1),
    ]  # fmt: skip
    assert found["b"]["values"] == [{"value": "true", "count": 2}, {"value": "false", "count": 1}]
    assert found["t"]["minimum"] == when.timestamp() * 1e6
    assert found["n"]["maximum"] == dt.datetime(2020, 1, 3, tzinfo=dt.UTC).timestamp() * 1e6
    assert found["o"]["distinct"] == 2


DATA: dict[str, list[Any]] = {
    "i": [1, 2, 3, 2**60],
    "f": [1.5, -0.0, 1e300, 3.0],
    "s": ["a", "naïve – µs", "", "x" * 100],
    "b": [True, False, True, True],
    "t": [dt.datetime(2020, 1, day) for day in (1, 2, 3, 4)],
}


@pytest.mark.parametrize("library", ["lists", "numpy", "pandas", "polars", "lazy", "arrow"])
def test_each_library_gives_the_same_fingerprint(library: str) -> None:
    """The hashes are of the values, not of how a library holds them."""
    frame = pl.DataFrame(DATA)
    makers: dict[str, Callable[[], Any]] = {
        "lists": lambda: DATA,
        "numpy": lambda: {name: np.array(values) for name, values in DATA.items()},
        "pandas": lambda: pd.DataFrame(DATA),
        "polars": lambda: frame,
        "lazy": frame.lazy,
        "arrow": frame.to_arrow,
    }
    data = makers[library]()
    found, expected = profile(data), profile(DATA)
    assert found.fingerprint == expected.fingerprint
    assert [c["kmv"] for c in found.columns] == [c["kmv"] for c in expected.columns]
    assert [c["type"] for c in found.columns] == [c["type"] for c in expected.columns]


def test_the_hashes_are_these_for_ever() -> None:
    """Golden values: a change of the algorithm needs another name."""
    assert (hashing.HASHING, profile({}).hashing) == ("headwater-hash-2", "headwater-hash-2")
    found = profile(DATA)
    assert found.fingerprint == {
        "algorithm": "headwater-rows-2",
        "digest": bytes.fromhex(GOLDEN),
    }


GOLDEN = "0400000000000000494702b7a59ff0c991c7fccabce22068"


@settings(max_examples=50)
@given(rows=st.lists(st.tuples(st.integers(-5, 5), st.text(max_size=12)), min_size=1, max_size=30), data=st.data())
def test_a_fingerprint_depends_on_the_content_alone(rows: list[tuple[int, str]], data: st.DataObject) -> None:
    """The order of rows and columns does not matter; a changed, doubled or missing row does."""

    def digest(of: list[tuple[int, str]], *, swapped: bool = False) -> Any:
        table = {"a": [a for a, _ in of], "b": [b for _, b in of]}
        return profile(dict(reversed(table.items())) if swapped else table).fingerprint

    whole = digest(rows)
    assert digest(data.draw(st.permutations(rows)), swapped=True) == whole
    assert digest([*rows, rows[0]]) != whole
    assert digest([*rows, rows[0], rows[0]]) != whole
    assert digest([(rows[0][0] + 1, rows[0][1]), *rows[1:]]) != whole


@settings(max_examples=40)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=10))
def test_the_hash_of_a_text_does_not_depend_on_its_neighbours(texts: list[str]) -> None:
    """Texts lie side by side in one buffer; each is hashed as if alone."""
    together = hashing.texts(texts)
    assert together.tolist() == [hashing.texts([text])[0] for text in texts]


@pytest.mark.parametrize("overlap", [0.0, 0.05, 0.2, 0.5, 1.0])
def test_sketches_show_how_much_two_contents_share(overlap: float) -> None:
    """Containment from 1,024 minimum values is right within a few points."""
    left = hashing.numbers(np.arange(50_000, dtype=np.float64))
    right = hashing.numbers(np.arange(50_000, dtype=np.float64) + 50_000 * (1 - overlap))
    a, b = sketches.kmv(left, 1024), sketches.kmv(right, 1024)
    union = sketches.distinct_of(np.sort(np.concatenate([a, b])))[:1024]
    jaccard = np.isin(union, a).astype(float) @ np.isin(union, b).astype(float) / 1024
    assert 2 * jaccard / (1 + jaccard) == pytest.approx(overlap, abs=0.05)
    assert sketches.estimate(a, 1024) == pytest.approx(50_000, rel=0.15)


def test_a_wide_profile_goes_out_in_parts() -> None:
    """At most 256 KB a part; parts share the event id; columns beyond the cap are counted and not told."""
    producer = InMemoryProducer(Settings())
    data = {f"c{i}": np.random.default_rng(i).normal(size=300) for i in range(600)}
    described = producer.profile(producer.dataset("ns", "wide"), data, partitions=["m=1"])
    parts = producer.profiles
    assert len(parts) > 1
    assert sum(len(part["columns"]) for part in parts) == 500
    assert {(part["parts"], part["columns_total"], part["rows"]) for part in parts} == {(len(parts), 600, 300)}
    assert len({part["event_id"] for part in parts}) == 1
    assert max(len(message) for topic, _, message in producer.messages if topic == "lineage.profiles") <= 256 * 1024
    assert parts[0]["fingerprint"]["algorithm"].endswith("/partial")
    assert described.encoded != producer.dataset("ns", "wide").encoded


def size_of(name: str, values: Any, tag: str = "") -> int:
    """The bytes of a column's record, as the contract encodes it."""
    (column,) = profile({name: values}, personal={name} if tag else (), digest_key="key").columns
    return len(_avro.encoders("profile").types["ColumnProfile"].encode(column))


def test_a_column_takes_at_most_three_kilobytes() -> None:
    """Numbers, and texts of any number and length, personal ones too; where values have no room, fewer are told."""
    rng = np.random.default_rng(1)
    for distinct in (2, 50, 200, 256, 999, 5000):
        for length in (1, 10, 40, 200, 300):
            texts = [f"{i % distinct}".rjust(length, "é") for i in range(5000)]
            assert size_of("text", texts) <= 3072, (distinct, length)
            assert size_of("text", texts, "personal") <= 3072, (distinct, length)
    assert size_of("number", rng.normal(size=5000)) <= 3072
    (column,) = profile({"x": [f"value-{i % 900}" for i in range(5000)]}).columns
    assert len(column["values"]) >= 40
    assert column["other_values"] == 5000 - sum(told["count"] for told in column["values"])


def test_times_and_ids_take_a_little_more() -> None:
    """Their 129 quantiles are in double precision: 3.2 KB."""
    moments = np.datetime64("2020-01-01", "us") + np.random.default_rng(1).integers(0, 10**12, 5000)
    assert 3072 < size_of("time", moments) <= 3300
    assert size_of("id", np.arange(10**12, 10**12 + 5000)) <= 3300


def test_a_sample_says_so() -> None:
    """The rows of the whole and those looked at; a sample's fingerprint is not the dataset's."""
    producer = InMemoryProducer(Settings())
    data = producer.dataset("ns", "d")
    with producer.run(producer.job("ns", "j")) as run:
        run.output(run.profile(data, {"x": [1, 2]}, sampled_of=100, role="output"))
    (told,) = producer.profiles
    assert (told["rows"], told["sampled_rows"]) == (100, 2)
    assert (told["version"], told["version_origin"]) == (run.version, "run")
    (output,) = producer.events[-1]["outputs"]
    assert (output["rows"], output["fingerprint"]) == (100, None)


def test_what_is_no_table_does_not_hurt(internal_errors: list[BaseException]) -> None:
    """Columns of different lengths: counted, the dataset comes back as it was."""
    producer = InMemoryProducer(Settings(), strict=False)
    data = producer.dataset("ns", "d")
    assert producer.profile(data, {"a": [1], "b": [1, 2]}) is data
    assert producer.profile(data, 7) is data
    assert producer.stats().drops == {"encoding": 2}
    assert internal_errors


def test_an_empty_table_has_a_profile() -> None:
    """No rows, no columns, or only nulls."""
    assert profile({}).rows == 0
    assert columns({"a": [], "b": np.array([])})["b"]["count"] == 0
    assert columns({"a": [None, None]})["a"]["nulls"] == 2
    assert columns(pl.DataFrame({"a": [None, None], "f": [None, 1.0]}))["f"]["nulls"] == 1
