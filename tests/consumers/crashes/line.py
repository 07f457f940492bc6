"""One stitching group with topics of its own: fed, asked what stands, and held against the reference."""

from __future__ import annotations

import dataclasses
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import confluent_kafka

from headwater.schemas import framing, plain, records
from headwater.schemas.records import Schema
from headwater.schemas.topics import DEAD_LETTERS, EDGES, RUNS, SCHEMAS, STITCHING
from headwater.settings import Settings
from headwater.topics import create
from tests.backends import clients
from tests.backends.processes import until, wait_until
from tests.benchmarks import workload
from tests.consumers.crashes.nursery import Nursery, Worker
from tests.consumers.crashes.odd_runs import OddRuns
from tests.consumers.crashes.points import Plan
from tests.consumers.stitching import reference

RUN_EVENT = records.current("run_event")
EDGE_SET = records.current("edge_set")
GARBAGE = b"\xc3\x01" + RUN_EVENT.fingerprint_bytes + b"\xff"

Message = tuple[bytes, bytes]


def _create(settings: Settings) -> None:
    """The topics that stitching reads and writes: a broker takes its time for each."""
    for compacted in (False, True):
        topics = [t for t in (RUNS, EDGES, DEAD_LETTERS, SCHEMAS, STITCHING) if t.compacted == compacted]
        policy = "compact" if compacted else "delete"
        partitions = {topic.full_name(settings): topic.partitions or settings.partitions for topic in topics}
        clients.create_topics(settings.brokers, partitions, **{"cleanup.policy": policy})


