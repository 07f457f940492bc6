"""Profiles of what comes in pieces: what they share with that of the whole, how far quantiles are off."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from headwater.producer import InMemoryProducer, Profiler
from headwater.producer.profiles import Gathering, profile, quantiles
from headwater.settings import Settings


def table(rows: int, seed: int = 1) -> dict[str, Any]:
    """Numbers with NaN, few and many texts, times, booleans, nulls."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=rows)
    numbers[:: max(rows // 50, 1)] = np.nan
    return {
        "x": numbers,
        "few": [f"category {i}" if i else None for i in rng.integers(0, 30, rows).tolist()],
        "many": [f"key {i}" for i in rng.integers(0, 10**9, rows).tolist()],
        "t": (np.datetime64("2020-01-01", "us") + rng.integers(0, 10**12, rows)),
        "b": rng.integers(0, 2, rows).astype(bool),
    }


def pieces(whole: dict[str, Any], size: int) -> list[dict[str, Any]]:
    rows = len(whole["x"])
    return [{name: column[at : at + size] for name, column in whole.items()} for at in range(0, rows, size)]


@pytest.mark.parametrize("size", [1, 7, 1000, 20_000])
def test_pieces_give_what_the_whole_gives(size: int) -> None:
    """Counts, extremes, moments, values, distinct values, sketches, fingerprint; quantiles within their error."""
    rows = 60 if size == 1 else 20_000
    whole = table(rows)
    gathering = Gathering()
    for piece in pieces(whole, size):
        gathering.add(piece)
    found, expected = gathering.result(), profile(whole)
    assert (found.rows, found.fingerprint, found.row_kmv) == (expected.rows, expected.fingerprint, expected.row_kmv)
    for ours, theirs in zip(found.columns, expected.columns, strict=True):
        for field, value in theirs.items():
            if field in {"mean", "m2"}:
                assert ours[field] == pytest.approx(value)
            elif field.startswith("quantiles"):
                assert np.abs(ranks(ours[field], value)).max() <= 2 / 128
            else:
                assert ours[field] == value, (ours["name"], field)
    assert found.facets == ({} if rows == 60 else {"quantiles_rank_error": "0.003"})


def ranks(told: Any, exact: Any) -> NDArray[np.float64]:
    """How far each told quantile is from its rank, by the exact quantiles."""
    steps = np.linspace(0, 1, len(exact))
    return np.asarray(np.interp(np.asarray(told, np.float64), np.asarray(exact, np.float64), steps)) - np.linspace(
        0, 1, len(told)
    )


Maker = Callable[[np.random.Generator, int], NDArray[np.float64]]
SHAPES: dict[str, Maker] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "skewed": lambda rng, n: rng.lognormal(0, 3, n),
    "ascending": lambda rng, n: np.arange(n, dtype=float),
    "descending": lambda rng, n: -np.arange(n, dtype=float),
    "sawtooth": lambda rng, n: np.arange(n, dtype=float) % 1009,
    "two modes": lambda rng, n: np.where(rng.random(n) < 0.3, rng.normal(size=n), rng.normal(1e6, 1, n)),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [100, 4_097, 50_000])
def test_the_rank_error_is_what_the_documentation_says(shape: str, size: int) -> None:
    """Each told quantile is within 0.003 of its rank, for 300,000 numbers in pieces of any size."""
    numbers = SHAPES[shape](np.random.default_rng(7), 300_000)
    sketch = quantiles.Quantiles()
    for at in range(0, len(numbers), size):
        sketch.add(np.sort(numbers[at : at + size]))
    ordered = np.sort(numbers)
    told = sketch.told()
    low = np.searchsorted(ordered, told, side="left") / len(ordered)
    high = np.searchsorted(ordered, told, side="right") / len(ordered)
    wanted = np.linspace(0, 1, quantiles.QUANTILES)
    error = np.maximum(np.maximum(low - wanted, wanted - high), 0)
    assert not sketch.exact
    assert error.max() <= quantiles.RANK_ERROR
    assert sum(len(kept) << height for height, level in enumerate(sketch.levels) for kept in level) == 300_000


def test_up_to_4096_numbers_quantiles_are_exact() -> None:
    """And so they are for one array of any length."""
    numbers = np.random.default_rng(1).normal(size=4096)
    sketch = quantiles.Quantiles()
    for at in range(0, 4096, 100):
        sketch.add(np.sort(numbers[at : at + 100]))
    assert sketch.exact
    assert sketch.told().tolist() == quantiles.of_sorted(np.sort(numbers)).tolist()
    alone = quantiles.Quantiles()
    alone.add(np.arange(100_000))
    assert alone.exact
    assert alone.told()[64] == 50_000


def test_memory_does_not_grow_with_the_rows() -> None:
    """A column keeps at most some 350 KB, however many rows and distinct values pass."""
    gathering = Gathering()
    rng = np.random.default_rng(1)

    def feed(times: int) -> None:
        for _ in range(times):
            many = rng.integers(0, 2**60, 20_000)
            gathering.add({"x": rng.normal(size=20_000), "few": many % 900, "many": pl.Series(many).cast(pl.String)})

    feed(3)
    tracemalloc.start()
    try:
        feed(3)
        early = tracemalloc.get_traced_memory()[0]
        feed(40)
        late = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert late - early < 3 * 100_000
    assert late < 3 * 350_000


def test_a_table_is_profiled_column_by_column() -> None:
    """Beside the table itself only a few columns' worth of memory is taken, however many columns there are."""
    rows = 100_000
    data = {f"x{i}": np.random.default_rng(i).normal(size=rows) for i in range(12)}
    profile(data)
    tracemalloc.start()
    try:
        profile(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 * rows * 8


def producer() -> InMemoryProducer:
    return InMemoryProducer(Settings())


def test_a_run_profiles_what_it_writes_bit_by_bit() -> None:
    """Batches and single rows; sent at the end of the block, with the run's version; the dataset then knows."""
    ours = producer()
    data = ours.dataset("ns", "d")
    with ours.run(ours.job("ns", "j")) as run:
        with run.profiler(data, partitions=["m=1"]) as profiler:
            profiler.add(pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
            for i in range(3000):
                profiler.add_row({"a": i, "b": "z"})
            assert profiler.rows == 3002
        run.output(profiler.dataset)
    (told,) = ours.profiles
    assert (told["rows"], told["sampled_rows"], told["version"]) == (3002, None, run.version)
    assert (told["partitions"], told["job_name"]) == (["m=1"], "j")
    (output,) = ours.events[-1]["outputs"]
    whole = profile({"a": [1, 2, *range(3000)], "b": ["x", "y", *["z"] * 3000]}).fingerprint
    assert (output["rows"], output["fingerprint"], output["partitions"]) == (3002, whole, ["m=1"])


def test_a_stream_without_end_tells_windows() -> None:
    """Each profile is of what came since the last."""
    ours = producer()
    profiler = ours.profiler(ours.dataset("kafka://k", "clicks", kind="topic"), role="input")
    for window in range(2):
        profiler.add({"x": [window] * (window + 1)})
        assert profiler.send(window=(window * 60, window * 60 + 59)) is profiler.dataset
    assert [(p["rows"], p["window_start"], p["window_end"]) for p in ours.profiles] == [(1, 0, 59), (2, 60, 119)]
    assert [p["columns"][0]["minimum"] for p in ours.profiles] == [0.0, 1.0]


def test_columns_may_come_and_go() -> None:
    """A column that a piece lacks is null in it; the fingerprint is that of the table with these nulls."""
    gathering = Gathering()
    gathering.add({"a": [1, 2]})
    gathering.add({"a": [3], "b": ["x"]})
    gathering.add({"b": ["y"]})
    gathering.add({"a": [None, 5]})
    found = gathering.result()
    assert [(c["name"], c["count"], c["nulls"]) for c in found.columns] == [("a", 6, 2), ("b", 6, 4)]
    expected = profile({"a": [1, 2, 3, None, None, 5], "b": [None, None, "x", "y", None, None]})
    assert found.fingerprint == expected.fingerprint


def test_a_column_that_changes_its_type_is_other() -> None:
    """Its hashes stay those of the values."""
    gathering = Gathering()
    for piece in ([None], [1, 2], ["x"]):
        gathering.add({"a": piece})
    found, expected = gathering.result(), profile({"a": [None, 1, 2, "x"]})
    assert [c["type"] for c in (*found.columns, *expected.columns)] == ["other", "other"]
    assert found.fingerprint == expected.fingerprint


def test_columns_beyond_the_cap_are_counted_in_a_stream_too() -> None:
    """The first that came are profiled."""
    gathering = Gathering(most_columns=2)
    gathering.add({"a": [1]})
    gathering.add({"b": [1], "c": [1]})
    gathering.add({"d": [1, 2]})
    found = gathering.result()
    assert ([c["name"] for c in found.columns], found.columns_total, found.rows) == (["a", "b"], 4, 4)
    assert found.hashing.endswith("/partial")


def test_arrays_may_change_after_they_were_added() -> None:
    """Nothing of the caller's is kept; read-only arrays do too."""
    gathering = Gathering()
    numbers = np.arange(5.0)
    gathering.add({"x": numbers})
    numbers[:] = 99
    numbers.flags.writeable = False
    gathering.add({"x": numbers})
    (column,) = gathering.result().columns
    assert (column["minimum"], column["quantiles"][0], column["distinct"]) == (0.0, 0.0, 6)


def test_what_cannot_be_read_is_told(internal_errors: list[BaseException]) -> None:
    """The profile then says that it is of a sample, and the dataset has no fingerprint."""
    ours = InMemoryProducer(Settings(), strict=False)
    profiler = ours.profiler(ours.dataset("ns", "d"))
    profiler.add({"a": [1, 2, 3]})
    profiler.add({"a": [1, 2], "b": [1]})
    profiler.add(7)
    profiler.add_row({"a": 4})
    described = profiler.send()
    (told,) = ours.profiles
    assert (told["rows"], told["sampled_rows"], told["columns"][0]["maximum"]) == (7, 4, 4.0)
    assert described.encoded == ours.dataset("ns", "d").at(rows=7).encoded
    assert ours.stats().drops == {"encoding": 2}
    assert len(internal_errors) == 2


def test_a_body_that_raises_sends_no_profile() -> None:
    """What was half written has none."""
    ours = producer()

    def body() -> None:
        with ours.profiler(ours.dataset("ns", "d")) as profiler:
            profiler.add({"a": [1]})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        body()
    assert ours.profiles == []


def test_threads_may_share_a_profiler() -> None:
    """No row is lost or doubled."""
    ours = producer()
    profiler = ours.profiler(ours.dataset("ns", "d"))

    def work(own: Profiler, number: int) -> None:
        for i in range(500):
            own.add_row({"x": number * 1000 + i})
            if i % 100 == 0:
                own.add({"x": [number * 1000 + i]})

    threads = [threading.Thread(target=work, args=(profiler, number)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    profiler.send()
    (told,) = ours.profiles
    assert (told["rows"], told["columns"][0]["count"]) == (2020, 2020)


def test_personal_columns_of_a_stream_leave_as_digests() -> None:
    """The same as of the whole; without a key they are left out."""
    names = ["ann", "bob", "ann", None, "cy"]
    for key in ("", "secret"):
        gathering = Gathering(personal={"who"}, digest_key=key)
        for name in names:
            gathering.add({"who": [name], "n": [1]})
        found = gathering.result()
        expected = profile({"who": names, "n": [1] * 5}, personal={"who"}, digest_key=key)
        assert found.fingerprint == expected.fingerprint
        assert found.columns == expected.columns
        assert "ann" not in str(found)
