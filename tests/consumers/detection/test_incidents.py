"""From alarms to incidents: one for a fault, at its root, whatever the order in which things arrive."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from headwater.detection.gates import Gate, Outcome
from headwater.detection.verdicts import Subject, Verdict
from tests.consumers.detection.making import (
    JOBS,
    NAMESPACE,
    an_id,
    dataset,
    edge_set,
    through_the_contract,
)
from tests.consumers.detection.telling import BAD, CALM, SECOND, Told, at, calm, day, drifted


def test_one_fault_is_one_incident_at_its_root() -> None:
    """Three alarmed tables: one message, naming the first of them, its step, the path, what lies below."""
    told = Told()
    told.edges(0)
    drifted(told, 0)
    opened = told.wait(5)
    assert [message["state"] for message in opened] == ["opened"]
    alert = opened[0]
    assert alert["page"]
    assert (alert["root"]["name"], alert["root"]["column"], alert["root"]["job_name"]) == ("raw", "distance", "ingest")
    assert [node["name"] for node in alert["causes"][0]["path"]] == ["raw"]
    assert len(alert["verdicts"]) == 1
    assert len(alert["suppressed"]) == 2
    assert [(r["name"], r["hops"], r["predictions"]) for r in alert["reaches"]] == [
        ("clean", 1, None), ("features", 2, None), ("answers", 3, 10),
    ]  # fmt: skip
    assert {owner["name"] for owner in alert["owners"]} == {"team:raw", "team:clean", "team:features", "team:answers"}
    assert "raw.distance" in alert["explanation"]
    assert "10 predictions" in alert["explanation"]
    assert not alert["truncated"]


def test_it_is_not_told_each_day_and_ends_by_itself() -> None:
    """31 bad days then good ones: opened, at most a few updates, resolved after three good days, all predictions."""
    told = Told()
    for number in range(40):
        told.edges(number)
        (drifted if number < 31 else calm)(told, number)
        told.wait(2)
    told.wait(30)
    states = [message["state"] for message in told.messages]
    assert states[0] == "opened"
    assert states[-1] == "resolved"
    assert set(states[1:-1]) <= {"updated"}
    assert len(states) <= 8
    assert len({message["incident_id"] for message in told.messages}) == 1
    assert [message["number"] for message in told.messages] == list(range(1, len(states) + 1))
    last = told.messages[-1]
    assert last["event_time"] == at(33)
    assert last["last_seen"] == at(30)
    assert {r["name"]: r["predictions"] for r in last["reaches"]}["answers"] == 310


@pytest.mark.parametrize("order", list(itertools.permutations(("raw", "clean", "features"))))
def test_the_order_of_arrival_does_not_matter(order: tuple[str, ...]) -> None:
    """Verdicts in any order, seconds apart, edges last: one incident, and its last message names the root."""
    told = Told()
    for table in order:
        drifted(told, 0, [table])
        told.wait(1)
    told.edges(0)
    told.wait(40)
    assert len({message["incident_id"] for message in told.messages}) == 1
    assert told.messages[-1]["root"]["name"] == "raw"


@pytest.mark.parametrize("order", list(itertools.permutations(("raw", "clean", "features"))))
def test_edges_that_come_very_late_join_what_they_connect(order: tuple[str, ...]) -> None:
    """Told apart for want of edges, then connected: the one at the root stands, the others name it and are over."""
    told = Told()
    for table in order:
        drifted(told, 0, [table])
        told.wait(15)
    assert len({message["incident_id"] for message in told.messages}) == 3
    told.edges(0)
    told.wait(60)
    last = {message["incident_id"]: message for message in told.messages}
    standing = [message for message in last.values() if message["suppressed_by"] is None]
    assert [message["root"]["name"] for message in standing] == ["raw"]
    assert len(standing[0]["suppressed"]) == 2
    assert {message["state"] for message in last.values() if message not in standing} == {"resolved"}
    for number in range(1, 5):
        told.edges(number)
        calm(told, number)
    assert [message["state"] for message in told.wait(15)][-1] == "resolved"


@pytest.mark.parametrize("late", ["raw", "clean"])
def test_a_verdict_nearer_to_the_cause_comes_late(late: str) -> None:
    """The incident keeps its id and gets the new root; nobody is woken twice."""
    told = Told()
    told.edges(0)
    drifted(told, 0, [name for name in ("raw", "clean", "features") if name != late])
    told.wait(30)
    drifted(told, 0, [late])
    told.wait(30)
    assert len({message["incident_id"] for message in told.messages}) == 1
    assert told.messages[-1]["root"]["name"] == "raw"
    assert [message["page"] for message in told.messages].count(True) == 1


def test_an_alarm_that_has_not_settled_is_before_the_end() -> None:
    """A fault's last alarm and three good days come at once: it belongs to the incident, which ends behind it."""
    told = Told()
    told.edges(0)
    drifted(told, 0)
    told.wait(15)
    for number in range(3, 7):
        told.edges(number)
    drifted(told, 3)
    for number in range(4, 7):
        calm(told, number)
    told.wait(30)
    assert len({message["incident_id"] for message in told.messages}) == 1
    assert told.messages[-1]["state"] == "resolved"
    assert told.messages[-1]["last_seen"] == at(3)


