"""Detection's state from the history is what it is from the topics, wherever a topic begins."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from headwater.archive import ArchiveStep
from headwater.archive.landing import ARCHIVED
from headwater.detection.recent import Ids
from headwater.detection.steps import ChecksStep, IncidentsStep, UsesStep
from headwater.schemas import framing, plain, records, topics
from headwater.schemas.codec import Bodies
from headwater.schemas.framing import SINGLE_OBJECT_HEADER
from headwater.schemas.topics import Topic
from headwater.settings import Settings
from headwater.streams.batch import Batch, Group
from headwater.streams.partitioning import partition_of
from headwater.streams.recalling import Waiter
from headwater.streams.step import Beginning, Output, Step, Wanted
from tests.consumers.detection.making import (
    NAMESPACE,
    an_id,
    dataset,
    edge_set,
    microseconds,
    profile_record,
)
from tests.consumers.detection.test_worker import run_event
from tests.consumers.history.conftest import History

pytestmark = pytest.mark.integration

START = date(2026, 1, 1)
DAYS, PARTITIONS = 34, 2
SECOND = 1_000_000
#: The order in which a worker's lanes are fed again here; any order is allowed.
LANES = (
    topics.DECISIONS,
    topics.ALERTS,
    topics.PROFILES,
    topics.USES,
    topics.EDGES,
    topics.PREDICTIONS,
    topics.VERDICTS,
)
Place = tuple[str, int]


@dataclass
class Message:
    """As it stands on a topic; `at`: when it was sent, µs."""

    key: bytes
    at: int
    record: dict[str, Any]


@dataclass
class Line:
    """Topics, and the three steps as one worker runs them, with a clock that is set."""

    settings: Settings
    now: int = microseconds(START)
    topics: dict[Place, list[Message]] = field(default_factory=dict[Place, list[Message]])
    read: dict[tuple[str, Place], int] = field(default_factory=dict[tuple[str, Place], int])
    steps: list[Step] = field(default_factory=list[Step])

    def __post_init__(self) -> None:
        self.steps = [UsesStep(self.clock), *self.judging()]

    def clock(self) -> int:
        return self.now

    def judging(self) -> list[Any]:
        """New ones, that know nothing."""
        return [ChecksStep(self.settings, clock=self.clock), IncidentsStep(self.settings, clock=self.clock)]

    def send(self, topic: Topic, key: bytes, record: Mapping[str, Any]) -> None:
        head = {"emit_time": self.now, "producer_id": bytes(16), "sequence": 0}
        place = topic.name, partition_of(key, PARTITIONS)
        self.topics.setdefault(place, []).append(Message(key, self.now, {**head, **record}))

    def work(self, seconds: int = 20) -> None:
        """Let everything pass, and time."""
        for _ in range(seconds):
            self.now += SECOND
            for step in self.steps:
                for topic in step.inputs:
                    for number in range(PARTITIONS):
                        place = topic, number
                        begin, end = self.read.get((step.name, place), 0), len(self.topics.get(place, []))
                        if end > begin:
                            self._put(step.process(self.batch(place, begin, end)))
                            self.read[step.name, place] = end
                self._put(step.tick(self.now))

    def _put(self, outputs: Sequence[Output]) -> None:
        for one in outputs:
            schema = records.current(str(topics.TOPICS[one.topic].record))
            record = plain.decode(schema, one.value[framing.read_header(one.value).length :])
            self.send(topics.TOPICS[one.topic], one.key or b"", record)

    def batch(self, place: Place, begin: int, end: int, *, replaying: bool = False) -> Batch:
        messages = self.topics[place][begin:end]
        schema = records.current(str(topics.TOPICS[place[0]].record))
        values = [b"\xc3\x01" + schema.fingerprint_bytes + plain.encode(schema, one.record) for one in messages]
        group = Group(schema, np.arange(len(values), dtype=np.int64), Bodies.join(values, SINGLE_OBJECT_HEADER))
        times = np.array([one.at // 1000 for one in messages], np.int64)
        keys: list[bytes | None] = [one.key for one in messages]
        offsets = np.arange(begin, end, dtype=np.int64)
        return Batch(place[0], place[1], keys, offsets, times, [group], values, replaying)


def week_by_week(line: Line) -> None:
    """Five weeks of two tables: a level that somebody accepts, a fault that is acknowledged and still there, a table
    whose alarms are suppressed, a late profile, an event that comes twice.
    """
    for number in range(DAYS):
        day = START + timedelta(days=number)
        line.now = microseconds(day) + 3600 * SECOND
        factor = 1.0 if number < 20 else 1.7 if number < 31 else 3.0
        for name, scale in (("raw", factor), ("quiet", 1.0 if number < 30 else 2.0)):
            if (name, number) == ("quiet", 27):
                continue  # comes late
            day_of(line, name, day, scale)
        if number == 24:
            accept(line, "raw")
        if number == 29:
            late = START + timedelta(days=27)
            day_of(line, "quiet", late, 1.0)
            day_of(
                line, "quiet", late, 1.0, predictions=0
            )  # the history counts each once, a topic as often as it comes
        if number == 25:
            decide(line, "suppress", topics.dataset_key(NAMESPACE, "quiet"), namespace=NAMESPACE, name="quiet")
        line.work()
        if number == 32:
            incident = told(line)[-1]["incident_id"]
            decide(line, "acknowledge", incident, incident_id=incident)
            line.work()


def day_of(line: Line, name: str, day: date, factor: float, predictions: int = 3) -> None:
    """A run of a job that writes a table and scores from it, with edges, a profile and predictions."""
    random = np.random.default_rng(day.toordinal())
    job, run = f"make-{name}", an_id("run", f"make-{name}", day)
    source, target = dataset(f"{name}.csv", str(day), "file"), dataset(name, str(day))
    owned = {**target, "rows": 400, "owners": [{"name": f"team:{name}", "type": None}]}
    line.send(topics.RUNS, run, run_event(job, day, "START", inputs=[source]))
    line.send(topics.RUNS, run, run_event(job, day, "COMPLETE", outputs=[owned]))
    line.send(topics.EDGES, run, edge_set(job, day, [source], target, [(0, "x", "x")]))
    data = {"x": random.gamma(4, 250, 400) * factor, "y": random.integers(0, 6, 400).astype(float)}
    line.send(topics.PROFILES, topics.dataset_key(NAMESPACE, name), profile_record(name, day, data, run=run))
    stream = {"namespace": NAMESPACE, "name": f"{name}-answers", "version": None}
    fields = {"deployment": stream, "stream": stream, "model": stream, "run_id": run, "event_time": microseconds(day)}
    for key in (f"{name} {day} {n}" for n in range(predictions)):
        line.send(topics.PREDICTIONS, key.encode(), {"event_id": an_id(key), "key": key, **fields})


def decide(line: Line, kind: str, key: bytes, **fields: Any) -> None:
    head = {"event_id": an_id("decision", kind, line.now), "event_time": line.now, "kind": kind, "actor": "me"}
    line.send(topics.DECISIONS, key, {**head, "reason": "", **fields})


def accept(line: Line, name: str) -> None:
    decide(line, "accept", topics.dataset_key(NAMESPACE, name), namespace=NAMESPACE, name=name)


def told(line: Line) -> list[dict[str, Any]]:
    found = [one for (topic, _), messages in line.topics.items() if topic == "lineage.alerts" for one in messages]
    return [one.record for one in sorted(found, key=lambda one: one.at)]


def archived(history: History, line: Line) -> None:
    """All of it in the history, as it arrived."""
    names = frozenset(topic.name for topic in ARCHIVED)
    step = ArchiveStep(history.settings, append_time=names, connected=lambda: history.client)
    for place, messages in line.topics.items():
        if place[0] in names:
            step.process(line.batch(place, 0, len(messages)))
    step.flush()


def facts(value: Any) -> Any:
    """What an object remembers, as plain values that can be compared; the order of dictionaries does not count."""
    if isinstance(value, Mapping) and not hasattr(cast("object", value), "slots"):
        return {repr(key): facts(item) for key, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, set | frozenset):
        return sorted(map(repr, cast("set[object]", value)))
    if isinstance(value, Ids):
        # their order only says which of more than a thousand is forgotten first, and hangs on how chunks were cut
        ids = bytes(cast("Any", value)._ids)
        return sorted(ids[at : at + 16].hex() for at in range(0, len(ids), 16))
    if isinstance(value, np.ndarray | array):
        return repr(cast("array[int]", value).tolist())
    if isinstance(value, list | tuple):
        return [facts(item) for item in cast("list[object]", value)]
    held = cast("object", value)
    names: list[str] = [name for kind in type(held).__mro__ for name in getattr(kind, "__slots__", ())]
    names += list(getattr(held, "__dict__", ()))
    if not names or callable(held):
        return repr(held)
    left_out = {"_what", "_done", "_settings", "policy", "_policy", "rules", "_rules", "world"}
    return [type(held).__name__, {name: facts(getattr(held, name)) for name in names if name not in left_out}]


def state(steps: Sequence[Any]) -> dict[str, Any]:
    """Of both steps: all checkers, the book with its world."""
    checks, incidents = steps
    book = incidents._book
    parts = ("graph", "scores", "runs", "timelines", "durations")
    return {
        "checkers": {number: facts(checker) for number, checker in checks._checkers.items()},
        "book": facts(book),
        "world": {name: facts(getattr(book.world, name)) for name in parts},
        "predictions": facts(book.world.predictions._streams),
    }


def from_topics(line: Line, steps: Sequence[Any], begins: Mapping[Place, int], most: int = 10**6) -> None:
    """Feed what the topics hold, each from an offset on, lane after lane, in chunks of so many messages at most."""
    for step in steps:
        for topic in LANES:
            for number in range(PARTITIONS):
                place = topic.name, number
                end, begin = len(line.topics.get(place, ())), begins.get(place, 0)
                for at in range(begin, end if topic.name in step.inputs else begin, most):
                    step.process(line.batch(place, at, min(end, at + most), replaying=True))


def from_history(
    line: Line, steps: Sequence[Any], begins: Mapping[Place, int], settings: Settings, generation: str = ""
) -> None:
    """Feed what lies before these offsets from the history, as the worker core does."""
    for step in steps:
        places: dict[Place, Beginning] = {}
        for topic in step.inputs:
            for number in range(PARTITIONS):
                messages, begin = line.topics.get((topic, number), []), begins.get((topic, number), 0)
                time = messages[begin].at if begin < len(messages) else line.now + 3600 * SECOND
                places[topic, number] = Beginning(begin, time // 1000 * 1000 if not generation else -(2**62))
        counts = dict.fromkeys(step.inputs, PARTITIONS)
        for piece in step.recall(Wanted(places, counts, generation, Waiter(lambda: True))):
            piece.take()
        step.recalled(set(places), whole=True)


@pytest.fixture
def line(history: History) -> Line:
    """A line on which five weeks happened, all of it in the history."""
    made = Line(history.settings)
    week_by_week(made)
    archived(history, made)
    return made


def test_state_from_the_history_is_state_from_the_topics(line: Line) -> None:
    """Of a scenario with alarms, an accepted level, an acknowledged incident, a suppression, late and repeated
    profiles: all from the topics, all from the history, and of any cut between them, in chunks of any size, is the same
    state.
    """
    expected = line.judging()
    from_topics(line, expected, {})
    whole = state(expected)
    assert [one["state"] for one in told(line) if one["page"]] == ["opened", "opened"]
    ends = {place: len(messages) for place, messages in line.topics.items()}

    # Not shrunk: each example reads the history.
    @settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.generate])
    @given(
        st.fixed_dictionaries({place: st.integers(0, end) for place, end in sorted(ends.items())}),
        st.sampled_from((10, 10**6)),
    )
    # the history has day 28, and what came late on day 29 and makes that judged again stands on the topic
    @example(cut_at(line, topics.USES, 28), 10**6)
    @example(cut_at(line, topics.PROFILES, 29), 10**6)
    def cut(begins: dict[Place, int], most: int) -> None:
        found = line.judging()
        from_history(line, found, begins, line.settings)
        from_topics(line, found, begins, most)
        assert differences(state(found), whole) == []

    cut()
    alone = line.judging()
    from_history(line, alone, ends, line.settings, generation="another life")
    assert differences(state(alone), whole) == []


def cut_at(line: Line, topic: Topic, number: int) -> dict[Place, int]:
    """One topic begins with what was sent on a day, the others where they begin."""
    since = microseconds(START + timedelta(days=number))
    begins = dict.fromkeys(line.topics, 0)
    for place in (place for place in begins if place[0] == topic.name):
        begins[place] = sum(one.at < since for one in line.topics[place])
    return begins


def differences(found: Any, expected: Any, at: str = "") -> list[str]:
    """Where they differ, by path."""
    if isinstance(found, dict) and isinstance(expected, dict):
        left, right = cast("dict[object, Any]", found), cast("dict[object, Any]", expected)
        lacking = [f"{at}/{key}: only on one side" for key in left.keys() ^ right.keys()]
        both = left.keys() & right.keys()
        return lacking + [one for key in both for one in differences(left[key], right[key], f"{at}/{key}")]
    if isinstance(found, list) and isinstance(expected, list):
        first, second = cast("list[object]", found), cast("list[object]", expected)
        if len(first) == len(second):
            pairs = enumerate(zip(first, second, strict=True))
            return [one for number, (a, b) in pairs for one in differences(a, b, f"{at}[{number}]")]
    return [] if found == expected else [f"{at}: {found!s:.200} is not {expected!s:.200}"]
