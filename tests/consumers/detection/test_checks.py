"""The checks beside drift, and what a profile's disorder, repetition and parts must not change."""

from __future__ import annotations

import math
import random
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from headwater.detection import schema_changes
from headwater.detection.checker import Checker
from headwater.detection.policy import Policy
from headwater.detection.uses import uses
from headwater.detection.verdicts import Verdict
from tests.consumers.detection.making import an_id, dataset, microseconds, profile_record, through_the_contract, use

START = date(2024, 1, 1)


def day(number: int) -> date:
    return START + timedelta(days=number)


def drawn(number: int, *, mean: float = 100.0, rows: int = 1_000) -> dict[str, Any]:
    generator = np.random.default_rng(number)
    return {
        "amount": generator.normal(mean, 20, rows),
        "kind": np.array(["a", "b", "c"])[generator.integers(0, 3, rows)],
    }


def outcomes(verdicts: list[Verdict], check: str, column: str | None = None) -> list[str]:
    return [v.outcome for v in verdicts if v.check == check and v.subject.column == column]


def fed(records: list[dict[str, Any]], checker: Checker | None = None) -> dict[bytes, Verdict]:
    checker = checker or Checker(Policy())
    return {verdict.event_id: verdict for record in records for verdict in checker.profile(record)}


def test_repeated_profiles_change_nothing() -> None:
    """Each profile twice, some much later: the same verdicts as once."""
    records = [profile_record("t", day(n), drawn(n, mean=100 if n < 25 else 140)) for n in range(30)]
    twice = [record for record in records for _ in range(2)] + records[:5]
    assert {k: v.fields() for k, v in fed(records).items()} == {k: v.fields() for k, v in fed(twice).items()}


def test_a_late_profile_is_judged_as_in_order() -> None:
    """What comes late is compared with what lies before it in event time, not with what came before it."""
    records = [profile_record("t", day(n), drawn(n)) for n in range(30)]
    in_order = fed(records)
    late = records[:20] + records[21:] + [records[20]]
    of_late = {k: v for k, v in fed(late).items() if v.subject.event_time == microseconds(day(20))}
    assert {k: v.fields() for k, v in of_late.items()} == {k: in_order[k].fields() for k in of_late}


def test_parts_in_any_order_make_one_profile() -> None:
    """A profile in parts is judged once, when its last part is there."""
    checker = Checker(Policy())
    fed([profile_record("t", day(n), drawn(n)) for n in range(20)], checker)
    whole = profile_record("t", day(20), drawn(20))
    parts = [{**whole, "part": n + 1, "parts": 2, "columns": [column]} for n, column in enumerate(whole["columns"])]
    assert checker.profile(parts[1]) == []
    assert checker.profile(parts[1]) == []
    found = checker.profile(parts[0])
    assert found[0].check == "drift"
    assert checker.profile(parts[0]) == checker.profile(parts[1]) == []


def test_before_there_is_history_a_shift_is_told_and_not_alarmed() -> None:
    """With fewer than 14 points the own history says nothing: warn."""
    checker = Checker(Policy())
    fed([profile_record("t", day(n), drawn(n)) for n in range(8)], checker)
    found = checker.profile(profile_record("t", day(8), drawn(8, mean=200)))
    assert outcomes(found, "drift", "amount") == ["warn"]


def test_a_lasting_shift_alarms_until_somebody_accepts_it() -> None:
    """The alarmed profiles never become the baseline by themselves; by decision they do, at once."""
    checker = Checker(Policy())
    fed([profile_record("t", day(n), drawn(n)) for n in range(30)], checker)
    shifted = [checker.profile(profile_record("t", day(n), drawn(n, mean=140))) for n in range(30, 50)]
    assert [outcomes(found, "drift", "amount") for found in shifted] == [["alarm"]] * 20
    assert {v.onset for found in shifted for v in found if v.subject.column == "amount"} >= {microseconds(day(30))}
    decision = {
        "event_id": an_id("decision"), "event_time": microseconds(day(50)), "kind": "accept", "actor": "ann",
        "namespace": "lake", "name": "t",
    }  # fmt: skip
    checker.decision(through_the_contract("decision", decision))
    after = checker.profile(profile_record("t", day(50), drawn(50, mean=140)))
    assert outcomes(after, "drift", "amount") == []
    assert outcomes(after, "drift") == ["ok"]


