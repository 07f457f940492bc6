"""The disorder that Marquez answers wrongly, and its like, given to a stitching worker on a real broker.

Each case has runs of its own; one worker has them all. What it says is held against the answer written here, and
against the reference. What Marquez 0.51.1 answered stands beside it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from headwater.schemas import plain
from headwater.settings import Settings
from tests.backends.kinds import Kafka
from tests.conftest import SEED
from tests.consumers.crashes.line import RUN_EVENT, Line
from tests.consumers.crashes.nursery import Nursery
from tests.consumers.stitching import reference, worlds

pytestmark = [pytest.mark.integration, pytest.mark.backends("local")]

Ends = tuple[str | None, str | None]
NOON = 1_700_000_000_000_000
MINUTE = 60_000_000
DAY = 24 * 60 * MINUTE


@pytest.fixture(scope="module")
def line(kafka: Kafka, nursery: Nursery, module_prefix: str) -> Iterator[Line]:
    """One worker on one broker for all cases."""
    made = Line(Settings(brokers=kafka.bootstrap, prefix=module_prefix), nursery, SEED)
    made.worker()
    yield made
    made.end()


class Case:
    """One or more runs: say their events one after another, each committed before the next is sent."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.runs: dict[str, bytes] = {}
        self._count = 0

    def say(
        self,
        state: str,
        reads: str = "",
        writes: str = "",
        run: str = "run",
        job: str = "job",
        at: int = NOON,
        event_id: bytes | None = None,
    ) -> None:
        """An event, stitched before this returns. `reads` and `writes`: names of datasets, with blanks between."""
        self._count += 1
        run_id = self.runs.setdefault(run, uuid.uuid4().bytes)
        event: dict[str, Any] = worlds.whole(
            {
                "emit_time": at,
                "producer_id": bytes(16),
                "sequence": self._count,
                "event_id": event_id or uuid.uuid4().bytes,
                "event_time": at,
                "run": {"run_id": run_id, "state": state},
                "job": {"namespace": "j", "name": job},
                "inputs": [{"namespace": "ns", "name": name, "version": None} for name in reads.split()],
                "outputs": [{"namespace": "ns", "name": name, "version": "1"} for name in writes.split()],
            }
        )
        self._line.send([(run_id, plain.message(RUN_EVENT, event))])
        self._line.settle()

    def edges(self, job: str = "job") -> set[Ends]:
        """What stands for that job's runs of this case."""
        there = reference.standing(reference.said(self._line.edge_sets()))
        found: set[Ends] = set()
        for fact in there:
            scope: Any = fact[1]
            if fact[0] == "edge" and scope[0] in self.runs.values() and scope[2] == job:
                ends: Any = fact[2:4]
                found.add((ends[0] and ends[0][1], ends[1] and ends[1][1]))
        return found

    def states(self, run: str = "run") -> list[str]:
        """The run's states as its edge sets tell them, in order."""
        mine = [one for one in self._line.edge_sets() if one["run_id"] == self.runs[run]]
        return [one["state"] for one in mine]


@pytest.fixture
def case(line: Line) -> Iterator[Case]:
    """A case; in the end the whole topic is what the reference says."""
    yield Case(line)
    line.compare()


def test_complete_before_start(case: Case) -> None:
    """The run is completed and has its edge: a terminal state is never reopened. Marquez: RUNNING for good."""
    case.say("COMPLETE", writes="y", at=NOON + MINUTE)
    case.say("START", reads="x")
    assert case.edges() == {("x", "y")}
    assert case.states()[-1] == "COMPLETE"


def test_inputs_in_start_and_outputs_in_complete_reversed(case: Case) -> None:
    """Events accumulate, so both ends meet. Marquez: no edge."""
    case.say("COMPLETE", reads="x", at=NOON + MINUTE)
    case.say("START", writes="y")
    assert case.edges() == {("x", "y")}


def test_start_without_datasets_after_complete(case: Case) -> None:
    """An event that says nothing takes nothing away. Marquez: all edges are deleted."""
    case.say("COMPLETE", reads="x", writes="y", at=NOON + MINUTE)
    case.say("START")
    assert case.edges() == {("x", "y")}


def test_late_fail(case: Case) -> None:
    """The terminal state with the earliest event time stands, whatever arrives later. Marquez: the run has failed."""
    case.say("COMPLETE", reads="x", writes="y", at=NOON)
    case.say("FAIL", reads="z", at=NOON + 5 * MINUTE)
    assert case.states()[-1] == "COMPLETE"
    assert case.edges() == {("x", "y"), ("z", "y")}


def test_two_jobs_sharing_a_run_id(case: Case) -> None:
    """Edges belong to a run of a job. Marquez merges both silently."""
    case.say("COMPLETE", reads="x", job="one")
    case.say("COMPLETE", writes="y", job="two")
    assert case.edges("one") == {("x", None)}
    assert case.edges("two") == {(None, "y")}


def test_next_run_starts_while_the_earlier_is_open(case: Case) -> None:
    """Each run has its edges, open or not. Marquez hides the job's edges until the later run completes."""
    case.say("RUNNING", reads="x", writes="y", run="first")
    case.say("START", run="second", at=NOON + MINUTE)
    assert case.edges() == {("x", "y")}


def test_clock_skew(case: Case) -> None:
    """Producers' clocks decide nothing about edges: a COMPLETE timed before its START still meets it."""
    case.say("START", reads="x", at=NOON + 90 * MINUTE)
    case.say("COMPLETE", writes="y", at=NOON - 90 * MINUTE)
    assert case.edges() == {("x", "y")}
    assert case.states()[-1] == "COMPLETE"


def test_a_day_late(case: Case) -> None:
    """What was said with one end missing is withdrawn when the other end is told, a day of event time later."""
    case.say("COMPLETE", writes="y", at=NOON)
    assert case.edges() == {(None, "y")}
    case.say("START", reads="x", at=NOON - DAY)
    assert case.edges() == {("x", "y")}


def test_one_event_id_with_other_content(case: Case) -> None:
    """Both count, since either may be the true one; the history reports the conflict."""
    twice = uuid.uuid4().bytes
    case.say("START", reads="x", event_id=twice)
    case.say("START", reads="z", event_id=twice)
    case.say("COMPLETE", writes="y", at=NOON + MINUTE)
    assert case.edges() == {("x", "y"), ("z", "y")}


def test_a_run_that_never_ends(case: Case) -> None:
    """Its edges are known as soon as both ends are; one end alone is told only once the run ends."""
    case.say("START", reads="x")
    assert case.edges() == set()
    case.say("RUNNING", writes="y")
    assert case.edges() == {("x", "y")}
