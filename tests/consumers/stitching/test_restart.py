"""Workers die while runs are open, and others go on with what stands on the state topic of a real broker.

Nothing is young, so each run leaves memory; what a new worker knows of earlier rounds, it has from that topic alone.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from headwater.embedded.lag import lag
from headwater.errors import Unavailable
from headwater.schemas import plain
from headwater.schemas.topics import RUNS
from headwater.settings import Settings
from headwater.stitching import state_records
from headwater.stitching.finished import Finished
from headwater.stitching.hashing import identities
from headwater.stitching.kept import each
from headwater.streams.clients import Reader
from tests.backends import clients
from tests.backends.kinds import Kafka
from tests.backends.processes import wait_until
from tests.consumers.crashes.line import Line, Message
from tests.consumers.stitching import worlds
from tests.consumers.stitching.test_examples import dataset, event

pytestmark = pytest.mark.integration

Event = dict[str, Any]


class Run:
    """A run of one kind; its events in the order in which the rounds send them."""

    KINDS = ("ordinary", "folded", "growing", "beginning late")

    def __init__(self, number: int) -> None:
        self.id = uuid.UUID(int=number + (1 << 100)).bytes
        self.number = number
        self.kind = self.KINDS[number % len(self.KINDS)]
        self._count = 0

    def first(self) -> list[Message]:
        """Before any worker dies."""
        if self.kind == "beginning late":
            return [self._say("RUNNING", [], ["late"])]
        if self.kind == "folded":
            link = {"topic": "t", "partition": 0, "offset": self.number}
            return [self._say("START", ["x", "y"], [], links=[link])]
        if self.kind == "growing":
            return [self._say("RUNNING", [f"x{n}", "again"], []) for n in range(20)]
        return [self._say("START", ["x", "y"], [])]

    def second(self) -> list[Message]:
        """After one died."""
        return [self._say("RUNNING", ["z"], ["w"])] if self.number % 2 else []

    def last(self) -> list[Message]:
        """After another one died."""
        edges = {"edges": [dataset("x")], "edges_complete": True} if self.kind == "folded" else {}
        said = [self._say("COMPLETE", [], ["out"], **edges)]
        return [*said, self._say("START", ["x"], [])] if self.kind == "beginning late" else said

    def further(self, name: str) -> list[Message]:
        """Something new, whenever it comes."""
        return [self._say("OTHER", [name], [])]

    def _say(self, state: str, inputs: list[str], outputs: list[str], links: object = (), **further: Any) -> Message:
        self._count += 1
        one = event(
            1000 * self.number + self._count,
            state,
            [dataset(name) for name in inputs],
            [dataset(name, "1", **further) for name in outputs],
            run={"run_id": self.id, "state": state, "links": list(links)},  # type: ignore[call-overload]  # a list or nothing
        )
        return self.id, plain.message(worlds.SCHEMA, one)


class Kept:
    """What the state topic has: of each partition its mark, the runs, how many are in blocks of finished ones."""

    def __init__(self, line: Line) -> None:
        self.marks: dict[int, int] = {}
        self.runs: dict[bytes, int] = {}
        finished: dict[int, Finished] = {}
        for record in clients.read_all(line.settings.brokers, line.topic("stitching-state")):
            key, value = record.key or b"", record.value or b""
            identity = key[1:17]
            if key[:1] == state_records.MARK and value:
                self.marks[record.partition] = state_records.read_mark(value)
            elif key[:1] == state_records.RUN and value:
                self.runs[identity] = record.partition
            elif key[:1] == state_records.RUN:
                self.runs.pop(identity, None)
            elif value:
                finished.setdefault(record.partition, Finished()).restore(key[1:], value, 1 << 62)
            elif record.partition in finished:
                finished[record.partition].forget(key[1:])
        self.finished = finished

    def has(self, runs: list[Run], ended: bool) -> bool:
        """Whether all of them are there."""
        ids = identities([run.id for run in runs])
        if not ended:
            return self.runs.keys() >= set(each(ids))
        found = [of_partition.find(ids) >= 0 for of_partition in self.finished.values()]
        return bool(found) and bool(sum(found).all())  # type: ignore[union-attr]  # arrays, one or more


@pytest.fixture
def line(make_line: Callable[..., Line]) -> Line:
    """Open runs leave memory at once."""
    return make_line(stitching_young_seconds=0.0)


def settle(line: Line) -> None:
    """Wait until all that stands on the topic is committed. Its end is what a fetch says: embedded brokers answer the
    question for it with too little.
    """

    def is_done() -> bool:
        try:
            return not lag(line.settings, "headwater-stitching", [RUNS.name])[RUNS.name]
        except Unavailable:  # the group has no coordinator yet
            return False

    wait_until(is_done, 30, "all committed")


def kept_then_killed(line: Line, open_runs: list[Run], ended: list[Run]) -> Kept:
    """A worker works until these runs are on the state topic, then it is killed."""
    worker = line.worker()
    settle(line)

    def is_kept() -> bool:
        # Time is the arrival of what is newest.
        line.feed(4)
        settle(line)
        there = Kept(line)
        return there.has(open_runs, ended=False) and there.has(ended, ended=True)

    wait_until(is_kept, 40, "all runs on the state topic", 0.3)
    worker.kill()
    return Kept(line)


def again(key: bytes, message: bytes) -> Message:
    """The same, as a client sends it that got no answer."""
    said = plain.decode(worlds.SCHEMA, message[10:])
    return key, plain.message(worlds.SCHEMA, {**said, "emit_time": time.time_ns() // 1000, "sequence": 9})


def test_workers_with_old_state_make_the_edges_of_the_reference(line: Line) -> None:
    """START long before COMPLETE, both long before something new, a SIGKILL between them: the same edges. What an ended
    run said before the SIGKILL makes no edge set when it is sent again, under another emit time.
    """
    open_runs = [Run(number) for number in range(40)]
    ended = [Run(number) for number in range(100, 140)]
    line.send([said for run in open_runs for said in run.first()])
    told = [said for run in ended for said in [*run.first(), *run.last()]]
    line.send(told)
    kept_then_killed(line, open_runs, ended)
    before = {record.partition: record.offset for record in line.messages()}

    line.send([said for run in open_runs for said in run.second()])
    line.send([said for run in ended[::2] for said in run.further("new")])
    kept = kept_then_killed(line, open_runs, ended)

    sets = len(line.edge_sets())
    line.send([again(*said) for said in told])
    worker = line.worker()
    settle(line)
    assert len(line.edge_sets()) == sets

    line.send([said for run in open_runs for said in run.last()])
    line.send([said for run in ended for said in run.further("newer")])
    settle(line)
    line.compare()
    assert set(kept.marks) == set(range(line.settings.partitions))
    assert all(mark > before[partition] for partition, mark in kept.marks.items()), "the first round is read again"
    assert worker.says("records of state"), "the worker did not begin with what was kept"
    assert not worker.says("it is dropped"), "what was kept was not used"


def test_the_end_of_a_topic_is_what_a_fetch_says(kafka: Kafka, prefix: str) -> None:
    """Whether the state is of this topic is judged by it; brokers exist whose other answer leaves out a batch."""
    clients.create_topics(kafka.bootstrap, {f"{prefix}lineage.runs": 1})
    clients.produce(kafka.bootstrap, f"{prefix}lineage.runs", [(b"k", b"v")] * 5, **{"linger.ms": 100})
    reader = Reader(Settings(brokers=kafka.bootstrap, prefix=prefix))
    try:
        assert [reader.fetched_end(("lineage.runs", 0), offset) for offset in (0, 2, 5)] == [5, 5, 5]
    finally:
        reader.close()
