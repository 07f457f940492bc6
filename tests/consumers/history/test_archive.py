"""The archive: what was read is kept as it was, once, with the earliest arrival, whatever comes twice or broken."""

from __future__ import annotations

import json
from hashlib import blake2b, sha256
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import OperationalError

from headwater.archive import ArchiveStep
from headwater.archive.codes import Fault
from headwater.archive.inserting import Failed, Frozen, insert
from headwater.audit.store import Client
from headwater.schemas import plain, records, topics
from headwater.streams.step import Retry
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import (
    as_uuid,
    at,
    batch,
    dataset,
    edge_set,
    head,
    named,
    prediction,
    run_event,
)

pytestmark = pytest.mark.integration

RUNS = topics.RUNS.name
VIEWS = (
    "runs",
    "predictions",
    "edges",
    "column_profiles",
    "verdicts",
    "alerts",
    "incidents",
    "decisions",
    "producers",
    "dead_letters",
)


def test_a_run_event_is_kept_whole(history: History) -> None:
    """Every field is a column of its type; the body, its digests and its place on the topic stand beside it."""
    event = run_event(
        "train 1",
        "COMPLETE",
        at(5),
        inputs=[dataset("a", "1", rows=7, columns=[{"name": "x", "type": "int"}], subjects=None)],
        outputs=[dataset("m", None, kind="model", fingerprint={"algorithm": "sum-1", "digest": b"\x00\xff"})],
        parameters={"depth": "3"},
        metrics=[{"name": "rmse", "value": float("nan"), "split": "test"}],
        actor="airflow",
        run_fields={
            "parent": {"run_id": named("dag"), "job_namespace": "jobs", "job_name": "dag"},
            "trace_id": bytes(range(16)),
            "links": [{"topic": "t", "partition": 1, "offset": 2}],
        },
        job_fields={"code": {"commit": "abc", "dirty": True}, "owners": [{"name": "team:x"}]},
        resources={"wall_time": 5, "cost": 1.5},
        error={"type": "E", "message": "m"},
    )
    sent = batch(RUNS, [event], first=41, partition=3, generation="life")
    history.keep(sent)
    [row] = [
        dict(zip(r.column_names, r.result_rows[0], strict=True))
        for r in [history.client.query("SELECT *, arrival, kafka_key FROM run_events")]
    ]
    body = sent.values[0][10:]
    assert row["run_id"] == as_uuid("train 1")
    assert row["parent_run_id"] == as_uuid("dag")
    assert row["root_run_id"] is None
    assert row["trace_id"] == bytes(range(16)).hex()
    assert (row["job_code_commit"], row["job_code_dirty"], row["actor"]) == ("abc", True, "airflow")
    assert row["inputs"][0]["rows"] == 7
    assert row["inputs"][0]["columns"][0]["name"] == "x"
    assert row["outputs"][0]["version"] is None
    assert row["parameters"] == {"depth": "3"}
    assert row["metrics"][0]["split"] == "test"
    assert (row["resources_wall_time"], row["resources_cost"], row["error_type"]) == (5, 1.5, "E")
    assert (row["kafka_topic"], row["kafka_partition"], row["kafka_offset"]) == (RUNS, 3, 41)
    assert (row["kafka_generation"], row["kafka_key"], row["event_time_odd"]) == ("life", "key", False)
    assert row["schema_fingerprint"] == records.current("run_event").fingerprint
    raw = history.rows("SELECT hex(raw_body), hex(body_digest), hex(content_digest) FROM run_events")
    start = len(body) - len(_without_head(body))
    assert raw == [(
        body.hex().upper(),
        sha256(body).hexdigest()[:32].upper(),
        blake2b(body[start:], digest_size=16).hexdigest().upper(),
    )]  # fmt: skip
    assert history.rows("SELECT text FROM schemas") == [(records.current("run_event").text,)]


