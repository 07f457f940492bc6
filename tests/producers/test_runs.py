"""What a run tells: its beginning and end, what is said inside, and whose child it is."""

from __future__ import annotations

import asyncio
import json
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from headwater.errors import ContractError
from headwater.producer import Column, Dataset, InMemoryProducer, Job, Producer, RunReference, carry, current_run
from headwater.settings import Settings


@pytest.fixture
def producer() -> InMemoryProducer:
    return InMemoryProducer(Settings(digest_key="team"))


@pytest.fixture
def job(producer: InMemoryProducer) -> Job:
    return producer.job("tests", "job", kind="TASK", owners=["team:x", ("ann", "MAINTAINER")], tags={"tier": "1"})


@pytest.fixture
def source(producer: InMemoryProducer) -> Dataset:
    return producer.dataset(
        "pg", "source", version="7", columns=[Column("id", "int", nullable=False, tags=["pii"]), "x"], owners=["team:y"]
    )


@pytest.fixture
def target(producer: InMemoryProducer) -> Dataset:
    return producer.dataset("pg", "target")


def states(producer: InMemoryProducer) -> list[str]:
    return [event["run"]["state"] for event in producer.events]


def test_a_run_tells_start_and_complete(producer: InMemoryProducer, job: Job, source: Dataset, target: Dataset) -> None:
    """START holds what was given, COMPLETE what was said inside; both hold the job and the parameters."""
    times = iter((1_000_001, 2_000_000))
    with producer.run(
        job,
        inputs=[source],
        parameters={"lr": 0.1, "depths": [1, 2]},
        nominal=(5, 6),
        actor="service:a",
        purpose="tests",
        clock=lambda: next(times),
    ) as run:
        run.output(target.at(rows=5, partitions=["m=1"]))
        run.metric("rmse", 1.5, split="test", step=3, about=target)
        run.facet("engine", {"name": "x"})
        run.resources(wall_time=7, peak_memory=8)
    start, complete = producer.events
    assert (start["event_time"], complete["event_time"]) == (1_000_001, 2_000_000)
    assert start["kind"] == "run"
    assert (start["actor"], start["purpose"]) == ("service:a", "tests")
    assert start["run"]["run_id"] == complete["run"]["run_id"] == run.run_id
    assert (start["run"]["nominal_start"], start["run"]["nominal_end"]) == (5, 6)
    assert start["job"] == complete["job"]
    assert start["job"]["owners"] == [{"name": "team:x", "type": None}, {"name": "ann", "type": "MAINTAINER"}]
    assert [d["name"] for d in start["inputs"]] == ["source"]
    assert start["inputs"][0]["columns"][0]["tags"] == [{"key": "pii", "value": "true", "source": None}]
    assert start["inputs"][0]["version_origin"] == "declared"
    assert start["outputs"] == [] == complete["inputs"]
    assert [(d["name"], d["rows"], d["partitions"]) for d in complete["outputs"]] == [("target", 5, ["m=1"])]
    assert start["parameters"] == complete["parameters"] == {"lr": "0.1", "depths": "[1,2]"}
    assert complete["metrics"] == [
        {
            "name": "rmse",
            "value": 1.5,
            "step": 3,
            "split": "test",
            "about": {"namespace": "pg", "name": "target", "version": None},
        }
    ]
    assert complete["run"]["facets"] == {"engine": '{"name":"x"}'}
    assert complete["resources"]["wall_time"] == 7
    assert json.loads(start["environment"]["python"]).startswith("3.")


def test_sequence_numbers_count_over_all_topics(producer: InMemoryProducer, job: Job) -> None:
    """The producer says that it opens, first; every message has the next number, from 1."""
    with producer.run(job):
        producer.describe_dataset(producer.dataset("a", "b"))
    producer.close()
    messages = producer.emitted
    assert [m.value["sequence"] for m in messages] == [1, 2, 3, 4, 5]
    assert [m.value.get("kind") for m in messages] == ["opened", "run", "dataset", "run", "closed"]
    assert {m.value["producer_id"] for m in messages} == {messages[0].key}
    assert len({m.value["event_id"] for m in messages}) == 5
    assert messages[-1].value["last_sequence"] == 5


