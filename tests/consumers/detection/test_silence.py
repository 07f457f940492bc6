"""A start after a time in which nobody listened: what was due then is not missed, what was decided stands once."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from headwater.detection.checker import Checker
from headwater.detection.incidents.book import Book
from headwater.detection.policy import DAY_US, Policy
from headwater.detection.recall.of_checks import Told
from headwater.detection.steps import ChecksStep
from headwater.schemas import framing, plain, records, topics
from headwater.streams.step import Output
from tests.consumers.detection.making import an_id, dataset, microseconds, profile_record, through_the_contract, use

START = date(2024, 1, 1)
HOUR_US = 3_600_000_000


def at(days: float) -> int:
    return microseconds(START) + int(days * DAY_US)


def daily(count: int) -> list[dict[str, Any]]:
    """A write of a table each midnight."""
    found: list[dict[str, Any]] = []
    for number in range(count):
        node, day = dataset("t", str(number)), START + timedelta(days=number)
        found.append(use("load", day, "write", node, emit_time=at(number)))
    return found


@pytest.mark.parametrize(("stopped", "asked", "told"), [(19.1, 25.0, 0), (21.0, 25.0, 1), (19.1, 19.5, 1)])
def test_a_write_that_was_due_in_silence_is_not_missed(stopped: float, asked: float, told: int) -> None:
    """Written daily until the 19th, so overdue from 20.5 on: not told where that lay in the silence, as ever where it
    was overdue before or becomes so afterwards. The next write is watched again.
    """
    checker = Checker(Policy())
    for record in daily(20):
        checker.use(record, replaying=True)
    checker.excuse(at(stopped), at(asked))
    assert len(checker.overdue(at(max(asked, 22)))) == told
    following = use("load", START + timedelta(days=26), "write", dataset("t", "26"), emit_time=at(26))
    checker.use(following)
    assert [v.check for v in checker.overdue(at(60))] == ["freshness"]


def test_a_run_that_was_to_end_in_silence_is_not_stuck() -> None:
    """It may have ended; one that is to end afterwards is told as ever."""
    book = Book(Policy(), "headwater")

    def run(number: int, state: str, time: int) -> None:
        fields = {"run_state": state, "event_time": time, "emit_time": time}
        node = {"namespace": "", "name": "", "version": None}
        book.use(use("load", START + timedelta(days=number), "describe", node, **fields))

    for number in range(10):
        run(number, "START", at(number))
        run(number, "COMPLETE", at(number) + HOUR_US)
    run(10, "START", at(10))
    run(11, "START", at(11))
    book.world.durations.excuse(at(10) + HOUR_US // 2, at(11) + HOUR_US, Policy())
    [stuck] = book.judged(at(12))
    assert stuck.subject.run_id == an_id("run", "load", START + timedelta(days=11))


def test_a_decision_that_comes_twice_is_carried_out_once() -> None:
    """An alarm after what was accepted is no new normal, though the decision is read a second time."""
    decision = through_the_contract(
        "decision",
        {
            "event_id": an_id("decision"),
            "event_time": at(33),
            "kind": "accept",
            "actor": "ann",
            "namespace": "lake",
            "name": "t",
            "from_time": at(30),
        },
    )
    checkers = Checker(Policy()), Checker(Policy())
    for number in range(50):
        level = 100 if number < 30 else 140 if number < 45 else 300
        data = {"x": np.random.default_rng(number).normal(level, 20, 400)}
        for checker in checkers:
            if number == 33:
                checker.decision(decision)
            verdicts = checker.profile(profile_record("t", START + timedelta(days=number), data))
            if number >= 48:
                assert [v.outcome for v in verdicts if v.check == "drift" and v.subject.column == "x"] == ["alarm"]
        if number == 47:
            checkers[1].decision(decision)


def test_what_was_not_judged_before_the_end_is_said_after_it() -> None:
    """Of a broker that kept nothing: of the last profiles those verdicts that are not in the history, once; of all
    others none.
    """
    now = [at(60)]
    step: Any = ChecksStep(clock=lambda: now[0])
    told: list[Told] = []
    for number in range(31):
        data = {"x": np.random.default_rng(number).normal(100 if number < 29 else 200, 20, 400)}
        told.append(Told(0, profile_record("t", START + timedelta(days=number), data), last=number >= 29))
    step.remember(topics.PROFILES.name, told)
    known = [verdict for verdict in step._unsaid if verdict.subject.event_time == at(29)]
    step.resume(at(31), {verdict.event_id.hex() for verdict in known})
    step.recalled([(topics.PROFILES.name, 0)], whole=True)
    said = [decoded(one) for one in step.tick(now[0])]
    assert {one["event_time"] for one in said} == {at(30)}
    assert [one["outcome"] for one in said if one["check"] == "drift" and one["column"] == "x"] == ["alarm"]
    assert list(step.tick(now[0])) == []


def decoded(output: Output) -> dict[str, Any]:
    return plain.decode(records.current("verdict"), output.value[framing.read_header(output.value).length :])