@pytest.mark.parametrize("known_before", [0, 10, 35, 45, 52, 54])
def test_a_decision_read_again_holds_from_when_it_was_sent(known_before: int) -> None:
    """A start reads decisions and profiles again side by side: wherever the decision comes in between, what is said
    afterwards is the same, and the same as without a start.
    """
    records = [profile_record("t", day(n), drawn(n, mean=100 if n < 30 else 140)) for n in range(54)]
    records = [{**record, "emit_time": record["event_time"]} for record in records]
    decision = through_the_contract(
        "decision",
        {
            "event_id": an_id("decision"),
            "event_time": microseconds(day(50)),
            "kind": "accept",
            "actor": "ann",
            "namespace": "lake",
            "name": "t",
            "from_time": microseconds(day(30)),
        },
    ) | {"emit_time": microseconds(day(50)) + 1}
    lived, started = Checker(Policy()), Checker(Policy())
    for number, record in enumerate(records):
        if number == 51:
            lived.decision(decision)
        lived.profile(record)
    for number, record in enumerate(records):
        if number == known_before:
            started.decision(decision)
        started.profile(record, replaying=True)
    if known_before == len(records):
        started.decision(decision)
    for n in range(54, 60):
        following = profile_record("t", day(n), drawn(n, mean=140))
        found, expected = started.profile(following), lived.profile(following)
        assert outcomes(found, "drift", "amount") == outcomes(expected, "drift", "amount") == []
        assert outcomes(found, "drift") == outcomes(expected, "drift") == ["ok"]
    moved = profile_record("t", day(60), drawn(60, mean=200))
    for checker in (lived, started):
        assert outcomes(checker.profile(moved), "drift", "amount") == ["alarm"]


def test_few_rows_are_not_judged() -> None:
    """Under 100 rows the verdict is insufficient, not ok."""
    checker = Checker(Policy())
    fed([profile_record("t", day(n), drawn(n)) for n in range(20)], checker)
    found = checker.profile(profile_record("t", day(20), drawn(20, rows=60)))
    assert outcomes(found, "drift") == ["insufficient"]


@pytest.mark.parametrize(
    "data",
    [
        {"a": np.zeros(0)},
        {"a": np.array([1.0])},
        {"a": np.full(200, math.nan)},
        {"a": np.full(200, math.inf)},
        {"a": np.full(200, 7.0)},
        {"a": np.full(200, 2**62)},
        {"a": np.array(["text"] * 200)},
        {"b": np.arange(200.0)},
    ],
    ids=["empty", "one row", "all NaN", "all infinite", "constant", "huge", "another type", "another column"],
)
def test_odd_profiles(data: dict[str, Any]) -> None:
    """Each is judged, alone, first, and after ordinary ones, and does not spoil what follows."""
    for before in (0, 20):
        checker = Checker(Policy())
        ordinary = [profile_record("t", day(n), {"a": np.random.default_rng(n).normal(0, 1, 500)}) for n in range(30)]
        fed(ordinary[:before], checker)
        for repeat in range(2):
            found = checker.profile(profile_record("t", day(before + repeat), data))
            assert found
            for verdict in found:
                through_the_contract("verdict", verdict.fields())
        after = fed(ordinary[before + 2 :], checker)
        assert {v.outcome for v in after.values() if v.subject.column is not None} <= {"ok", "warn", "insufficient"}


def test_rows() -> None:
    """−30 % and −50 % are alarmed, once, whether told by the write or by the profile; noise is not."""
    generator = random.Random(3)
    for share, expected in ((0.7, "alarm"), (0.5, "alarm"), (0.9, "warn"), (1.0, "ok")):
        checker = Checker(Policy())
        for n in range(60):
            checker.use(use("job", day(n), "write", dataset("t", str(n)), rows=1_000 + generator.randrange(-10, 10)))
        found = checker.use(use("job", day(60), "write", dataset("t", "60"), rows=int(1_000 * share)))
        assert outcomes(found, "volume") == [expected]
        again = checker.use(use("job2", day(61), "write", dataset("t", "60"), rows=int(1_000 * share)))
        assert outcomes(again, "volume") == []


def test_rows_of_what_has_no_version() -> None:
    """A table that is profiled each day, by nobody's run: each profile counts by itself, once."""
    checker = Checker(Policy())
    told: list[str] = []
    for n in range(60):
        bare: dict[str, Any] = {"version": None, "partitions": []}
        record = profile_record("t", day(n), drawn(n, rows=1_000 if n < 59 else 300)) | bare
        told += outcomes(checker.profile(record), "volume")
        assert outcomes(checker.profile(record), "volume") == []
    assert (len(told), told[-1], "alarm" in told[:-1]) == (60, "alarm", False)


def columns(**types: str) -> list[dict[str, Any]]:
    return [{"name": name, "type": type_, "nullable": None} for name, type_ in types.items()]