def test_an_exception_ends_the_run_and_passes_on(producer: InMemoryProducer, job: Job) -> None:
    """The body's exception is recorded with its trace and is the very object that the caller catches."""
    error = ValueError("boom")
    with pytest.raises(ValueError, match="boom") as caught, producer.run(job):
        raise error
    assert caught.value is error
    end = producer.events[-1]
    assert end["run"]["state"] == "FAIL"
    assert (end["error"]["type"], end["error"]["message"]) == ("ValueError", "boom")
    assert "test_runs.py" in end["error"]["stack_trace"]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (KeyboardInterrupt(), "ABORT"),
        (asyncio.CancelledError(), "ABORT"),
        (SystemExit(0), "COMPLETE"),
        (SystemExit(3), "FAIL"),
    ],
)
def test_how_a_body_ends_decides_the_state(
    producer: InMemoryProducer, job: Job, error: BaseException, state: str
) -> None:
    """Ctrl-C and a cancellation abort; an exit with 0 is an end like any other."""
    with pytest.raises(type(error)), producer.run(job):
        raise error
    assert states(producer) == ["START", state]


def test_an_error_that_cannot_say_what_it_is(producer: InMemoryProducer, job: Job) -> None:
    """Even an exception whose text raises passes on unchanged, and is recorded by its type."""

    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    with pytest.raises(Odd), producer.run(job):
        raise Odd
    assert producer.events[-1]["error"]["type"].endswith("Odd")


def test_nested_runs_are_children(producer: InMemoryProducer, job: Job) -> None:
    """The run around is the parent; the first of the chain is the root."""
    with producer.run(job) as outer, producer.run(job) as middle, producer.run(job) as inner:
        pass
    assert current_run() is None
    by_id = {event["run"]["run_id"]: event["run"] for event in producer.events}
    assert (by_id[outer.run_id]["parent"], by_id[outer.run_id]["root"]) == (None, None)
    assert by_id[middle.run_id]["parent"]["run_id"] == by_id[middle.run_id]["root"]["run_id"] == outer.run_id
    assert by_id[inner.run_id]["parent"]["run_id"] == middle.run_id
    assert by_id[inner.run_id]["root"]["run_id"] == outer.run_id
    assert by_id[inner.run_id]["parent"]["job_name"] == "job"


def test_decorators_make_a_run_for_each_call(producer: InMemoryProducer, job: Job, source: Dataset) -> None:
    """Functions, coroutine functions, generators and async generators; results and exceptions pass through."""
    seen: list[RunReference | None] = []

    @producer.run(job, inputs=[source])
    def plain(value: int) -> int:
        seen.append(current_run())
        return value + 1

    @producer.run(job)
    async def coroutine(value: int) -> int:
        await asyncio.sleep(0)
        return value + 2

    @producer.run(job)
    def generator() -> Iterator[int]:
        yield 1
        yield 2

    @producer.run(job)
    async def stream() -> AsyncIterator[int]:
        yield 3

    async def everything() -> list[int]:
        return [await coroutine(1), *[value async for value in stream()]]

    assert plain(1) == 2
    assert plain(2) == 3
    assert plain.__name__ == "plain"
    assert asyncio.run(everything()) == [3, 3]
    assert list(generator()) == [1, 2]
    assert states(producer) == ["START", "COMPLETE"] * 5
    assert len({event["run"]["run_id"] for event in producer.events}) == 5
    assert len({run.run_id for run in seen if run}) == 2


def test_tasks_beside_each_other_keep_their_own_parents(producer: InMemoryProducer, job: Job) -> None:
    """Each asyncio task sees its own run, though they interleave on one thread."""

    async def one() -> tuple[bytes, bytes]:
        async with producer.run(job) as outer:
            await asyncio.sleep(0.001)
            async with producer.run(job) as inner:
                await asyncio.sleep(0.001)
            return outer.run_id, inner.run_id

    async def together() -> list[tuple[bytes, bytes]]:
        return await asyncio.gather(*(one() for _ in range(10)))

    pairs = asyncio.run(together())
    parents = {e["run"]["run_id"]: e["run"]["parent"] for e in producer.events}
    assert all(parents[outer] is None and parents[inner]["run_id"] == outer for outer, inner in pairs)


