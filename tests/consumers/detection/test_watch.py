"""The checks that look at when a dataset is written, what it holds, who reads it, and how long runs take."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from headwater.detection.checker import Checker
from headwater.detection.incidents.book import Book
from headwater.detection.policy import DAY_US, Policy
from headwater.detection.runs import judge as judge_run
from headwater.detection.verdicts import Subject, Verdict
from tests.consumers.detection.making import an_id, dataset, microseconds, profile_record, use
from tests.consumers.detection.telling import Told

START = date(2024, 1, 1)
HOUR_US = 3_600_000_000
POLICY = Policy()


def day(number: int) -> date:
    return START + timedelta(days=number)


def written(number: int, *, late: int = 0, **fields: Any) -> dict[str, Any]:
    """The day's write, told as it happened, `late` µs after midnight."""
    at = microseconds(day(number)) + late
    return use("load", day(number), "write", dataset("t", str(day(number))), event_time=at, emit_time=at, **fields)


def test_a_clock_ahead_hides_nothing() -> None:
    """A write dated ten years ahead is none: the dataset is overdue all the same."""
    checker = Checker(POLICY)
    for number in range(20):
        checker.use(written(number))
    checker.use({**written(19), "event_id": an_id("ahead"), "event_time": microseconds(date(2034, 1, 1))})
    assert said(checker.overdue(microseconds(day(22))), "freshness") == ["alarm"]


def fingerprint(text: str) -> dict[str, Any]:
    return {"algorithm": "sum-xor-1", "digest": text.encode()}


def said(verdicts: Sequence[Verdict], check: str) -> list[str]:
    return [verdict.outcome for verdict in verdicts if verdict.check == check]


def test_a_dataset_that_is_not_written_is_told_once() -> None:
    """Daily until the 20th: overdue a day and a half after the last write, told once, and well with the next."""
    checker = Checker(POLICY)
    for number in range(20):
        assert said(checker.use(written(number)), "freshness") == []
    last = microseconds(day(19))
    assert checker.overdue(last + int(1.4 * DAY_US)) == []
    found = checker.overdue(last + int(1.6 * DAY_US))
    assert said(found, "freshness") == ["alarm"]
    assert found[0].subject.event_time == last + int(1.5 * DAY_US)
    assert "overdue since 2024-01-21 12:00" in found[0].explanation
    assert checker.overdue(last + 5 * DAY_US) == []
    assert said(checker.use(written(22)), "freshness") == ["ok"]


def test_a_run_that_failed_wrote_nothing_though_it_is_told_as_complete_after() -> None:
    """As Spark tells it: the dataset is overdue all the same, and its rows are no baseline."""
    checker = Checker(POLICY)
    for number in range(20):
        checker.use(written(number, rows=1_000))
    for late, state in enumerate(("FAIL", "COMPLETE")):
        again = written(20, late=late, rows=10, run_state=state)
        assert checker.use({**again, "event_id": an_id(state)}) == []
    assert said(checker.overdue(microseconds(day(19)) + 2 * DAY_US), "freshness") == ["alarm"]


def test_asking_later_or_after_a_restart_says_the_same() -> None:
    """The verdict names when it became overdue, not when that was asked; order and repetition do not matter."""
    records = [written(number) for number in range(20)]
    fields: list[dict[str, Any]] = []
    for seed in range(3):
        shuffled = [*records, *records[5:9]]
        random.Random(seed).shuffle(shuffled)
        checker = Checker(POLICY)
        for record in shuffled:
            checker.use(record)
        fields.append(checker.overdue(microseconds(day(22 + seed)))[0].fields())
    assert fields[0] == fields[1] == fields[2]


def test_weekends_are_no_delay() -> None:
    """Written on weekdays alone: nothing is overdue on a Sunday evening, on the next Wednesday it is."""
    checker = Checker(POLICY)
    for number in range(40):
        if day(number).weekday() < 5:
            checker.use(written(number))
    sunday = microseconds(day(41)) + 20 * HOUR_US
    assert day(41).weekday() == 6
    assert checker.overdue(sunday) == []
    assert said(checker.overdue(microseconds(day(44))), "freshness") == ["alarm"]


def test_slices_written_together_are_one_write() -> None:
    """A hundred slices within a minute each night: overdue after a day, not after a second."""
    checker = Checker(POLICY)
    for number in range(12):
        for part in range(100):
            checker.use(written(number, late=part * 500_000, partitions=[f"part={part}"]))
    last = microseconds(day(11))
    assert checker.overdue(last + int(1.4 * DAY_US)) == []
    assert said(checker.overdue(last + 2 * DAY_US), "freshness") == ["alarm"]