@pytest.mark.parametrize(
    ("after", "outcome"),
    [
        (columns(a="int", b="text"), []),
        (columns(b="text", a="int"), []),
        (columns(a="int", b="text", c="text"), ["ok"]),
        (columns(a="bigint", b="text"), ["warn"]),
        (columns(a="int"), ["alarm"]),
        (columns(a="int", c="text"), ["alarm"]),
        (columns(a="text", b="text"), ["alarm"]),
    ],
    ids=["same", "reordered", "added", "widened", "removed", "renamed", "type changed"],
)
def test_schemas(after: list[dict[str, Any]], outcome: list[str]) -> None:
    """Breaking changes are alarmed, risky ones told, compatible ones noted; reads say nothing of a schema."""
    checker = Checker(Policy())
    checker.use(use("job", day(0), "write", dataset("t", "0"), columns=columns(a="int", b="text")))
    checker.use(use("reader", day(0), "read", dataset("t", "0"), columns=columns(a="int")))
    assert outcomes(checker.use(use("job", day(1), "write", dataset("t", "1"), columns=after)), "schema") == outcome
    assert checker.use(use("job", day(0), "write", dataset("t", "late"), columns=columns(z="int"))) == []


def test_a_rename_is_named() -> None:
    """One column gone and one come with the same type: the sentence says what it may be."""
    before, now = (
        schema_changes.columns_of(columns(a="int", b="text")),
        schema_changes.columns_of(columns(a="int", c="text")),
    )
    assert [change.what for change in schema_changes.compare(before, now)] == [
        "was removed, perhaps renamed to c",
        "was added",
    ]


@pytest.mark.parametrize(("name", "worse"), [("rmse", 3.0), ("r2", 0.3)])
def test_metrics(name: str, worse: float) -> None:
    """An error that rises, an accuracy that falls; not the other way round; not before there is history."""
    for value, expected in ((worse, "alarm"), (1.0, "ok"), ({"rmse": 0.3, "r2": 3.0}[name], "ok")):
        checker = Checker(Policy())
        generator = random.Random(4)
        for n in range(20):
            metric = {"name": name, "value": 1 + generator.uniform(-0.05, 0.05), "split": "serving"}
            found = checker.use(use("score", day(n), "write", dataset("m", str(n), "model"), metrics=[metric]))
            assert outcomes(found, "metric") == (["insufficient"] if n < 14 else ["ok"])
        metric = {"name": name, "value": value, "split": "serving"}
        found = checker.use(use("score", day(20), "write", dataset("m", "20", "model"), metrics=[metric]))
        assert outcomes(found, "metric") == [expected]


def event(state: str, **fields: Any) -> dict[str, Any]:
    return through_the_contract(
        "run_event",
        {
            "event_id": an_id("event", state),
            "event_time": microseconds(START),
            "run": {"run_id": an_id("run"), "state": state},
            "job": {"namespace": "jobs", "name": "clean"},
            **fields,
        },
    )


def test_uses_of_an_event() -> None:
    """One use a dataset, a write without a version named by its run, metrics with what they are about."""
    about = {"namespace": "lake", "name": "model"}
    metrics = [{"name": "rows", "value": 1.0}, {"name": "rmse", "value": 2.0, "about": about}]
    found = list(uses(event("COMPLETE", inputs=[dataset("a", "1")], outputs=[dataset("b", None)], metrics=metrics)))
    assert [(u["access"], u["name"]) for u in found] == [("read", "a"), ("write", "b"), ("describe", "model")]
    assert found[1]["version"].startswith("run:")
    assert len(found[1]["version"]) == 40
    assert [[m["name"] for m in u["metrics"]] for u in found] == [[], ["rows"], ["rmse"]]
    again = list(uses(event("COMPLETE", inputs=[dataset("a", "1")], outputs=[dataset("b", None)], metrics=metrics)))
    assert [u["event_id"] for u in again] == [u["event_id"] for u in found]
    assert len({u["event_id"] for u in found}) == 3
    for one in found:
        through_the_contract("dataset_use", one)


def test_a_failed_run_is_told_of_its_job() -> None:
    """FAIL alarms, ABORT is told, whatever datasets the event names."""
    for state, expected in (("FAIL", "alarm"), ("ABORT", "warn"), ("COMPLETE", None)):
        checker = Checker(Policy())
        found = [
            verdict
            for one in uses(event(state, outputs=[dataset("b", "1")]))
            for verdict in checker.use(through_the_contract("dataset_use", one))
        ]
        assert [v.outcome for v in found if v.check == "run"] == ([expected] if expected else [])