def test_threads_and_executors_take_the_run_over_by_carry(producer: InMemoryProducer, job: Job) -> None:
    """A thread starts without a run, as Python has it; `carry` hands the present one over, to several at once."""
    found: list[Any] = []

    def present(_: int) -> RunReference | None:
        return current_run()

    with producer.run(job) as run:
        threads = [threading.Thread(target=t) for t in (lambda: found.append(current_run()),)]
        for thread in threads:
            thread.start()
            thread.join()
        with ThreadPoolExecutor(4) as pool:
            references = list(pool.map(carry(present), range(8)))
    assert found == [None]
    assert {reference.run_id for reference in references if reference} == {run.run_id}


def test_a_run_goes_down_to_child_processes(producer: InMemoryProducer, job: Job) -> None:
    """The variables that a run hands down make it the parent there, and keep the root."""
    with producer.run(job) as outer, producer.run(job) as inner:
        variables = inner.reference.variables()
    taken = RunReference.from_variables(variables)
    assert taken is not None
    assert taken.run_id == inner.run_id
    assert taken.root is not None
    assert taken.root.run_id == outer.run_id
    alone = RunReference.from_variables(outer.reference.variables())
    assert alone == RunReference(outer.run_id, "tests", "job")
    assert RunReference.from_variables({"HEADWATER_RUN_ID": "no uuid"}) is None


def test_the_parent_of_a_process_is_everywhere_in_it(
    job: Job, monkeypatch: pytest.MonkeyPatch, producer: InMemoryProducer
) -> None:
    """A run without a run around it is the child of the run that started the process."""
    with producer.run(job) as outer:
        pass
    for name, value in outer.reference.variables().items():
        monkeypatch.setenv(name, value)
    child = InMemoryProducer(Settings())
    with child.run(job):
        pass
    assert child.events[0]["run"]["parent"]["run_id"] == outer.run_id


def test_lineage_and_edges_stand_at_the_output(
    producer: InMemoryProducer, job: Job, source: Dataset, target: Dataset
) -> None:
    """Column lineage and explicit edges are told with the output, once, also where it was named at the start."""
    with producer.run(job, inputs=[source], outputs=[target]) as run:
        run.lineage(target, "y", source, "x", subtype="AGGREGATION", masking=True, confidence=0.5, captured="parsed")
        run.edges(target, [source])
        run.report()
        run.lineage(target, None, source, None, transformation="INDIRECT", subtype="FILTER")
    start, running, complete = producer.events
    assert [event["run"]["state"] for event in producer.events] == ["START", "RUNNING", "COMPLETE"]
    assert start["outputs"][0]["column_lineage"] == []
    (told,) = running["outputs"]
    assert (told["name"], told["edges_complete"], told["rows"]) == ("target", True, None)
    assert told["edges"] == [{"namespace": "pg", "name": "source", "version": "7"}]
    (lineage,) = told["column_lineage"]
    assert (lineage["column"], lineage["target_column"], lineage["version"]) == ("x", "y", "7")
    assert (lineage["transformation"], lineage["subtype"], lineage["masking"]) == ("DIRECT", "AGGREGATION", True)
    assert (lineage["confidence"], lineage["captured"]) == (0.5, "parsed")
    (told,) = complete["outputs"]
    assert (told["edges"], told["edges_complete"]) == ([], False)
    assert told["column_lineage"][0]["target_column"] is None


def test_what_is_declared_late_is_told_with_the_end(
    producer: InMemoryProducer, job: Job, source: Dataset, target: Dataset
) -> None:
    """An output and its lineage said before any event about it come as one entry."""
    with producer.run(job) as run:
        run.lineage(target, "y", source, "x")
        run.output(target.at(rows=9))
    (told,) = producer.events[-1]["outputs"]
    assert (told["rows"], len(told["column_lineage"])) == (9, 1)


def test_a_read_is_one_event(producer: InMemoryProducer, job: Job, source: Dataset) -> None:
    """Who read this, for what purpose, which columns: a run that is complete at once."""
    producer.reads(job, source.at(columns_read=["x"]), actor="ann", purpose="audit")
    (event,) = producer.events
    assert (event["run"]["state"], event["actor"], event["purpose"]) == ("COMPLETE", "ann", "audit")
    assert event["inputs"][0]["columns_read"] == ["x"]
    assert event["outputs"] == []


