"""Runs that stay open and tell what is new at their checkpoints; and what needs no run, or one event of it."""

from __future__ import annotations

import threading
import tracemalloc
from typing import Any

import pytest

from headwater.errors import ContractError
from headwater.producer import Column, InMemoryProducer, Job, Run
from headwater.settings import Settings


@pytest.fixture
def producer() -> InMemoryProducer:
    return InMemoryProducer(Settings(actor="service:loader", purpose="reporting"))


@pytest.fixture
def job(producer: InMemoryProducer) -> Job:
    return producer.job("streams", "enrich", processing="STREAMING")


def checkpoint(producer: InMemoryProducer, run: Run, number: int) -> None:
    """Read ten messages, write a version."""
    orders = producer.dataset("kafka://broker", "orders", kind="topic")
    lake = producer.dataset("s3://lake", "orders", kind="table")
    run.input(orders.at(offset_ranges=[{"partition": 0, "start": 10 * number, "end": 10 * number + 10}]))
    run.output(lake.at(version=str(number), version_origin="store", rows=10))
    run.metric("lag", float(number), step=number)
    run.report()


def test_each_checkpoint_tells_what_is_new(producer: InMemoryProducer, job: Job) -> None:
    """RUNNING holds what was read and written since the event before; together the events say each thing once."""
    with producer.run(job, parameters={"mode": "append"}) as run:
        for number in range(3):
            checkpoint(producer, run, number)
        run.report()
    events = producer.events
    assert [event["run"]["state"] for event in events] == ["START", *["RUNNING"] * 4, "COMPLETE"]
    assert {event["run"]["run_id"] for event in events} == {run.run_id}
    assert all(event["job"]["processing"] == "STREAMING" for event in events)
    for number, event in enumerate(events[1:4]):
        (read,), (written,) = event["inputs"], event["outputs"]
        assert read["offset_ranges"] == [{"partition": 0, "start": 10 * number, "end": 10 * number + 10}]
        assert (written["version"], written["rows"]) == (str(number), 10)
        assert [metric["value"] for metric in event["metrics"]] == [number]
    for event in (events[0], *events[4:]):
        assert event["inputs"] == event["outputs"] == event["metrics"] == []
    assert all(event["parameters"] == {"mode": '"append"'} for event in events)


def test_an_output_told_before_takes_additions(producer: InMemoryProducer, job: Job) -> None:
    """Column lineage said after a checkpoint stands at the version that was told there, which is not told again."""
    lake = producer.dataset("s3://lake", "orders", columns=["amount"])
    with producer.run(job, outputs=[lake.at(version="7", rows=10)]) as run:
        run.report()
        run.lineage(lake, "amount", producer.dataset("kafka://broker", "orders"), "amount")
        run.report()
    (addition,) = producer.events[2]["outputs"]
    assert (addition["version"], addition["rows"], addition["columns"]) == ("7", None, [])
    assert len(addition["column_lineage"]) == 1


def test_a_run_that_never_ends_does_not_grow(producer: InMemoryProducer, job: Job) -> None:
    """Thousands of checkpoints, each with a version of its own, keep the memory of the last thousand."""
    run = producer.run(job).start()

    def some(first: int) -> int:
        for number in range(first, first + 2000):
            checkpoint(producer, run, number)
            producer.clear()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        after, later = some(0), some(2000)
    finally:
        tracemalloc.stop()
    assert later - after < 200_000