class Line:
    """`expected` is what the reference says of the messages that stand on the topic of runs."""

    def __init__(self, settings: Settings, nursery: Nursery, seed: int, *, whole: bool = False) -> None:
        """`whole`: with all topics, not only those of stitching."""
        self.settings = dataclasses.replace(settings, partitions=2)
        if whole:
            create(self.settings)
        else:
            _create(self.settings)
        self.chance = random.Random(seed)
        self.workers: list[Worker] = []
        self.sent: set[bytes] = set()
        self._nursery = nursery
        # of chances of their own: of one seed both would in time draw the same id for two events
        self._odd = OddRuns(random.Random(f"odd {seed}"))
        self._schemas: dict[bytes, Schema] = {framing.single_object_header(RUN_EVENT): RUN_EVENT}

    def topic(self, name: str) -> str:
        return f"{self.settings.prefix}lineage.{name}"

    def worker(self, point: str = "", count: int = 1, action: str = "kill") -> Worker:
        """A worker that is killed or held at a point; without one, that works on."""
        plans = {point: Plan(count, action)} if point else {}
        worker = self._nursery.worker(self.settings, plans=plans)
        self.workers.append(worker)
        return worker

    def ready(self, worker: Worker) -> None:
        """Wait until it has partitions."""
        wait_until(lambda: worker.says("stitching has") or worker.ended, 60, "a worker's first assignment")

    def end(self) -> None:
        for worker in self.workers:
            worker.kill()

    def feed(self, runs: int) -> None:
        """Events of so many new ordinary runs, shuffled, and of some that are folded, in parts, long and wide."""
        messages = workload.messages(runs, self.chance.getrandbits(32)) + self._odd.next()
        self.chance.shuffle(messages)
        self.send(messages)

    def send(self, messages: Sequence[Message]) -> None:
        """Send them, for as long as it takes."""
        deadline = until(120)
        self.sent |= {value for _, value in messages}
        while True:
            try:
                return clients.produce(self.settings.brokers, self.topic("runs"), messages)
            except (RuntimeError, confluent_kafka.KafkaException):  # the broker is away: all of them again
                if time.monotonic() > deadline:
                    raise

    def halves(self, runs: int) -> tuple[list[Message], list[Message]]:
        """The first and the last events of so many new runs, not sent."""
        starts: list[Message] = []
        ends: list[Message] = []
        for number in range(runs):
            run_id, start, complete = workload.events_of(number, self.chance)
            starts.append((run_id, plain.message(RUN_EVENT, start)))
            ends.append((run_id, plain.message(RUN_EVENT, complete)))
        return starts, ends

    def thirds(self, runs: int) -> tuple[list[Message], list[Message], list[Message]]:
        """The first and the last events of so many new runs, and late ones that name one more output; not sent."""
        starts, ends = self.halves(runs)
        late: list[Message] = []
        for key, value in ends:
            event = plain.decode(RUN_EVENT, value[framing.SINGLE_OBJECT_HEADER :])
            named: dict[str, Any] = event["outputs"][0]
            output: dict[str, Any] = {**named, "name": f"{named['name']}-late", "column_lineage": []}
            further = {"event_id": self.chance.randbytes(16), "run": {**event["run"], "state": "RUNNING"}}
            late.append((key, plain.message(RUN_EVENT, {**event, **further, "outputs": [output]})))
        return starts, ends, late

    def garbage(self, count: int) -> None:
        """Messages that go to dead letters, each another."""
        self.send([(self.chance.randbytes(16), GARBAGE + self.chance.randbytes(8)) for _ in range(count)])

    def unheard(self, runs: int) -> Callable[[], None]:
        """Events of a schema that nobody knows yet; the schema is told by what is returned."""
        schema = self.later_schema()
        self.send_as(schema, framing.single_object_header(schema), runs)
        message = (schema.fingerprint_bytes, schema.text.encode())
        return lambda: clients.produce(self.settings.brokers, self.topic("schemas"), [message])

    def later_schema(self) -> Schema:
        """A later schema of run events, another at each call."""
        name = f"later_{self.chance.getrandbits(32)}"
        fields = [*RUN_EVENT.definition["fields"], {"name": name, "type": "string", "default": ""}]
        return records.parse(json.dumps({**RUN_EVENT.definition, "fields": fields}))

    def send_as(self, schema: Schema, header: bytes, runs: int, *, open_runs: bool = False) -> list[Message]:
        """Send events of new runs in a later schema, under a header. `open_runs`: their last events are returned, in
        the current schema and not sent.
        """
        self._schemas[header] = schema
        made: list[Message] = []
        left: list[Message] = []
        for number in range(runs):
            run_id, start, complete = workload.events_of(number, self.chance)
            for event in (start, complete):
                if open_runs and event is complete:
                    left.append((run_id, plain.message(RUN_EVENT, event)))
                    continue
                # Its field of its own stands last: an empty string is one byte, its length.
                made.append((run_id, header + plain.encode(RUN_EVENT, event) + b"\0"))
        self.send(made)
        return left

    def messages(self) -> list[clients.Record]:
        """What stands on the topic of runs."""
        return clients.read_all(self.settings.brokers, self.topic("runs"))

    def events(self) -> list[dict[str, Any]]:
        """Of these, those that can be read. Fails where one that was confirmed is not there."""
        values = [record.value or b"" for record in self.messages()]
        assert self.sent <= set(values), "a confirmed event is not on the topic"
        readable = [value for value in values if not value.startswith(GARBAGE)]
        return [self._decoded(value) for value in readable]

    def _decoded(self, value: bytes) -> dict[str, Any]:
        length = framing.read_header(value).length
        schema = self._schemas[value[:length]]
        return plain.decode(schema, value[length:], None if schema is RUN_EVENT else RUN_EVENT)

    def edge_sets(self) -> list[dict[str, Any]]:
        """All that stand on the topic of edges."""
        there = clients.read_all(self.settings.brokers, self.topic("edges"))
        return [
            plain.decode(EDGE_SET, one.value[framing.read_header(one.value).length :]) for one in there if one.value
        ]

    def letters(self) -> list[dict[str, Any]]:
        """All dead letters."""
        there = clients.read_all(self.settings.brokers, self.topic("dead-letters"))
        schema = records.current("dead_letter")
        return [plain.decode(schema, one.value[framing.read_header(one.value).length :]) for one in there if one.value]

    def has_state(self) -> bool:
        """Whether anything stands on the state topic, in each partition."""
        there = clients.read_all(self.settings.brokers, self.topic("stitching-state"))
        return len({record.partition for record in there}) == self.settings.partitions

    def lag(self, group: str = "stitching", *names: str) -> int:
        """How many messages of these topics the group has not committed; many where nobody answers."""
        reader: Any = clients.consumer(self.settings.brokers, f"{self.settings.prefix}headwater-{group}")
        places = [
            confluent_kafka.TopicPartition(self.topic(name), partition)
            for name in names or ("runs",)
            for partition in range(self.settings.partitions)
        ]
        try:
            ends = [reader.get_watermark_offsets(place, timeout=5)[1] for place in places]
            return int(sum(ends) - sum(max(place.offset, 0) for place in reader.committed(places, timeout=5)))
        except confluent_kafka.KafkaException:
            return 1 << 30
        finally:
            reader.close()

    def settle(self, seconds: float = 90) -> None:
        """Wait until all that stands on the topic is committed."""
        wait_until(lambda: self.lag() == 0, seconds, "all messages committed", 0.2)

    def compare(self) -> int:
        """Hold the topic of edges against the reference: all that was made known or withdrawn, and by which events.
        How many edge sets were sent again.
        """
        expected = reference.history(self.events())
        sets = self.edge_sets()
        there = reference.said(sets)
        lost = {known[0] for known, by in expected.items() if known not in there or there[known] != by}
        wrong = {known[0] for known, by in there.items() if known not in expected or expected[known] != by}
        assert (len(lost), len(wrong)) == (0, 0), f"lost {self._told(lost)}, wrong {self._told(wrong)}"
        contents = Counter(_content(one) for one in sets)
        return sum(count - 1 for count in contents.values())

    def _told(self, facts: set[reference.Fact]) -> str:
        """One of them, with where the events of its run stand."""
        if not facts:
            return "none"
        fact = min(facts, key=str)
        run_id: bytes = fact[1][0]  # type: ignore[index]  # a scope begins with the run id
        places = [(one.partition, one.offset) for one in self.messages() if one.value and run_id in one.value]
        return f"{len(facts)}, one of them of events at {places}: {fact}; logs: {[str(w.log) for w in self.workers]}"


def _content(edge_set: dict[str, Any]) -> str:
    """What it says, without who sent it when."""
    return repr({key: value for key, value in edge_set.items() if key not in {"emit_time", "producer_id", "sequence"}})


class Load:
    """Feeds a line in slices until it is left."""

    def __init__(self, line: Line, runs: int, pause: float) -> None:
        self._line, self._runs, self._pause = line, runs, pause
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._feed, daemon=True)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(130)

    def _feed(self) -> None:
        while not self._ended.wait(self._pause):
            self._line.feed(self._runs)