def test_what_is_brought_in_from_the_past_is_never_overdue() -> None:
    """Events of 2024 that are told in 2026 say nothing of when the next one is due."""
    checker = Checker(POLICY)
    for number in range(20):
        checker.use({**written(number), "emit_time": microseconds(date(2026, 1, 1))})
    assert checker.overdue(microseconds(date(2026, 6, 1))) == []


@pytest.mark.parametrize("read_first", [False, True])
def test_another_content_than_was_written_is_corruption(read_first: bool) -> None:
    """What is read carries the writer's fingerprint, else it was changed since; also where the read is known first."""
    checker = Checker(POLICY)
    write = written(0, fingerprint=fingerprint("written"))
    good = use("join", day(0), "read", dataset("t", str(day(0))), fingerprint=fingerprint("written"))
    bad = use("train", day(0), "read", dataset("t", str(day(0))), fingerprint=fingerprint("changed"))
    found: list[Verdict] = []
    for record in (bad, good, write, bad) if read_first else (write, good, bad, bad):
        found += checker.use(record)
    alarms = [verdict for verdict in found if verdict.check == "corruption" and verdict.outcome == "alarm"]
    assert len(alarms) == 1
    assert alarms[0].subject.job_name == "train"
    assert "changed since" in alarms[0].explanation


def test_fingerprints_that_differ_by_nature_are_not_compared() -> None:
    """Another algorithm, or a read of some of the columns, says nothing."""
    checker = Checker(POLICY)
    checker.use(written(0, fingerprint=fingerprint("written")))
    other = {"algorithm": "other", "digest": b"changed"}
    node = dataset("t", str(day(0)))
    assert said(checker.use(use("a", day(0), "read", node, fingerprint=other)), "corruption") == []
    some = use("b", day(0), "read", node, fingerprint=fingerprint("x"), columns_read=["amount"])
    assert said(checker.use(some), "corruption") == []


def test_the_same_output_again_is_stale() -> None:
    """Ten runs wrote something new, the eleventh what the tenth wrote."""
    checker = Checker(POLICY)
    found = [v for n in range(10) for v in checker.use(written(n, fingerprint=fingerprint(str(n))))]
    assert said(found, "duplication") == []
    stale = checker.use(written(10, fingerprint=fingerprint("9")))
    assert said(stale, "duplication") == ["alarm"]
    assert "exactly what it held on 2024-01-10" in stale[0].explanation


