"""Jobs that share a run id, as Dagster's assets do: each has a run of its own."""

from __future__ import annotations

from typing import Any

from headwater.detection.incidents.durations import Durations
from headwater.detection.incidents.facts import Runs
from headwater.detection.incidents.graph import Node
from headwater.detection.policy import Policy
from headwater.detection.runs import judge as judge_run
from headwater.detection.verdicts import Subject
from tests.consumers.detection.making import JOBS, NAMESPACE, an_id, dataset, use
from tests.consumers.detection.telling import Told, at, day

HOUR_US = 3_600_000_000

SHARED = an_id("run", "shared")


def of_run(number: int, job: str, state: str, hours: float = 0.0, **fields: Any) -> dict[str, Any]:
    """A use that stands for a job of the shared run, or its read or write of a dataset (`access`, `node`)."""
    access, node = fields.pop("access", "describe"), fields.pop("node", dataset("", None))
    moment = at(number) + int(hours * HOUR_US)
    source = an_id("event", job, number, state)
    told = {"event_time": moment, "emit_time": moment, "run_state": state, "source_event_id": source, **fields}
    return use(job, day(number), access, node, run_id=SHARED, **told)


def failure(told: Told, number: int, job: str, hours: float) -> None:
    """An asset failed: its use and the verdict on it."""
    failed = of_run(number, job, "FAIL", hours)
    told.book.use(failed)
    subject = Subject(failed["event_time"], job_namespace=JOBS, job_name=job, run_id=SHARED)
    for verdict in judge_run(subject, failed):
        told.verdict(verdict)


def test_one_job_that_completes_does_not_end_what_another_left() -> None:
    """The incident names the job that failed and stays until that job completes."""
    told = Told()
    told.book.use(of_run(1, "orders", "COMPLETE", 0.1))
    failure(told, 1, "revenue", 0.2)
    (opened,) = told.wait(15)
    assert (opened["state"], opened["title"]) == ("opened", f"{JOBS}/revenue failed")
    told.book.use(of_run(1, "report", "COMPLETE", 0.3))
    assert told.wait(15) == []
    told.book.use({**of_run(2, "revenue", "COMPLETE"), "run_id": an_id("run", "another")})
    assert [message["state"] for message in told.wait(15)] == ["resolved"]


def test_what_was_made_is_not_told_as_failed_with_the_rest() -> None:
    """Orders was made, then told as failed when revenue failed: one incident, of revenue."""
    told = Told()
    told.book.use(of_run(1, "orders", "COMPLETE", 0.1))
    failure(told, 1, "revenue", 0.2)
    failure(told, 1, "orders", 0.3)
    assert [message["title"] for message in told.wait(15)] == [f"{JOBS}/revenue failed"]


def test_each_job_has_its_own_duration() -> None:
    """The end of the quick one is no end of the slow one, which is overdue."""
    durations, policy = Durations(), Policy()
    for number in range(10):
        for job, hours in (("quick", 0.5), ("slow", 2.0)):
            run_id = an_id("run", number)
            durations.add({**of_run(number, job, "START"), "run_id": run_id}, policy)
            durations.add({**of_run(number, job, "COMPLETE", hours), "run_id": run_id}, policy)
    assert set(durations.took[JOBS, "slow"].values()) == {2 * HOUR_US}
    assert set(durations.took[JOBS, "quick"].values()) == {HOUR_US // 2}
    for job in ("quick", "slow"):
        durations.add(of_run(10, job, "START"), policy)
    durations.add(of_run(10, "quick", "COMPLETE", 0.5), policy)
    (stuck,) = durations.overdue(at(11), policy)
    assert stuck.subject.job_name == "slow"


def test_what_a_run_read_is_what_its_job_read() -> None:
    """Of a job that is not known what all jobs of the run read; nothing is left of a run that is forgotten."""
    runs = Runs()
    for job, name in (("orders", "raw"), ("revenue", "orders")):
        runs.add(of_run(1, job, "COMPLETE", access="read", node=dataset(name, "1")))
        runs.add(of_run(1, job, "COMPLETE", access="write", node=dataset(job, "1")))
    raw, orders = Node(NAMESPACE, "raw", "1"), Node(NAMESPACE, "orders", "1")
    assert runs.reads_of(SHARED, (JOBS, "revenue")) == {orders}
    assert runs.reads_of(SHARED, ("", "")) == {raw, orders}
    writer = runs.writer(orders)
    assert writer is not None
    assert writer.job == (JOBS, "orders")
    assert runs.readers(raw) == {SHARED}
    runs.forget(at(2))
    assert runs.reads_of(SHARED, (JOBS, "revenue")) == runs.reads_of(SHARED, ("", "")) == set()
    assert runs.readers(raw) == set()
    assert runs.writer(orders) is None
