"""Whose child a run is: across threads, tasks, executors of threads and of processes, and commands."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest

from headwater.producer import InMemoryProducer, Job, RunReference, carry, current_run
from headwater.settings import Settings


@pytest.fixture
def producer() -> InMemoryProducer:
    return InMemoryProducer(Settings())


@pytest.fixture
def job(producer: InMemoryProducer) -> Job:
    return producer.job("tests", "job")


def families(producer: InMemoryProducer) -> dict[bytes, tuple[bytes | None, bytes | None]]:
    """Parent and root of each run, by its id."""
    found: dict[bytes, tuple[bytes | None, bytes | None]] = {}
    for event in producer.events:
        run = event["run"]
        found[run["run_id"]] = tuple(None if run[one] is None else run[one]["run_id"] for one in ("parent", "root"))  # type: ignore[assignment]  # two
    return found


def one_run(producer: InMemoryProducer, job: Job) -> bytes:
    """The id of a run that is done."""
    with producer.run(job) as run:
        return run.run_id


def test_runs_in_threads_are_children_of_the_run_that_was_carried(producer: InMemoryProducer, job: Job) -> None:
    """A bare thread's run stands alone; a carried one is a child, and runs within it are grandchildren."""
    found: dict[str, bytes] = {}

    def work(name: str) -> None:
        with producer.run(job) as run:
            found[name] = run.run_id
            found[f"{name} inner"] = one_run(producer, job)

    with producer.run(job) as outer:
        threads = [
            threading.Thread(target=target, args=(name,)) for target, name in ((work, "bare"), (carry(work), "carried"))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert current_run() == outer.reference
    family = families(producer)
    assert family[found["bare"]] == (None, None)
    assert family[found["bare inner"]] == (found["bare"], found["bare"])
    assert family[found["carried"]] == (outer.run_id, outer.run_id)
    assert family[found["carried inner"]] == (found["carried"], outer.run_id)


def test_an_executor_s_threads_keep_nothing_of_the_run(producer: InMemoryProducer, job: Job) -> None:
    """What was carried ends with the call: the same thread then works for another run, or for none."""
    with ThreadPoolExecutor(1) as pool:
        with producer.run(job) as first:
            one = pool.submit(carry(one_run), producer, job).result()
        with producer.run(job) as second:
            two = pool.submit(carry(one_run), producer, job).result()
        three = pool.submit(one_run, producer, job).result()
    family = families(producer)
    assert [family[run][0] for run in (one, two, three)] == [first.run_id, second.run_id, None]


def test_tasks_and_their_threads_are_children(producer: InMemoryProducer, job: Job) -> None:
    """Tasks and `asyncio.to_thread` take the run over by themselves, an event loop's executor by `carry`."""

    async def child() -> bytes:
        await asyncio.sleep(0)
        return one_run(producer, job)

    async def everything() -> tuple[bytes, list[bytes], bytes]:
        loop = asyncio.get_running_loop()
        async with producer.run(job) as outer:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(child()) for _ in range(5)]
            bare = await loop.run_in_executor(None, one_run, producer, job)
            children = [
                *(task.result() for task in tasks),
                await asyncio.to_thread(one_run, producer, job),
                await loop.run_in_executor(None, carry(one_run), producer, job),
            ]
            return outer.run_id, children, bare

    outer, children, bare = asyncio.run(everything())
    family = families(producer)
    assert [family[run] for run in children] == [(outer, outer)] * 7
    assert family[bare] == (None, None)


def test_a_cancelled_task_aborts_its_run_and_no_other(producer: InMemoryProducer, job: Job) -> None:
    """Its neighbour and the run around complete."""

    async def sleeping(seconds: float) -> None:
        async with producer.run(job):
            await asyncio.sleep(seconds)

    async def everything() -> None:
        async with producer.run(job):
            slow, quick = asyncio.create_task(sleeping(60)), asyncio.create_task(sleeping(0.01))
            await quick
            slow.cancel()
            with pytest.raises(asyncio.CancelledError):
                await slow

    asyncio.run(everything())
    states = [event["run"]["state"] for event in producer.events]
    assert sorted(states) == ["ABORT", "COMPLETE", "COMPLETE", "START", "START", "START"]
    assert states[-1] == "COMPLETE"


def told_there(name: str) -> tuple[str, bytes, bytes]:
    """In another process: the parent and root of a run there."""
    producer = InMemoryProducer(Settings())
    one_run(producer, producer.job("there", name))
    run = producer.events[0]["run"]
    return name, run["parent"]["run_id"], run["root"]["run_id"]


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_an_executor_s_processes_carry_the_run(producer: InMemoryProducer, job: Job, method: str) -> None:
    """What `carry` gives can be pickled, and takes the run along, whichever way the processes are made."""
    with (
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool,
        producer.run(job) as outer,
        producer.run(job) as inner,
    ):
        assert pool.submit(carry(told_there), "x").result(60) == ("x", inner.run_id, outer.run_id)


def test_a_command_s_runs_are_children(producer: InMemoryProducer, job: Job) -> None:
    """A process started with the run's environment tells its runs as children, its threads' too."""
    script = """
import json
from concurrent.futures import ThreadPoolExecutor
from headwater.producer import InMemoryProducer
from headwater.settings import Settings
producer = InMemoryProducer(Settings())
job = producer.job("there", "job")
with ThreadPoolExecutor(1) as pool:
    pool.submit(producer.run(job).whole).result()
with producer.run(job):
    producer.run(job).whole()
print(json.dumps([[event["run"][side]["run_id"].hex() for side in ("run_id", "parent", "root") if side != "run_id"]
    for event in producer.events[:3]]))
"""
    with producer.run(job) as outer, producer.run(job) as inner:
        done = subprocess.run(
            [sys.executable, "-c", script], env=inner.child_environment(), capture_output=True, text=True, check=True
        )
    pooled, first, nested = json.loads(done.stdout)
    assert pooled == first == [inner.run_id.hex(), outer.run_id.hex()]
    assert nested[1] == outer.run_id.hex()
    assert nested[0] not in (inner.run_id.hex(), outer.run_id.hex())


def test_a_parent_may_be_named(producer: InMemoryProducer, job: Job) -> None:
    """A run, a reference or none at all stands before the run around."""
    elsewhere = RunReference(b"e" * 16, "ns", "elsewhere", RunReference(b"r" * 16))
    with producer.run(job) as other:
        pass
    with producer.run(job):
        runs: list[Any] = [producer.run(job, parent=parent) for parent in (other, elsewhere, None)]
        for run in runs:
            run.whole()
    family = families(producer)
    assert [family[run.run_id] for run in runs] == [(other.run_id, other.run_id), (b"e" * 16, b"r" * 16), (None, None)]
