"""Profiles that come late: what stands is what would have been said in order, and incidents follow it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.detection.checker import Checker
from headwater.detection.policy import Policy
from headwater.detection.verdicts import Verdict
from tests.consumers.detection.making import (
    an_id,
    dataset,
    microseconds,
    profile_record,
    standing,
    through_the_contract,
    use,
)
from tests.consumers.detection.telling import Told

START = date(2024, 3, 1)
DAYS = 24
POLICY = Policy(least_history=5)
ROWS = 1_000


def day(number: int) -> date:
    return START + timedelta(days=number)


def drawn(number: int, mean: float = 100.0, rows: int = ROWS, nulls: float = 0.0) -> dict[str, Any]:
    random = np.random.default_rng(number)
    amount = random.normal(mean, 20, rows)
    amount[: int(rows * nulls)] = np.nan
    return {"amount": amount, "kind": np.array(["a", "b", "c"])[random.integers(0, 3, rows)]}


@cache
def the_days() -> tuple[dict[str, Any], ...]:
    """Ordinary days, a weak shift, a strong one, missing values, missing rows, and one slice twice at one time."""
    odd: dict[int, dict[str, Any]] = {
        11: {"mean": 106.0}, 13: {"mean": 106.0}, 15: {"mean": 150.0}, 16: {"nulls": 0.2}, 18: {"rows": 400},
        20: {"mean": 106.0}, 21: {"mean": 106.0},
    }  # fmt: skip
    made = [profile_record("t", day(number), drawn(number, **odd.get(number, {}))) for number in range(DAYS)]
    again = profile_record("t", day(12), drawn(99, mean=106.0), version="other")
    return (*made, {**again, "event_id": bytes(16)})


def stands(records: Iterable[dict[str, Any]]) -> dict[bytes, dict[str, Any]]:
    """What stands when all was said, by its id. What is said again has more known, never less."""
    checker = Checker(POLICY)
    found: list[dict[str, Any]] = []
    known: dict[str, str] = {}
    for record in records:
        said = [through_the_contract("verdict", verdict.fields()) for verdict in checker.profile(record)]
        for about, evidence in {fields["evidence"]["judged"]: fields["evidence"] for fields in said}.items():
            assert known.get(about, "") < evidence["known"]
            known[about] = evidence["known"]
        found += said
    return standing(found)


@cache
def in_order() -> dict[bytes, dict[str, Any]]:
    return stands(sorted(the_days(), key=lambda record: (record["event_time"], record["event_id"])))


@settings(max_examples=40)
@given(st.lists(st.integers(0, POLICY.again), min_size=DAYS + 1, max_size=DAYS + 1), st.randoms())
def test_what_stands_does_not_depend_on_the_order(delays: Sequence[int], random: Any) -> None:
    """Each day up to a week late, some told again: the verdicts that stand are those that stand in order, and no
    others, under the same ids.
    """
    ordered = sorted(
        zip(the_days(), delays, strict=True),
        key=lambda item: (item[0]["event_time"] // 86_400_000_000 + item[1], random.random()),
    )
    records = [record for record, _ in ordered]
    assert stands([*records, *random.sample(records, 5)]) == in_order()


def test_a_week_late_is_judged_and_changes_no_verdict_behind_it_beyond() -> None:
    """With more behind it than `again` nothing is judged again; it gets a verdict and is part of what comes later."""
    checker = Checker(POLICY)
    records = the_days()
    for record in (*records[:10], *records[11 : 12 + POLICY.again]):
        checker.profile(record)
    found = checker.profile(records[10])
    assert {verdict.subject.event_time for verdict in found if verdict.check != "volume"} == {microseconds(day(10))}


def test_what_a_person_accepted_is_not_judged_again() -> None:
    """A decision makes a new beginning: what was said before it stands."""
    checker = Checker(POLICY)
    records = the_days()
    for record in (*records[:14], *records[15:18]):
        checker.profile(record)
    checker.decision(
        through_the_contract(
            "decision",
            {
                "event_id": an_id("accept"),
                "event_time": microseconds(day(18)),
                "kind": "accept",
                "actor": "ann",
                "namespace": "lake",
                "name": "t",
                "from_time": microseconds(day(15)),
            },
        )
    )
    assert {verdict.subject.event_time for verdict in checker.profile(records[14])} == {microseconds(day(14))}


class Line:
    """A checker and the incidents that follow from what it says."""

    def __init__(self) -> None:
        self.checker = Checker(Policy())
        self.told = Told()

    def profile(self, number: int, mean: float = 100.0) -> list[Verdict]:
        node = dataset("t", str(day(number)))
        self.told.book.use(use("load", day(number), "write", node))
        found = self.checker.profile(profile_record("t", day(number), drawn(number, mean)))
        for verdict in found:
            self.told.verdict(verdict)
        return found

    def states(self) -> list[str]:
        return [message["state"] for message in self.told.wait(15)]


@pytest.fixture
def line() -> Line:
    """Twenty ordinary days."""
    made = Line()
    for number in range(20):
        made.profile(number)
    assert made.states() == []
    return made


def test_a_late_profile_opens_an_incident(line: Line) -> None:
    """Two weak shifts in three days are an alarm, also where the first of them comes second."""
    line.profile(21, 106.0)
    assert line.states() == []
    line.profile(20, 106.0)
    messages = line.told.wait(15)
    assert [(message["state"], message["page"]) for message in messages] == [("opened", True)]
    assert messages[0]["onset"] == microseconds(day(20))
    assert messages[0]["last_seen"] == microseconds(day(21))


def test_a_late_profile_withdraws_an_incident(line: Line) -> None:
    """Two weak shifts that seemed to follow each other, and two ordinary days that come between them later: nothing was
    wrong, and the incident says so. A restart knows it too.
    """
    line.profile(20, 106.0)
    line.profile(23, 106.0)
    assert line.states() == ["opened"]
    line.profile(21)
    line.profile(22)
    messages = line.told.wait(15)
    assert [message["state"] for message in messages] == ["resolved"]
    assert "withdrawn: judged again with what came late" in messages[0]["explanation"]
    assert messages[0]["verdicts"] == messages[0]["suppressed"] == []
    after = Told()
    for message in line.told.messages:
        after.book.told(message)
    assert (after.book.open, after.wait(20)) == (0, [])


def test_an_alarm_of_a_worker_that_died_is_withdrawn(line: Line) -> None:
    """It said an alarm and died; the next one has what came late in the same chunk, and nothing to say of the column.
    What was said before, delivered again behind it, changes nothing.
    """
    line.profile(20, 106.0)
    dead = line.profile(23, 106.0)
    assert line.states() == ["opened"]
    line.checker = Checker(Policy())
    for number in (*range(20), 20, 21, 22, 23):
        line.profile(number, 106.0 if number in {20, 23} else 100.0)
    assert line.states() == ["resolved"]
    for verdict in dead:
        line.told.verdict(verdict)
    assert line.states() == []
    assert line.told.book.open == 0


def test_after_a_withdrawn_incident_the_next_one_is_told(line: Line) -> None:
    """A third weak shift next to the second is an alarm of its own: it pages, whatever was withdrawn before."""
    for number, mean in ((20, 106.0), (23, 106.0)):
        line.profile(number, mean)
    assert line.states() == ["opened"]
    for number in (21, 22):
        line.profile(number)
    assert line.states() == ["resolved"]
    line.profile(24, 106.0)
    assert [(message["state"], message["page"]) for message in line.told.wait(15)] == [("opened", True)]
    assert line.told.book.open == 1


def test_an_alarm_that_stays_one_is_told_once(line: Line) -> None:
    """A strong shift, judged again with an ordinary day before it: its incident stays and holds what stands."""
    (first,) = [v for v in line.profile(21, 150.0) if v.subject.column == "amount"]
    assert line.states() == ["opened"]
    late = microseconds(day(20))
    replaced = [v for v in line.profile(20) if v.subject.event_time > late and v.subject.column == "amount"]
    assert [verdict.outcome for verdict in replaced] == ["alarm"]
    assert line.states() == []
    line.profile(22, 150.0)
    line.profile(23)
    line.profile(24)
    line.profile(25)
    (resolved,) = line.told.wait(15)
    assert resolved["state"] == "resolved"
    assert replaced[0].event_id in resolved["verdicts"]
    assert first.event_id not in resolved["verdicts"]