def test_a_table_that_often_stays_the_same_is_not_stale() -> None:
    """Every other run finds nothing to change: no alarm."""
    checker = Checker(POLICY)
    found = [v for n in range(20) for v in checker.use(written(n, fingerprint=fingerprint(str(n // 2))))]
    assert said(found, "duplication") == []


def test_a_slice_written_by_another_run_is_a_rerun() -> None:
    """Told, not alarmed, where that is no habit."""
    checker = Checker(POLICY)
    for number in range(12):
        checker.use(written(number, nominal_start=number))
    again = written(12, nominal_start=11)
    found = checker.use(again)
    assert said(found, "duplication") == ["warn"]
    assert said(checker.use(again), "duplication") == []


def test_a_job_that_reads_the_same_version_again_has_a_late_upstream() -> None:
    """Ten runs read ten versions, the eleventh the tenth's; a retry for the same nominal time is none."""
    checker = Checker(POLICY)

    def reads(number: int, version: int, **fields: Any) -> list[str]:
        return said(checker.use(use("join", day(number), "read", dataset("t", f"v{version}"), **fields)), "upstream")

    assert [told for n in range(10) for told in reads(n, n, nominal_start=n)] == []
    assert reads(10, 9, nominal_start=9) == []
    assert reads(11, 9, nominal_start=11) == ["alarm"]
    assert reads(12, 12, nominal_start=12) == ["ok"]


def rows(seed: int, count: int = 1_000) -> dict[str, Any]:
    generator = np.random.default_rng(seed)
    return {"id": generator.integers(0, 2**60, count), "amount": generator.normal(0, 1, count)}


def joined(*parts: dict[str, Any]) -> dict[str, Any]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def half(part: dict[str, Any]) -> dict[str, Any]:
    return {name: values[: len(values) // 2] for name, values in part.items()}


def test_rows_that_were_there_before_are_a_replay() -> None:
    """A third of a day's rows are yesterday's; before, days had none in common."""
    checker = Checker(POLICY)
    found = [v for n in range(12) for v in checker.profile(profile_record("t", day(n), rows(n)))]
    assert said(found, "duplication") == []
    replayed = checker.profile(profile_record("t", day(12), joined(rows(12), half(rows(11)))))
    told = [verdict for verdict in replayed if verdict.check == "duplication"]
    assert [verdict.outcome for verdict in told] == ["alarm"]
    assert told[0].score == pytest.approx(1 / 3, abs=0.1)
    assert "were there on 2024-01-12" in told[0].explanation


def test_a_table_that_grows_shares_its_rows_and_is_no_replay() -> None:
    """Each version holds all rows of the one before."""
    checker = Checker(POLICY)
    parts = [rows(n, 300) for n in range(16)]
    found = [v for n in range(16) for v in checker.profile(profile_record("t", day(n), joined(*parts[: n + 1])))]
    assert said(found, "duplication") == []


def test_a_join_that_fans_out_is_told() -> None:
    """Each row thrice where each was there once."""
    checker = Checker(POLICY)
    found = [v for n in range(16) for v in checker.profile(profile_record("t", day(n), rows(n)))]
    assert said(found, "duplication") == []
    tripled = checker.profile(profile_record("t", day(16), joined(*[rows(16)] * 3)))
    told = [verdict for verdict in tripled if verdict.check == "duplication"]
    assert [verdict.outcome for verdict in told] == ["alarm"]
    assert "3 rows for each distinct one" in told[0].explanation


def run_use(number: int, state: str, hours: float) -> dict[str, Any]:
    at = microseconds(day(number)) + int(hours * HOUR_US)
    node = {"namespace": "", "name": "", "version": None}
    return use("load", day(number), "describe", node, run_state=state, event_time=at, emit_time=at)


def test_a_run_that_does_not_end_is_stuck() -> None:
    """Ten runs took an hour; the eleventh is told an hour and a half after it began, once, and over when one ends."""
    book = Book(POLICY, "headwater")
    for number in range(10):
        book.use(run_use(number, "COMPLETE", 1.0))  # in any order
        book.use(run_use(number, "START", 0.0))
    book.use(run_use(10, "START", 0.0))
    begun = microseconds(day(10))
    assert book.judged(begun + int(1.4 * HOUR_US)) == []
    found = book.judged(begun + 2 * HOUR_US)
    assert [(v.check, v.outcome, v.subject.run_id) for v in found] == [
        ("stuck", "alarm", an_id("run", "load", day(10)))
    ]
    assert book.judged(begun + 3 * HOUR_US) == []


def test_a_stuck_run_is_an_incident_until_its_job_completes() -> None:
    """Opened and titled by the job; resolved by the job's next completed run."""
    told = Told()
    for number in range(10):
        told.book.use(run_use(number, "START", 0.0))
        told.book.use(run_use(number, "COMPLETE", 1.0))
    told.book.use(run_use(10, "START", 0.0))
    for verdict in told.book.judged(microseconds(day(11))):
        told.verdict(verdict)
    opened = told.wait(15)
    assert [message["state"] for message in opened] == ["opened"]
    assert opened[0]["title"] == "jobs/load does not end"
    told.book.use(run_use(11, "COMPLETE", 1.0))
    assert [message["state"] for message in told.wait(15)] == ["resolved"]


def test_a_run_that_failed_ends_no_incident_though_it_is_told_as_complete_after() -> None:
    """As Spark tells it, both before the second failure is judged: the first incident stays, until a run completes."""
    told = Told()
    told.book.use(run_use(1, "FAIL", 1.0))
    at = microseconds(day(1)) + HOUR_US
    told.verdict(judge_run(Subject(at, job_namespace="jobs", job_name="load"), run_use(1, "FAIL", 1.0))[0])
    assert [message["state"] for message in told.wait(15)] == ["opened"]
    for state, hours in (("START", 0.0), ("FAIL", 1.0), ("COMPLETE", 1.1)):
        told.book.use(run_use(2, state, hours))
    assert [message["state"] for message in told.wait(15)] == []
    told.book.use(run_use(3, "COMPLETE", 1.0))
    assert [message["state"] for message in told.wait(15)] == ["resolved"]


def test_what_is_overdue_below_belongs_to_what_is_overdue_above() -> None:
    """Raw does not come, so clean and features do not: one incident at raw, over when raw is written."""
    told = Told()
    for number in range(10):
        told.edges(number)
    checker = Checker(POLICY)
    for name in ("raw", "clean", "features"):
        for number in range(10):
            at = microseconds(START + timedelta(days=number))
            version = str(date(2024, 3, 1) + timedelta(days=number))
            node = dataset(name, version)
            checker.use(use(name, day(number), "write", node, event_time=at, emit_time=at))
    found = checker.overdue(microseconds(day(12)))
    assert len(found) == 3
    for verdict in found:
        told.verdict(verdict)
    messages = told.wait(15)
    assert len({message["incident_id"] for message in messages}) == 1
    assert messages[-1]["root"]["name"] == "raw"
    assert messages[-1]["title"] == "lake/raw is overdue"
