"""365 real days of flights through the checks with the default policy: what they raise, and what is injected."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from headwater.demo.options import KILOMETRES
from headwater.detection.checker import Checker
from headwater.detection.policy import Policy
from headwater.detection.verdicts import Verdict
from tests.consumers.detection import flights


def alarms(checker: Checker, record: dict[str, Any]) -> list[Verdict]:
    """The alarmed verdicts on columns and rows of one profile."""
    return [v for v in checker.profile(record) if v.outcome == "alarm" and (v.subject.column or v.check == "volume")]


def day_of(verdict: Verdict) -> date:
    return datetime.fromtimestamp(verdict.subject.event_time / 1e6, UTC).date()


@pytest.fixture(scope="module")
def year() -> list[Verdict]:
    """All alarms of the year as it was."""
    checker = Checker(Policy())
    return [verdict for record in flights.profiles(None) for verdict in alarms(checker, record)]


def test_the_year_as_it_was_raises_little(year: list[Verdict]) -> None:
    """At most ten spans of alarmed days, and none about distances."""
    spans: list[date] = []
    for day in sorted({day_of(verdict) for verdict in year if verdict.check != "volume"}):
        if not spans or (day - spans[-1]).days > 3:
            spans.append(day)
    assert 3 <= len(spans) <= 10
    assert not [verdict for verdict in year if verdict.subject.column == "distance"]
    blizzard = [verdict for verdict in year if day_of(verdict) in {date(2013, 2, 8), date(2013, 2, 9)}]
    assert {"dep_delay", "arr_delay"} <= {verdict.subject.column for verdict in blizzard}


def test_days_of_few_flights_are_holidays(year: list[Verdict]) -> None:
    """At most 2 % of days are alarmed for their rows: Independence Day, Thanksgiving, Christmas."""
    found = {day_of(verdict) for verdict in year if verdict.check == "volume"}
    assert found <= {date(2013, 7, 4), date(2013, 7, 5), date(2013, 11, 28), date(2013, 11, 29), date(2013, 12, 25)}
    assert found


def test_kilometres_are_found_at_once_and_each_day() -> None:
    """July in kilometres: distance is alarmed from its first day to its last, and on no other day."""
    checker = Checker(Policy())
    found = [verdict for record in flights.profiles(7) for verdict in alarms(checker, record)]
    days = [day_of(verdict) for verdict in found if verdict.subject.column == "distance"]
    assert days == [date(2013, 7, day) for day in range(1, 32)]
    first = next(verdict for verdict in found if verdict.subject.column == "distance")
    assert first.onset == first.subject.event_time
    assert [gate.passed for gate in first.gates if gate.name in {"rows", "p_value", "unusual", "persistent"}] == [
        True
    ] * 4
    assert "1.5" in first.explanation
    assert {"quantiles", "rows"} <= set(first.evidence)


def in_kilometres(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("distance") * KILOMETRES)


def unknown_carrier(frame: pl.DataFrame) -> pl.DataFrame:
    tenth = pl.int_range(pl.len()) % 10 == 0
    return frame.with_columns(pl.when(tenth).then(pl.lit("??")).otherwise(pl.col("carrier")).alias("carrier"))


def without_an_origin(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("origin") != "LGA")


CHANGES: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "distance": in_kilometres,
    "carrier": unknown_carrier,
    "origin": without_an_origin,
}


def inject(every: int, until: int = 364) -> dict[str, list[bool]]:
    """By column: whether a fault of two days, on each `every`-th day from March on, was found within these two."""
    checker = Checker(Policy())
    found: dict[str, list[bool]] = {column: [] for column in CHANGES}
    for index, record in enumerate(flights.profiles(None)[:until]):
        if index >= 60 and index % every == 0:
            for column, change in CHANGES.items():
                trial = copy.deepcopy(checker)
                seen = [v for later in (0, 1) for v in alarms(trial, flights.changed(index + later, change))]
                found[column].append(any(verdict.subject.column == column for verdict in seen))
        checker.profile(record)
    return found


def test_injected_faults_are_found() -> None:
    """Miles to kilometres, a tenth of carriers unknown, an origin dropped: each found each time, or all but one."""
    for column, times in inject(70, 215).items():
        assert times.count(False) <= 1, column


@pytest.mark.prove
def test_injected_faults_are_found_on_any_day() -> None:
    """The same on each fifth day: at least 95 of 100."""
    for column, times in inject(5).items():
        print(f"{column}: {times.count(True)} of {len(times)} found within two days")  # noqa: T201 — the figure of this proof
        assert times.count(True) >= 0.95 * len(times), column
