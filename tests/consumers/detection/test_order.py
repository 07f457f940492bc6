"""Profiles and uses in any order across topics, repeated, with workers that die in between: the same verdicts stand.

Each life of a worker has the step itself, fed as the worker core feeds it: what was committed again, then the rest.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from headwater.detection.checker import Checker
from headwater.detection.policy import Policy
from headwater.detection.steps import ChecksStep
from headwater.detection.verdicts import known_from
from headwater.schemas import framing, plain, records
from headwater.schemas.topics import PROFILES, USES
from headwater.streams.chunk import Chunk
from headwater.streams.reading import SchemaName, read
from headwater.streams.step import Output
from tests.consumers.detection.making import dataset, profile_record, standing, use

START = date(2024, 3, 1)
DAYS = 20
POLICY = Policy(least_history=4, least_volume_history=5, rolling=8)
Record = dict[str, Any]
#: The records of each topic, in the order of their offsets.
Topics = dict[str, list[Record]]
RECORDS = {USES.name: records.current("dataset_use"), PROFILES.name: records.current("profile")}
VERDICT = records.current("verdict")


def day(number: int) -> date:
    return START + timedelta(days=number)


def drawn(number: int) -> dict[str, Any]:
    """A column that shifts weakly for three days and strongly for one."""
    mean = 150.0 if number == 13 else 106.0 if number in {8, 10, 11} else 100.0
    return {"amount": np.random.default_rng(number).normal(mean, 20, 300)}


def rows(number: int) -> int:
    return 400 if number in {9, 14} else 1_000 + number % 3


@cache
def the_days() -> tuple[tuple[Record, ...], tuple[Record, ...]]:
    """Uses and profiles. Of one dataset writes alone tell the rows, of the other writes and profiles, of one version
    each, some of the profiles dated before the write and some behind it; one version is written twice.
    """
    uses: list[Record] = []
    profiles: list[Record] = []
    for number in range(DAYS):
        uses.append(use("load", day(number), "write", dataset("plain", str(number)), rows=rows(number)))
        node = dataset("both", str(number))
        written = use("load", day(number), "write", node, rows=rows(number), partitions=[f"day={day(number)}"])
        profiled = profile_record("both", day(number), drawn(number), version=str(number), rows=rows(number))
        uses.append(written)
        profiles.append({**profiled, "event_time": profiled["event_time"] + (number % 3 - 1) * 40 * 3_600_000_000})
    uses.append(use("repair", day(7), "write", dataset("plain", "3"), rows=2_000))
    return tuple(uses), tuple(profiles)


class Worker:
    """A group of workers on the two topics: one at a time, which dies."""

    def __init__(self, topics: Topics, chance: random.Random, most: int) -> None:
        """`most`: messages in a chunk."""
        self.topics = topics
        self.committed = dict.fromkeys(topics, 0)
        self.sent: list[Output] = []
        self._chance = chance
        self._most = most

    def live(self, chunks: int, dies: int) -> None:
        """A life of so many chunks. `dies`: so many of the last ones are not committed, of the last a part is sent."""
        step = ChecksStep(policy=POLICY, clock=lambda: 0)
        for topic, begin, end in self._chunks(dict.fromkeys(self.topics, 0), self.committed):
            step.process(self._batch(topic, begin, end, replaying=True))
        ends = {topic: len(messages) for topic, messages in self.topics.items()}
        done: list[tuple[str, int]] = []
        for topic, begin, end in self._chunks(dict(self.committed), ends):
            if len(done) == chunks:
                break
            found = step.process(self._batch(topic, begin, end, replaying=False))
            last = dies > 0 and len(done) == chunks - 1
            self.sent += found[: self._chance.randint(0, len(found))] if last else found
            done.append((topic, end))
        for topic, end in done[: len(done) - dies]:
            self.committed[topic] = end

    def _chunks(self, at: dict[str, int], ends: dict[str, int]) -> Iterator[tuple[str, int, int]]:
        """Chunks of both topics as they may come: each in order, one among the other in none, cut anyhow."""
        while left := [topic for topic in at if at[topic] < ends[topic]]:
            topic = self._chance.choice(left)
            end = min(ends[topic], at[topic] + self._chance.randint(1, self._most))
            yield topic, at[topic], end
            at[topic] = end

    def _batch(self, topic: str, begin: int, end: int, *, replaying: bool) -> Any:
        schema = RECORDS[topic]
        values = [plain.message(schema, record) for record in self.topics[topic][begin:end]]
        count = len(values)
        chunk = Chunk(topic, 0, [b""] * count, values, list(range(begin, end)), [0] * count)
        reading = read(chunk, _Known(), replaying=replaying)
        assert (reading.refused, reading.missing) == ([], set())
        return reading.batch


class _Known:
    """The schemas that there are."""

    def find(self, name: SchemaName) -> records.Schema | None:
        return next((one for one in RECORDS.values() if one.fingerprint == name.fingerprint), None)

    def missed(self, name: SchemaName) -> bool:
        del name
        return False


def stands(topics: Topics, lives: Sequence[tuple[int, int]], chance: random.Random, most: int) -> dict[bytes, Record]:
    """What stands once all was judged, by workers that lived for so many chunks and left so many uncommitted."""
    worker = Worker(topics, chance, most)
    for chunks, dies in lives:
        worker.live(chunks, min(dies, chunks))
    worker.live(10**9, 0)
    values = [output.value for output in worker.sent]
    return standing(plain.decode(VERDICT, value[framing.read_header(value).length :]) for value in values)


@cache
def in_order() -> dict[bytes, Record]:
    """Of one worker that has all at once."""
    uses, profiles = the_days()
    made: Topics = {USES.name: list(uses), PROFILES.name: sorted(profiles, key=lambda record: record["event_time"])}
    return stands(made, [], random.Random(0), 10**6)


def disordered(days: tuple[Sequence[Record], Sequence[Record]], chance: random.Random) -> Topics:
    """Uses in any order at all, profiles as late as they may be; some of both come again."""
    uses, profiles = days
    return {USES.name: _late(uses, chance, 60), PROFILES.name: _late(profiles, chance, 2)}


def _late(found: Sequence[Record], chance: random.Random, delay: float) -> list[Record]:
    """Each up to so many days late; some come again."""
    late = delay * 86_400_000_000
    ordered = sorted(found, key=lambda record: (record["event_time"] + chance.uniform(0, late), chance.random()))
    again = chance.sample(ordered, len(ordered) // 5)
    for record in again:
        ordered.insert(chance.randint(ordered.index(record) + 1, len(ordered)), record)
    return ordered


# an order drawn at random has nothing simpler than itself to be shrunk to
@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.randoms(use_true_random=False), st.lists(st.tuples(st.integers(1, 12), st.integers(0, 3)), max_size=4))
@example(random.Random(7), [(1, 1), (2, 1), (3, 3)])
def test_what_stands_is_a_function_of_the_events(chance: random.Random, lives: list[tuple[int, int]]) -> None:
    """Uses in any order at all, profiles as late as they may be, repeated; workers killed with verdicts sent and not
    committed: what stands are the verdicts of one worker that had all at once, with their ids, and no others.
    """
    assert stands(disordered(the_days(), chance), lives, chance, chance.choice((1, 3, 12))) == in_order()


def test_more_is_known_with_one_more_and_not_with_what_was_forgotten() -> None:
    """Whichever of what lies before comes late, also to a worker that has forgotten the oldest ones."""
    days = [day * 86_400_000_000 for day in range(-20, 70)]
    full = known_from(days[-1] + 1, bytes(16), days)
    for late in range(1, len(days)):
        known = sorted([*days, days[late] - 3_600_000_000])
        assert known_from(days[-1] + 1, bytes(16), known[1:]) > full
        if late > 60:
            assert known_from(days[-1] + 1, bytes(16), known[30:]) > full
    assert known_from(days[-1] + 1, bytes(16), days[30:]) < full
    assert known_from(days[-1], bytes(16), []) > full
    assert known_from(days[-1] + 1, b"\1" * 16, days) < full


def test_the_days_hold_what_can_go_wrong() -> None:
    """Alarms of rows and of values among what stands, and both kinds of messages among what tells rows."""
    found = list(in_order().values())
    assert {one["check"] for one in found if one["outcome"] == "alarm"} == {"volume", "drift"}
    told_by = {event_id for one in found if one["check"] == "volume" for event_id in one["based_on"]}
    uses, profiles = the_days()
    assert told_by & {one["event_id"] for one in uses}
    assert told_by & {one["event_id"] for one in profiles}


def test_what_is_fed_again_does_not_count_as_judged_again() -> None:
    """What comes late is judged as by a worker that never ended, though all profiles were fed again before the writes
    of the same versions, one by one: so each write came late there, and made the newest version judged again.
    """
    policy = replace(POLICY, again_counts=10)
    uses, profiles = ({one["version"]: one for one in records if one["name"] == "both"} for records in the_days())
    in_time, late = ("0", "1", "2", "3", "8", "9"), ("4", "5", "6", "7")
    lasting, started = Checker(policy), Checker(policy)
    for version in in_time:
        lasting.use(uses[version])
        lasting.profile(profiles[version])
    for version in in_time:
        started.profile(profiles[version], replaying=True)
    for version in in_time:
        started.use(uses[version], replaying=True)
    for version in late:
        found = [[one.fields() for one in checker.use(uses[version])] for checker in (lasting, started)]
        found += [[one.fields() for one in checker.profile(profiles[version])] for checker in (lasting, started)]
        assert (found[0], found[2]) == (found[1], found[3])
        assert {one["version"] for one in found[2]} >= {version, "8", "9"}
