"""A job that ran although its input was not there."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import pytest

from headwater.detection.checker import Checker
from headwater.detection.policy import Policy
from headwater.detection.verdicts import Verdict
from tests.consumers.detection.making import dataset, microseconds, use
from tests.consumers.detection.telling import Told

START = date(2024, 1, 1)
POLICY = Policy()
HOUR_US = 3_600_000_000


def day(number: int) -> date:
    return START + timedelta(days=number)


def at(number: int, hour: float = 0.0) -> int:
    return microseconds(day(number)) + int(hour * HOUR_US)


def wrote(number: int, hour: float = 1.0, **fields: Any) -> dict[str, Any]:
    """The day's slice of one table."""
    fields = {"partitions": [f"day={day(number)}"], **fields}
    moment = at(number, hour)
    return use("load", day(number), "write", dataset("t", None), event_time=moment, emit_time=moment, **fields)


def read(number: int, hour: float = 2.0, job: str = "join", **fields: Any) -> dict[str, Any]:
    fields = {"partitions": [f"day={day(number)}"], **fields}
    moment = at(number, hour)
    return use(job, day(number), "read", dataset("t", None), event_time=moment, emit_time=moment, **fields)


def upstream(verdicts: list[Verdict]) -> list[str]:
    return [verdict.outcome for verdict in verdicts if verdict.check == "upstream"]


def known(days: int = 12, *jobs: str) -> Checker:
    """Each day its slice was written, and then read."""
    checker = Checker(POLICY)
    for number in range(days):
        found = checker.use(wrote(number))
        for job in jobs or ("join",):
            found += checker.use(read(number, job=job))
        assert upstream(found) == []
    return checker


def test_a_run_that_reads_what_nobody_wrote() -> None:
    """Told a minute after the read, once; over when three runs read what was written."""
    checker = known()
    assert upstream(checker.use(read(12))) == []
    assert upstream(checker.overdue(at(12, 2.0) + 30_000_000)) == []
    found = checker.overdue(at(12, 2.0) + 61_000_000)
    assert upstream(found) == ["alarm"]
    told = next(verdict for verdict in found if verdict.check == "upstream")
    assert "read lake/t day=2024-01-13, which nobody had written; 12 runs before read what was" in told.explanation
    assert (told.subject.job_name, told.subject.event_time) == ("join", at(12, 2.0))
    assert upstream(checker.overdue(at(12, 5.0))) == []
    checker.use(wrote(12, hour=6.0))
    later = [
        outcome for n in range(13, 18) for record in (wrote(n), read(n)) for outcome in upstream(checker.use(record))
    ]
    assert later == ["ok"] * 3


def test_a_write_that_is_told_a_little_later_is_none() -> None:
    """Events come over several ways: the write that stands behind the read on its topic was there."""
    checker = known()
    checker.use(read(12))
    assert upstream(checker.use(wrote(12))) == []
    assert upstream(checker.overdue(at(13))) == []


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_a_day_does_not_matter(seed: int) -> None:
    """Reads before their writes, each twice: the same alarms as in order."""
    records = [
        record for n in range(20) for record in (wrote(n), read(n)) if not (n == 15 and record["access"] == "write")
    ]
    shuffled: list[dict[str, Any]] = []
    for begin in range(0, len(records), 6):
        part = records[begin : begin + 6] * 2
        random.Random(seed).shuffle(part)
        shuffled += part
    found: list[list[bytes]] = []
    for order in (records, shuffled):
        checker = Checker(POLICY)
        told: list[Verdict] = []
        for place, record in enumerate(order):
            told += checker.use(record)
            if place % 12 == 11:
                told += checker.overdue(record["event_time"] + 3 * 24 * HOUR_US)
        told += checker.overdue(at(40))
        found.append([v.event_id for v in told if v.check == "upstream" and v.outcome == "alarm"])
    assert len(found[0]) == 1
    assert found[0] == found[1]


def test_a_job_whose_input_nobody_tells_of_is_left_alone() -> None:
    """Where writes are not told, or a slice is older than all that is known, nothing is missing."""
    checker = Checker(POLICY)
    for number in range(20):
        checker.use(read(number))
        if number % 3 == 0:
            checker.use(wrote(number))
        assert upstream(checker.overdue(at(number, 5.0))) == []
    checker = known(20)
    backfill = read(20, partitions=["day=2019-05-05"])
    assert upstream(checker.use(backfill)) == []
    assert upstream(checker.overdue(at(21))) == []


def test_versions_that_a_store_names_are_not_missed() -> None:
    """A declared version is expected by its name; a snapshot that nobody told of was made by somebody else."""
    for origin, expected in (("declared", ["alarm"]), ("store", [])):
        checker = Checker(POLICY)
        for number in range(13):
            named: dict[str, Any] = {"partitions": [], "version": f"v{number}", "version_origin": origin}
            if number < 12:
                checker.use(wrote(number, **named))
            checker.use(read(number, **named))
        assert upstream(checker.overdue(at(13))) == expected


def test_numbers_in_slices_are_numbers() -> None:
    """hour=10 comes after hour=9."""
    checker = Checker(POLICY)
    for number in range(10):
        checker.use(wrote(number, partitions=[f"hour={number}"]))
        checker.use(read(number, partitions=[f"hour={number}"]))
    checker.use(read(10, partitions=["hour=10"]))
    assert upstream(checker.overdue(at(11))) == ["alarm"]


def test_two_jobs_that_read_it_are_one_incident() -> None:
    """At the dataset that was not there."""
    checker = known(12, "join", "report")
    told = Told()
    for job in ("join", "report"):
        checker.use(read(12, job=job))
    for verdict in checker.overdue(at(12, 3.0)):
        if verdict.check == "upstream":
            told.verdict(verdict)
    (opened,) = told.wait(15)
    assert opened["title"] == "lake/t was read before it was written"
    assert (opened["state"], opened["root"]["name"]) == ("opened", "t")