def _without_head(body: bytes) -> bytes:
    """The body without emit_time, producer_id and sequence, found by taking their encodings away."""
    value = plain.decode(records.current("run_event"), body)
    tail = plain.encode(records.current("run_event"), {**value, "emit_time": 0, "sequence": 0})
    return tail[18:]


def every_record() -> dict[str, dict[str, Any]]:
    """One message of each archived topic, with what its schema demands."""
    when = at(1)
    return {
        RUNS: run_event("r", "START", when),
        "lineage.predictions": prediction("k", when, "m", "1"),
        "lineage.edges": edge_set("r", when, [dataset("a", "1"), dataset("b", "1")], [(0, 1)]),
        "lineage.profiles": {
            **head("profile", when),
            **dataset("a", "1"),
            "rows": 3,
            "columns_total": 1,
            "row_kmv": b"",
            "columns": [
                {
                    "name": "x",
                    "type": "numeric",
                    "count": 3,
                    "nulls": 1,
                    "mean": 2.0,
                    "m2": 2.0,
                    "quantiles": [1.0, 3.0],
                    "kmv": b"",
                }
            ],
        },
        "lineage.verdicts": {
            **head("verdict", when),
            "check": "drift",
            "outcome": "alarm",
            "explanation": "it moved",
            "based_on": [named("profile")],
            "gates": [{"name": "ks", "value": 0.9, "threshold": 0.1, "passed": True}],
        },
        "lineage.alerts": {
            **head("alert", when),
            "incident_id": named("incident"),
            "state": "opened",
            "number": 1,
            "severity": 0.9,
            "title": "drift",
            "explanation": "it moved",
            "check": "drift",
            "verdicts": [named("verdict")],
        },
        "lineage.decisions": {
            **head("decision", when),
            "kind": "owner",
            "actor": "ann",
            "owners": [{"name": "team:y"}],
        },
        "lineage.producers": {**head("opened", when, 1), "kind": "opened", "last_sequence": 1, "service": "svc"},
        "lineage.dead-letters": {
            **head("letter", when),
            "topic": "x.lineage.runs",
            "partition": 1,
            "offset": 9,
            "worker": "stitching",
            "reason": "truncated",
            "length": 3,
            "digest": b"\x01" * 32,
            "body": b"",
        },
    }


def test_every_topic_has_its_table_and_view(history: History) -> None:
    """One message of each topic is one row of each of its views; a second delivery adds none."""
    messages = every_record()
    assert set(messages) == set(history.step.inputs)
    for _ in range(2):
        history.keep(*(batch(topic, [value]) for topic, value in messages.items()))
        history.clock[0] += 1_000_000
        for view in VIEWS:
            assert history.rows(f"SELECT count() FROM {view}") == [(1,)], view
    assert history.letters == []
    assert history.rows("SELECT based_on, gates FROM verdicts")[0][0] == [as_uuid("profile")]
    assert history.rows("SELECT mean, deviation, quantiles FROM column_profiles") == [(2.0, 2.0**0.5, [1.0, 3.0])]
    assert history.rows("SELECT last_sequence, service, closed FROM producers") == [(1, "svc", False)]


def test_odd_event_times_are_kept_and_flagged(history: History) -> None:
    """1970, 2300 and what no calendar holds are flagged, stand by arrival, and the raw body has what was sent."""
    times = [0, 10_413_792_000_000_000, 2**63 - 1, -(2**63), at(0)]
    history.keep(batch(RUNS, [run_event(f"r {i}", "START", when) for i, when in enumerate(times)]))
    rows = history.rows(
        "SELECT event_time_odd, count(), uniqExact(_partition_id) FROM run_events GROUP BY 1 ORDER BY 1"
    )
    assert rows == [(False, 1, 1), (True, 4, 1)]
    kept = history.rows("SELECT hex(raw_body) FROM run_events")
    sent = {plain.decode(records.current("run_event"), bytes.fromhex(row[0]))["event_time"] for row in kept}
    assert sent == set(times)