def test_threads_that_share_a_run_lose_nothing(producer: InMemoryProducer, job: Job) -> None:
    """Metrics and outputs said by several threads are told once each."""
    run = producer.run(job).start()
    begin = threading.Barrier(4)

    def say(thread: int) -> None:
        begin.wait()
        for number in range(500):
            run.metric(f"{thread} {number}", 1.0)
            run.parameter(f"{thread} {number}", 1)
        run.output(producer.dataset("s3://lake", f"of thread {thread}"))

    threads = [threading.Thread(target=say, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.complete()
    end = producer.events[-1]
    assert len({metric["name"] for metric in end["metrics"]}) == len(end["metrics"]) == 2000
    assert len(end["parameters"]) == 2000
    assert len(end["outputs"]) == 4


def test_a_read_names_who_why_and_which_columns(producer: InMemoryProducer, job: Job) -> None:
    """The producer's actor and purpose stand unless the read has its own."""
    people = producer.dataset("pg", "people", columns=["name", Column("email", tags=["pii"])])
    producer.reads(job, people.at(columns_read=["email"]), actor="user:ann", purpose="support")
    producer.reads(job, people)
    one, other = producer.events
    assert (one["actor"], one["purpose"]) == ("user:ann", "support")
    assert (other["actor"], other["purpose"]) == ("service:loader", "reporting")
    assert [event["inputs"][0]["columns_read"] for event in (one, other)] == [["email"], []]
    assert one["outputs"] == other["outputs"] == []


def test_a_write_without_a_read(producer: InMemoryProducer, job: Job) -> None:
    """What came in by hand: one event, no input."""
    producer.writes(job, producer.dataset("s3://lake", "targets", version="1"), actor="user:bob", purpose="correction")
    (event,) = producer.events
    assert (event["run"]["state"], event["inputs"], event["actor"]) == ("COMPLETE", [], "user:bob")
    assert [output["name"] for output in event["outputs"]] == ["targets"]


CHANGES: list[tuple[dict[str, Any], str, Any]] = [
    ({"owners": ["team:new"]}, "owners", [{"name": "team:new", "type": None}]),
    ({"tags": {"tier": "gold"}}, "tags", [{"key": "tier", "value": "gold", "source": None}]),
    (
        {"columns": [Column("id", "bigint", nullable=False)]},
        "columns",
        [{"name": "id", "type": "bigint", "nullable": False, "description": None, "tags": []}],
    ),
    (
        {"lifecycle": {"change": "RENAME", "previous_name": "old"}},
        "lifecycle",
        {"change": "RENAME", "previous_namespace": None, "previous_name": "old"},
    ),
]


@pytest.mark.parametrize(("change", "field", "told"), CHANGES)
def test_a_change_of_a_dataset_needs_no_run(
    producer: InMemoryProducer, change: dict[str, Any], field: str, told: object
) -> None:
    """Owner, tag, schema and name: a dataset event that says who tells it."""
    producer.describe_dataset(producer.dataset("pg", "people").at(**change), event_time=1_000_000)
    (event,) = producer.events
    assert (event["kind"], event["run"], event["job"], event["event_time"]) == ("dataset", None, None, 1_000_000)
    assert event["outputs"][0][field] == told
    assert event["actor"] == "service:loader"


def test_a_change_of_a_job_needs_no_run(producer: InMemoryProducer) -> None:
    """Owner, tag and description, with the datasets that the job is meant to use."""
    job = producer.job("shop", "daily", owners=["team:a"], tags=["critical"], description="d", kind="DAG")
    producer.describe_job(job, inputs=[producer.dataset("pg", "a")], outputs=[producer.dataset("pg", "b")])
    (event,) = producer.events
    assert (event["kind"], event["run"]) == ("job", None)
    told = event["job"]
    assert (told["owners"][0]["name"], told["tags"][0]["key"], told["description"], told["kind"]) == (
        "team:a", "critical", "d", "DAG",
    )  # fmt: skip
    assert [event[side][0]["name"] for side in ("inputs", "outputs")] == ["a", "b"]


@pytest.mark.parametrize(
    "fields", [{"rows": "many"}, {"rows": 2**70}, {"rows": 1.5}, {"offset_ranges": [{"start": 1}]}]
)
def test_a_variant_that_cannot_be_told_costs_its_field_only(
    producer: InMemoryProducer, job: Job, fields: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """`at` stands inside runs: it never raises because of a value; the making of a handle does, at the start."""
    with pytest.raises((TypeError, ContractError)):
        producer.dataset("pg", "people", **fields)
    with producer.run(job) as run:
        run.output(producer.dataset("pg", "people", rows=7).at(version=3, **fields))  # type: ignore[arg-type]  # a number
    (told,) = producer.events[-1]["outputs"]
    assert (told["version"], told["rows"], told["offset_ranges"]) == ("3", None if "rows" in fields else 7, [])
    assert "is left out" in caplog.text


def test_a_field_that_no_dataset_has_is_a_mistake(producer: InMemoryProducer) -> None:
    """Told at once, as any function of Python would."""
    with pytest.raises(TypeError, match="colums"):
        producer.dataset("pg", "people").at(colums=["a"])  # type: ignore[call-arg]  # that is the point
