"""What is remembered of a profile is what was in it, and takes little room."""

from __future__ import annotations

from array import array
from datetime import date, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headwater.detection import gates
from headwater.detection.packed import Columns, joined
from headwater.detection.policy import Policy
from headwater.detection.series import Series, Signal, Times
from headwater.detection.summaries import Column, summarize
from tests.consumers.detection.making import an_id, profile_record

_COUNTS = st.integers(0, 2**40)


@st.composite
def _columns(draw: st.DrawFn) -> Column:
    rows = draw(st.integers(0, 2**62))
    nulls = draw(st.integers(0, rows))
    kind = draw(st.sampled_from(["single", "double", "values", "none"]))
    if kind == "values":
        values = draw(st.dictionaries(st.text(max_size=5), st.integers(1, 2**40), min_size=1, max_size=8))
        # a list that was cut is only told from a whole one where there are rows that it was cut from
        return Column("categorical", rows, nulls, values=values, cut=rows > nulls and draw(st.booleans()))
    if kind == "none":
        return Column("none", rows, nulls)
    points = np.sort(np.random.default_rng(draw(_COUNTS)).normal(0, 1e6, 129))
    return Column("numeric", rows, nulls, points=points if kind == "double" else points.astype(np.float32))


def _same(one: Column, other: Column) -> bool:
    first, second = one.points, other.points
    if first is None or second is None:
        return one == other
    alike = (one.kind, one.rows, one.nulls) == (other.kind, other.rows, other.nulls)
    return alike and first.dtype == second.dtype and first.tobytes() == second.tobytes()


@given(st.lists(st.dictionaries(st.sampled_from("abcd"), _columns(), max_size=4), min_size=1, max_size=4))
def test_columns_come_back_as_they_were(profiles: list[dict[str, Column]]) -> None:
    """Whatever the profile before held: each column of each profile, in its order, to the last bit."""
    before: Columns | None = None
    for profile in profiles:
        before = Columns(profile, before)
        assert list(before) == list(profile)
        assert len(before) == len(profile)
        for name, column in profile.items():
            assert _same(before[name], column)
            assert before.rows(name) == (column.rows, column.nulls)
            assert (before.points(name) is not None) == (column.points is not None)
            assert (before.counts(name) is not None) == (column.values is not None)


def test_points_of_both_precisions_are_joined_as_doubles() -> None:
    """A column whose ids grew out of single precision is still compared with its past."""
    single, double = np.arange(129, dtype=np.float32), np.arange(129, dtype=np.float64) + 2**40
    assert joined([single.tobytes()]).dtype == np.float32
    both = joined([single.tobytes(), double.tobytes()])
    assert both.tolist() == [*single.tolist(), *double.tolist()]


@given(st.lists(st.tuples(st.integers(0, 30), st.sets(st.sampled_from("abc"))), max_size=40), st.integers(0, 30))
def test_signals_that_share_their_times_are_as_if_each_had_its_own(
    profiles: list[tuple[int, set[str]]], asked: int
) -> None:
    """Columns that are not in every profile, profiles in any order, and histories that are full."""
    shared = Times()
    sharing = {name: Signal(shared, shared.none) for name in "abc"}
    alone: dict[str, list[tuple[int, float, bool]]] = {name: [] for name in "abc"}
    for number, (time, names) in enumerate(profiles):
        for name in sorted(names):
            sharing[name].add(time, number, None, found=number % 3 == 0, keep=9)
            alone[name] = sorted([*alone[name], (time, float(number), number % 3 == 0)], key=lambda one: one[0])[-9:]
    for name, signal in sharing.items():
        expected = [one for one in alone[name] if one[0] < asked]
        past = signal.before(asked)
        told = zip(past.times, past.scores, past.found, strict=True)
        assert [(time, score, bool(found)) for time, score, found in told] == expected
        assert past.found_times(2) == [time for time, _, found in expected[-2:] if found]


def test_a_series_holds_its_times_and_names_once() -> None:
    """Not once for each column and each profile: what a column of a dataset takes rests on it."""
    series = Series()
    for number in range(4):
        random = np.random.default_rng(number)
        table = {"a": random.normal(0, 1, 200), "b": random.normal(0, 1, 200), "c": random.integers(0, 3, 200)}
        day = date(2024, 1, 1) + timedelta(days=number)
        gates.judge(summarize([profile_record("t", day, table, run=an_id(number))]), series, Policy())
    assert len({id(entry.columns.slots) for entry in series.entries}) == 1
    times = {id(signal.times): signal.times for signal in series.signals.values()}
    assert [len(one) for one in times.values()] == [3]
    assert isinstance(next(iter(times.values())), array)