def test_two_faults_are_two_incidents() -> None:
    """Wind and distance at different times, both seen in the same table: told apart by their columns."""
    told = Told()
    for number in range(6):
        told.edges(number)
        drifted(told, number)
        if number == 3:
            told.judged(number, "weather", {"wind": (3.0, "alarm")})
            told.judged(number, "features", {"wind": (3.0, "alarm"), **BAD})  # type: ignore[dict-item]  # as above
        told.wait(3)
    told.wait(20)
    roots = {message["incident_id"]: message["root"] for message in told.messages}
    assert sorted((root["name"], root["column"]) for root in roots.values()) == [
        ("raw", "distance"),
        ("weather", "wind"),
    ]


def test_below_its_threshold_a_table_can_still_be_the_root() -> None:
    """Raw has too few rows to be judged, or just stays below: its score says enough."""
    told = Told()
    told.edges(0)
    told.judged(0, "raw", {"distance": (0.9, "insufficient")})
    told.judged(0, "clean", {"distance": (1.1, "alarm")})
    assert [message["root"]["name"] for message in told.wait(5)] == ["raw"]


def test_what_is_wrong_again_is_told_again() -> None:
    """Hourly: wrong for two hours, well for six, wrong again: two incidents, and people are woken by both."""
    told = Told()
    for hour in range(16):
        bad = hour in {0, 1, 8, 9}
        time = at(0) + hour * 3_600 * SECOND
        for table in ("raw", "clean"):
            node = dataset(table, str(hour))
            if table == "clean":
                told.book.edges({**edge_set("clean", day(0), [dataset("raw", str(hour))], node), "event_time": time})
            told.verdict(_hourly(table, hour, time, None, "alarm" if bad else "ok"))
            if bad:
                told.verdict(_hourly(table, hour, time, "distance", "alarm"))
        told.wait(15)
    assert [(m["state"], m["page"]) for m in told.messages if m["state"] != "updated"] == [
        ("opened", True), ("resolved", False), ("opened", True), ("resolved", False),
    ]  # fmt: skip
    assert len({message["incident_id"] for message in told.messages}) == 2
    assert {message["suppressed_by"] for message in told.messages} == {None}


def _hourly(table: str, hour: int, time: int, column: str | None, outcome: Outcome) -> Verdict:
    subject = Subject(time, NAMESPACE, table, str(hour), column)
    unusual = 9.0 if outcome == "alarm" else 0.2
    shown = json.dumps({"distance": {"drift": [unusual, unusual, outcome]}})
    evidence = {"role": '"output"', **({"columns": shown} if column is None else {"unusual": str(unusual)})}
    return Verdict("drift", outcome, subject, f"{table} drifted", 0.3, time, evidence=evidence)


def test_what_came_from_outside_names_who_read_it() -> None:
    """Nobody wrote the delivery; the step that read it is named."""
    told = Told()
    told.edges(0)
    drifted(told, 0, ["delivery", "raw", "clean"])
    alert = told.wait(5)[0]
    assert (alert["root"]["name"], alert["root"]["job_name"]) == ("delivery", "ingest")
    assert "came in with lake/delivery.distance, first read by jobs/ingest" in alert["explanation"]


def test_a_change_of_code_is_the_cause() -> None:
    """Raw is as usual, clean is not, and clean's code changed that day."""
    told = Told()
    for number in range(5):
        told.edges(number)
        calm(told, number)
    told.edges(5, code="2")
    told.judged(5, "raw", CALM)  # type: ignore[arg-type]  # as above
    drifted(told, 5, ["clean", "features"])
    alert = told.wait(5)[0]
    assert (alert["root"]["kind"], alert["root"]["name"], alert["root"]["job_name"]) == ("code", "clean", "clean")
    assert "code of jobs/clean changed" in alert["explanation"]


def hear(told: Told, messages: list[dict[str, Any]]) -> None:
    for message in messages:
        told.book.told(message)


def test_a_restart_repeats_nothing() -> None:
    """A new worker reads the alerts and the verdicts again, in either order: silent until there is something new."""
    for alerts_first in (True, False):
        told = Told()
        told.edges(0)
        drifted(told, 0)
        told.wait(15)
        after = Told()
        after.now = told.now
        if alerts_first:
            hear(after, told.messages)
        after.edges(0)
        drifted(after, 0)
        if not alerts_first:
            hear(after, told.messages)
        assert after.wait(30) == []
        for number in range(1, 5):
            after.edges(number)
            calm(after, number)
        resolved = after.wait(15)
        assert [(m["state"], m["number"]) for m in resolved] == [("resolved", told.messages[-1]["number"] + 1)]
        assert resolved[0]["incident_id"] == told.messages[0]["incident_id"]
        assert resolved[0]["root"]["name"] == "raw"