def test_job_and_dataset_events(producer: InMemoryProducer, job: Job, target: Dataset) -> None:
    """A change of owner, tag or schema needs no run."""
    producer.describe_job(job, inputs=[target])
    producer.describe_dataset(
        target.at(owners=["team:z"], lifecycle="ALTER", aliases=[("s3", "t")], facets={"f": {"a": 1}})
    )
    of_job, of_dataset = producer.events
    assert (of_job["kind"], of_job["run"], of_job["job"]["name"]) == ("job", None, "job")
    assert (of_dataset["kind"], of_dataset["run"], of_dataset["job"]) == ("dataset", None, None)
    (described,) = of_dataset["outputs"]
    assert described["owners"] == [{"name": "team:z", "type": None}]
    assert described["lifecycle"]["change"] == "ALTER"
    assert described["aliases"] == [{"namespace": "s3", "name": "t", "type": None}]
    assert described["facets"] == {"f": '{"a":1}'}
    assert [message[1] for message in producer.messages[1:]] == [b"tests\njob", b"pg\ntarget"]


def test_an_event_too_large_for_a_message_is_split(producer: InMemoryProducer, job: Job, target: Dataset) -> None:
    """Parts share the event id, are numbered, stay below 512 KB, and together say everything."""
    inputs = [producer.dataset("ns", f"input-{i}", description="d" * 1000) for i in range(1500)]
    with producer.run(job, inputs=inputs) as run:
        for i in range(9000):
            run.lineage(target, f"column-{i}", inputs[i % 10], "source", description="x" * 100)
        run.edges(target, inputs)
        run.metric("m", 1.0)
    assert max(len(message[2]) for message in producer.messages) < 512 * 1024
    for state, count in (("START", 1500), ("COMPLETE", 0)):
        parts = [event for event in producer.events if event["run"]["state"] == state]
        assert len(parts) > 1
        assert [part["part"] for part in parts] == list(range(1, len(parts) + 1))
        assert {(part["parts"], part["event_id"]) for part in parts} == {(len(parts), parts[0]["event_id"])}
        assert sum(len(part["inputs"]) for part in parts) == count
    outputs = [output for part in producer.events for output in part["outputs"]]
    assert sum(len(output["column_lineage"]) for output in outputs) == 9000
    assert sum(len(output["edges"]) for output in outputs) == 1500
    assert sum(len(part["metrics"]) for part in producer.events) == 1


def test_a_schema_too_large_for_a_message_is_split(producer: InMemoryProducer, job: Job) -> None:
    """A dataset of very many columns is named several times, each time with some of them."""
    wide = producer.dataset("ns", "wide", columns=[Column(f"column-{i}", "double") for i in range(30000)])
    with producer.run(job, inputs=[wide]):
        pass
    named = [entry for event in producer.events for entry in event["inputs"]]
    assert {entry["name"] for entry in named} == {"wide"}
    assert sum(len(entry["columns"]) for entry in named) == 30000
    assert max(len(message[2]) for message in producer.messages) < 512 * 1024


def test_a_parameter_too_large_is_told_by_its_digest(producer: InMemoryProducer, job: Job) -> None:
    """One huge value does not cost the event."""
    with producer.run(job, parameters={"sql": "x" * 1_000_000}):
        pass
    told = json.loads(producer.events[0]["parameters"]["sql"])
    assert told["cut"] == 1_000_002
    assert told["digest"].startswith("sha256:")


def test_nothing_said_in_a_run_raises_into_the_host(source: Dataset, job: Job, internal_errors: list[Any]) -> None:
    """Values that cannot be encoded are counted and logged; the body never notices."""
    producer = InMemoryProducer(Settings(), strict=False)
    with producer.run(job, inputs=[source]) as run:
        run.metric("m", "no number")  # type: ignore[arg-type]  # that is the point
        run.input(None)  # type: ignore[arg-type]  # that is the point
        run.output(source.at(rows=5))
        run.resources(nothing=1)
    assert states(producer) == ["START", "COMPLETE"]
    assert producer.stats().drops == {"encoding": 3}
    assert {type(error) for error in internal_errors} == {ValueError, AttributeError, ContractError}