def test_a_round_of_many_years(history: History) -> None:
    """Event times of any age go in one insert: ten years have partitions of their own, all others that of now."""
    year = 366 * 24 * 60 * 60 * 1_000_000
    now = history.clock[0]
    history.keep(batch(RUNS, [run_event(f"r {i}", "START", now - i * year) for i in range(-60, 60)]))
    assert history.rows("SELECT count(), uniqExact(_partition_id) < 15 FROM run_events") == [(120, True)]


def test_a_row_that_the_store_refuses_goes_alone(history: History) -> None:
    """A body that the store reads otherwise than it was sent becomes a dead letter; its neighbours are kept."""
    good = [plain.encode(records.current("run_event"), run_event(f"r {i}", "START", at(i))) for i in range(21)]
    bodies = list(good)
    bodies[7] += b"\x00"  # would never pass the codec: here it stands for an engine that reads otherwise
    bodies[13] = bodies[13][:-3]
    history.keep(batch(RUNS, (), bodies=bodies))
    assert history.rows("SELECT count() FROM run_events") == [(19,)]
    letters = [plain.decode(records.current("dead_letter"), letter.value[10:]) for letter in history.letters]
    assert sorted((letter["offset"], letter["reason"]) for letter in letters) == [
        (7, "refused_by_store"),
        (13, "refused_by_store"),
    ]
    assert (history.step.inserted, history.step.refused) == (19, 2)


def test_a_store_that_is_away_loses_nothing(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """While inserts fail the step says Retry, keeps the same frozen batch, and inserts it once."""
    tokens: list[str] = []

    def failing(client: object, frozen: Frozen) -> list[Any]:
        tokens.append(frozen.token)
        if len(tokens) < 3:
            raise Failed(Fault.RETRY if len(tokens) == 1 else Fault.UNKNOWN, "Code: 241. memory")
        return insert(history.client, frozen)

    monkeypatch.setattr("headwater.archive.ahead.insert", failing)
    history.step.process(batch(RUNS, [run_event("r", "START", at(0))]))
    for _ in range(2):
        with pytest.raises(Retry, match="241"):
            history.step.flush()
        history.clock[0] += 1_000_000
    history.step.flush()
    assert len(set(tokens)) == 1
    assert history.step.unknown == 1
    assert history.rows("SELECT count() FROM run_events") == [(1,)]


def test_a_store_that_dies_while_it_is_migrated_is_waited_for(history: History) -> None:
    """What the first question meets is no fault of the worker's: it asks again, and goes on."""
    asked: list[bool] = []

    def connected() -> Client:
        asked.append(True)
        if len(asked) == 1:
            raise OperationalError("Connection refused")
        return history.client

    step = ArchiveStep(history.settings, connected=connected)
    step.process(batch(RUNS, [run_event("r", "START", at(0))]))
    with pytest.raises(Retry, match="Connection refused"):
        step.flush()
    step.flush()
    assert step.inserted == 1


def test_older_and_foreign_writers_are_resolved(history: History) -> None:
    """A writer whose fields are fewer, or in another order, goes into the table by Avro's rules."""
    current = records.current("decision").definition
    fewer = {**current, "fields": [field for field in current["fields"] if field["name"] not in ("details", "subject")]}
    moved = {**current, "fields": [*current["fields"][1:], current["fields"][0]]}
    for number, definition in enumerate((fewer, moved)):
        writer = records.parse(json.dumps(definition))
        value = {**head(f"d {number}", at(number)), "kind": "accept", "actor": "ann", "reason": f"why {number}"}
        history.keep(batch("lineage.decisions", [value], first=number, schema=writer))
    rows = history.rows("SELECT reason, event_id, details FROM decisions ORDER BY reason")
    assert rows == [("why 0", as_uuid("d 0"), {}), ("why 1", as_uuid("d 1"), {})]
    assert history.rows("SELECT count() FROM schemas") == [(2,)]