def test_a_model_trained_afterwards_is_told() -> None:
    """Resolved, and weeks later a model learns from the bad days: one more message, still resolved."""
    told = Told()
    for number in range(8):
        told.edges(number)
        (drifted if number < 3 else calm)(told, number)
        told.wait(4)
    told.wait(20)
    assert told.messages[-1]["state"] == "resolved"
    read = [dataset("features", str(day(number))) for number in range(8)]
    told.book.world.graph.add(edge_set("train", day(30), read, dataset("model", "v2", "model")))
    later = told.wait(20)
    assert [message["state"] for message in later] == ["resolved"]
    assert "model" in {reached["name"] for reached in later[0]["reaches"]}


def test_decisions() -> None:
    """Suppressed alarms open nothing; lifted, they do; an acknowledged incident says so once."""
    told = Told()
    told.edges(0)
    decision = {"event_time": 0, "actor": "ann", "namespace": NAMESPACE}
    suppress = {**decision, "event_id": an_id("s"), "kind": "suppress", "name": "raw"}
    told.book.decision(through_the_contract("decision", suppress))
    drifted(told, 0, ["raw"])
    assert told.wait(10) == []
    told.book.decision(
        through_the_contract("decision", {**decision, "event_id": an_id("l"), "kind": "lift", "lifts": an_id("s")})
    )
    told.edges(1)
    drifted(told, 1, ["raw"])
    opened = told.wait(10)
    assert [message["state"] for message in opened] == ["opened"]
    acknowledge = {**decision, "event_id": an_id("a"), "kind": "acknowledge", "incident_id": opened[0]["incident_id"]}
    told.book.decision(through_the_contract("decision", acknowledge))
    assert [message["state"] for message in told.wait(40)] == ["acknowledged"]


def test_an_acknowledgement_that_is_read_before_its_incident() -> None:
    """As when a worker starts, which reads decisions and alerts again side by side: it is told once either way."""
    before = Told()
    before.edges(0)
    drifted(before, 0, ["raw"])
    (opened,) = before.wait(10)
    after = Told()
    acknowledge = {"event_id": an_id("a"), "kind": "acknowledge", "incident_id": opened["incident_id"]}
    after.book.decision(through_the_contract("decision", {"event_time": 0, "actor": "ann", **acknowledge}))
    after.book.told(opened)
    assert [message["state"] for message in after.wait(40)] == ["acknowledged"]
    again = Told()
    again.book.told(opened)
    again.book.decision(through_the_contract("decision", {"event_time": 0, "actor": "ann", **acknowledge}))
    assert [message["state"] for message in again.wait(40)] == ["acknowledged"]


def test_a_failed_run_is_over_when_its_job_completes() -> None:
    """An incident of the job, one for failures in a row."""
    told = Told()
    for number in range(2):
        subject = Subject(at(number), job_namespace=JOBS, job_name="clean", run_id=an_id("run", "clean", day(number)))
        told.verdict(Verdict("run", "alarm", subject, "a run failed", 0.5, at(number)))
        told.wait(15)
    assert len({message["incident_id"] for message in told.messages}) == 1
    told.edges(2)
    assert [message["state"] for message in told.wait(15)] == ["resolved"]


def test_less_rows_and_a_drift_are_told_apart() -> None:
    """During a drift of distances a holiday with few rows is an incident of its own."""
    told = Told()
    for number in range(5):
        told.edges(number)
        drifted(told, number)
        told.wait(3)
    gates = [Gate("alarming_change", 0.3, 0.25, passed=True)]
    for table in ("raw", "clean"):
        subject = Subject(at(4), NAMESPACE, table, str(day(4)))
        told.verdict(Verdict("volume", "alarm", subject, "few rows", 0.3, at(4), score=0.3, gates=gates))
    told.wait(20)
    titles = {message["incident_id"]: message["title"] for message in told.messages}
    assert sorted(titles.values()) == ["distance of lake/raw drifted", "rows of lake/raw are unusual"]


def test_a_risky_change_is_an_alarm_where_somebody_reads_the_column() -> None:
    """Clean.distance is made from raw.distance, and nobody reads raw.note: only the first is escalated, by name."""
    told = Told()
    told.edges(0)
    for column in ("note", "distance"):
        changes = json.dumps([{"column": column, "what": "widened from int32 to int64", "level": "risky"}])
        subject = Subject(at(0), NAMESPACE, "raw", str(day(0)))
        evidence = {"changes": changes}
        told.verdict(Verdict("schema", "warn", subject, f"raw: {column} widened", 0.4, evidence=evidence, slice=column))
    found = told.book.judged(told.now, absent=False)
    assert [(verdict.check, verdict.outcome) for verdict in found] == [("schema", "alarm")]
    assert "raw: distance widened; read by lake/clean.distance" in found[0].explanation
    told.verdict(found[0])
    assert [message["title"] for message in told.wait(5)] == ["schema of lake/raw changed"]
    assert told.book.judged(told.now, absent=False) == []