def test_names_have_a_bound(producer: InMemoryProducer, source: Dataset, job: Job, internal_errors: list[Any]) -> None:
    """8 KB, so that edges fit a message: a handle is refused; what a run is told is left out, and the run goes on."""
    fits, beyond = "n" * 8192, "ä" * 4096 + "n"
    with producer.run(producer.job(fits, fits), outputs=[producer.dataset(fits, fits, version=fits, kind=fits)]):
        pass
    assert [one["version"] for event in producer.events for one in event["outputs"]] == [fits]
    for namespace, name in ((beyond, "n"), ("n", beyond)):
        with pytest.raises(ContractError, match=r"has 8,193 bytes, at most 8,192"):
            producer.job(namespace, name)
        with pytest.raises(ContractError, match=r"has 8,193 bytes, at most 8,192"):
            producer.dataset(namespace, name)
    for field in ("version", "version_origin", "kind"):
        with pytest.raises(ContractError, match=f"a dataset's {field} has 8,193 bytes"):
            producer.dataset("n", "n", **{field: beyond})  # type: ignore[arg-type]  # one of its fields
    bare = source.at(version=beyond, kind=beyond, rows=5)
    assert (bare.version, bare.version_origin, bare.kind) == (None, None, "table")
    host = InMemoryProducer(Settings(), strict=False)
    with host.run(job) as run:
        run.output(bare)
        run.lineage(bare, beyond, source, "x")
        run.lineage(bare, "x", source, "x", description="d" * 9000)
    [output] = [one for event in host.events for one in event["outputs"] if one["column_lineage"]]
    [row] = output["column_lineage"]
    assert (output["version"], row["target_column"]) == (None, "x")
    assert json.loads(row["description"])["cut"] == 9000
    assert host.stats().drops == {"encoding": 1}
    assert {type(error) for error in internal_errors} == {ContractError}


def test_a_run_that_is_ended_twice_ends_once(producer: InMemoryProducer, job: Job) -> None:
    """complete, fail and abort after the end say nothing more."""
    run = producer.run(job).start()
    run.fail("stopped by hand")
    run.complete()
    assert states(producer) == ["START", "FAIL"]
    assert producer.events[-1]["error"]["message"] == "stopped by hand"


def test_an_orchestrator_names_the_run(producer: InMemoryProducer, job: Job) -> None:
    """A given run id and parent stand, as UUID or as bytes."""
    given = uuid.uuid4()
    with producer.run(job, run_id=given, parent=RunReference(b"p" * 16, "a", "b")):
        pass
    run = producer.events[0]["run"]
    assert run["run_id"] == given.bytes
    assert run["parent"] == {"run_id": b"p" * 16, "job_namespace": "a", "job_name": "b"}
    assert run["root"]["run_id"] == b"p" * 16


@pytest.mark.parametrize("given", [uuid.UUID(int=0), bytes(16), b"short", None])
def test_a_run_is_named_by_an_id_of_use(given: uuid.UUID | bytes | None, producer: InMemoryProducer, job: Job) -> None:
    """Of the nil UUID, which names nothing, and of what is no id, another is made: no run may be lost to a bad id."""
    with producer.run(job, run_id=given):
        pass
    assert {uuid.UUID(bytes=event["run"]["run_id"]).version for event in producer.events} == {7}


def test_a_handle_at_another_version_encodes_only_what_changed(source: Dataset) -> None:
    """`at` leaves the handle itself as it was."""
    variant = source.at(version="8", version_origin="store", rows=3)
    assert (source.version, variant.version) == ("7", "8")
    assert variant.columns == source.columns
    assert variant.encoded != source.encoded
    assert variant.at(version="7", version_origin="declared", rows=None).encoded == source.encoded


def test_switched_off_it_takes_everything_and_sends_nothing(
    monkeypatch: pytest.MonkeyPatch, job: Job, source: Dataset
) -> None:
    """HEADWATER_DISABLED=1: no client, no thread, no event; the service runs as ever."""
    monkeypatch.setenv("HEADWATER_DISABLED", "1")
    threads = threading.active_count()
    with Producer() as producer:
        with producer.run(job, inputs=[source]) as run:
            run.output(source)
        assert producer.flush(0)
        assert producer.stats().emitted == 0
    assert threading.active_count() == threads
