"""What is remembered of a profile is what was in it, and takes little room."""

from __future__ import annotations

import gc
import sys
from array import array
from datetime import date, timedelta
from types import FunctionType, ModuleType

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headwater.detection import late
from headwater.detection.checker import Checker
from headwater.detection.packed import Columns, joined
from headwater.detection.policy import Policy
from headwater.detection.recent import Ids
from headwater.detection.series import Series
from headwater.detection.signals import Shared, Signal
from headwater.detection.summaries import Column, summarize
from headwater.detection.verdicts import Subject
from headwater.detection.volume import Counts
from tests.benchmarks.detection import costs
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


@given(
    st.lists(st.tuples(st.integers(0, 30), st.sets(st.sampled_from("abc")), st.integers(0, 9)), max_size=40),
    st.integers(0, 30),
    st.integers(1, 9),
)
def test_signals_that_share_their_times_are_as_if_each_had_its_own(
    profiles: list[tuple[int, set[str], int]], asked: int, most: int
) -> None:
    """Columns that are not in every profile, profiles in any order, histories that are full or in part forgotten."""
    shared = Shared()
    sharing = {name: Signal(shared, shared.none) for name in "abc"}
    alone: dict[str, list[tuple[int, float, bool]]] = {name: [] for name in "abc"}
    for number, (time, names, length) in enumerate(profiles):
        if not names:
            for name, signal in sharing.items():
                signal.cut(time, time + length)
                alone[name] = [one for one in alone[name] if not time <= one[0] < time + length]
        score = float(max(0, number - 20))  # the first ones are zeros, which are shared
        for name in sorted(names):
            sharing[name].add(time, score, None, found=number % 3 == 0, keep=9)
            alone[name] = sorted([*alone[name], (time, score, number % 3 == 0)])[-9:]
    for name, signal in sharing.items():
        expected = [one for one in alone[name] if one[0] < asked][-most:]
        past = signal.before(asked, most)
        told = zip(past.times, past.scores, past.found, strict=True)
        assert [(time, score, bool(found)) for time, score, found in told] == expected
        assert past.found_times(2) == [time for time, _, found in expected[-2:] if found]


def _holds_once(series: Series, profiles: int) -> None:
    """Its names and places are one object, its times one array of so many, its packed columns one of each profile."""
    assert len({id(entry.columns.slots) for entry in series.entries}) == 1
    times = {id(signal.times): signal.times for signal in series.signals.values()}
    assert [len(one) for one in times.values()] == [profiles]
    assert isinstance(next(iter(times.values())), array)
    assert {id(judged.summary.columns) for judged in series.recent} <= {id(entry.columns) for entry in series.entries}


def test_a_series_holds_its_times_and_names_once() -> None:
    """Not once for each column and each profile: what a column of a dataset takes rests on it. Also where some were
    judged again, since one came late.
    """
    series = Series()
    for number in (0, 1, 2, 4, 5, 3):
        random = np.random.default_rng(number)
        table = {"a": random.normal(0, 1, 200), "b": random.normal(0, 1, 200), "c": random.integers(0, 3, 200)}
        day = date(2024, 1, 1) + timedelta(days=number)
        late.judge(summarize([profile_record("t", day, table, run=an_id(number))]), series, Policy())
    _holds_once(series, 5)
    assert [judged.times for judged in series.recent] == [1, 1, 1, 1, 2, 2]


def test_scores_of_zero_are_held_once() -> None:
    """Of columns without nulls, say: until one of them scores, which changes none of the others."""
    shared = Shared()
    signals = [Signal(shared, shared.none) for _ in range(3)]
    for time in range(5):
        for signal in signals:
            signal.add(time, 0.0, 0.0, found=False, keep=4)
    held = {id(scores) for signal in signals for scores in (signal.scores, signal.season_scores)}
    assert (len(held), len({id(signal.found) for signal in signals})) == (1, 1)
    signals[1].add(5, 2.0, 0.0, found=True, keep=4)
    signals[2].cut(3)
    assert [list(signal.scores) for signal in signals] == [[0, 0, 0, 0], [0, 0, 0, 2], [0, 0]]
    assert [signal.found for signal in signals] == [b"\0\0\0\0", b"\0\0\0\1", b"\0\0"]


@given(st.lists(st.integers(0, 2**10), max_size=40), st.integers(1, 9))
def test_ids_are_known_as_long_as_they_are_kept(taken: list[int], most: int) -> None:
    """Also such as lie across two others: 16 zeros in a row are none of those."""
    ids, kept = Ids(most), list[int]()
    for one in taken:
        if one not in kept:
            ids.add((one << 60).to_bytes(16, "big"))
            kept = [*kept, one][-most:]
    assert len(ids) == len(kept)
    for one in range(2**10 + 1):
        assert ((one << 60).to_bytes(16, "big") in ids) == (one in kept)


def test_a_version_that_is_told_again_and_again_takes_no_more_room() -> None:
    """Of a dataset with but one version each profile tells its rows: the last ones are enough to say what is known."""
    policy, counts = Policy(), Counts()
    for number in range(1_000):
        counts.take(Subject(number, "lake", "t", "latest"), 100, an_id(number), policy)
        counts.due(policy)
    assert len(counts.counts) == 2 * policy.again_counts + 1
    assert [count.based_on for count in counts.counts if count.stands] == [an_id(0)]


def _held(root: object) -> int:
    """Bytes of all objects that one holds."""
    seen: set[int] = set()
    left, held = [root], 0
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, (type, FunctionType, ModuleType)):
            continue
        seen.add(id(one))
        held += sys.getsizeof(one)
        left += gc.get_referents(one)
        if isinstance(one, np.ndarray):
            left.append(one.base)  # a view keeps all of what it is one of
    return held


def test_state_of_a_column_takes_what_it_may() -> None:
    """The bar of the benchmark for what runs daily, in bytes of objects, which hang neither on time nor on load."""
    checker = Checker(Policy())
    before = _held(checker)
    costs.fill(checker, costs.messages(24), 24)
    assert (_held(checker) - before) / costs.COLUMNS / 1024 <= costs.MOST_DAILY_KB
