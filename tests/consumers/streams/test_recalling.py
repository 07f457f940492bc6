"""A step's state from the history: what is asked for, and how a worker goes on where it cannot be had."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, cast

import pytest

from headwater.detection.steps import ChecksStep, IncidentsStep, UsesStep
from headwater.errors import HeadwaterError, Unavailable
from headwater.settings import Settings
from headwater.streams import recalling
from headwater.streams.clients import Reader
from headwater.streams.metrics import RECALLED, Tally
from headwater.streams.partitioning import murmur2, partition_of
from headwater.streams.recalling import Recalling, Waiter, beginnings
from headwater.streams.step import Beginning, Piece, Step, Wanted, clock_us, whole
from tests.backends import clients
from tests.backends.kinds import Kafka

PLACES = [("some", 0), ("some", 1)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_keys_are_hashed_as_kafka_hashes_them(text: bytes, value: int) -> None:
    """The values that Kafka's own tests name (UtilsTest.testMurmur2)."""
    assert murmur2(text) == value & 0xFFFFFFFF


@pytest.mark.integration
def test_a_key_stands_where_clients_put_it(kafka: Kafka, prefix: str) -> None:
    """As librdkafka partitions, of keys of all lengths."""
    clients.create_topics(kafka.bootstrap, {prefix + "keys": 5})
    keys = [b"key %d %s" % (n, b"x" * (n % 7)) for n in range(40)]
    clients.produce(kafka.bootstrap, prefix + "keys", [(key, b"1") for key in keys], partitioner="murmur2_random")
    found = {one.key: one.partition for one in clients.read_all(kafka.bootstrap, prefix + "keys")}
    assert found == {key: partition_of(key, 5) for key in keys}


@pytest.mark.integration
def test_where_partitions_begin(kafka: Kafka, prefix: str) -> None:
    """At the first message there is and its time; where there is none at the next offset, now."""
    clients.create_topics(kafka.bootstrap, {prefix + "some": 2})
    clients.produce(kafka.bootstrap, prefix + "some", [(b"a", b"1")] * 3, partitioner="murmur2_random")
    full = partition_of(b"a", 2)
    before = clock_us()
    reader = Reader(Settings(brokers=kafka.bootstrap, prefix=prefix))
    try:
        found = beginnings(reader, PLACES)
    finally:
        reader.close()
    assert found["some", full].offset == 0
    assert abs(found["some", full].time - before) < 60_000_000
    assert found["some", 1 - full].offset == 0
    assert found["some", 1 - full].time >= before


def test_a_history_is_waited_for_and_then_no_longer() -> None:
    """It is asked again while nothing answers, for so long after the last answer; or until it is not wanted."""
    now = [0.0]
    asked: list[float] = []

    def question(answers_from: float) -> str:
        asked.append(now[0])
        now[0] += 5
        if now[0] < answers_from:
            raise Unavailable("the store does not answer")
        return "answer"

    waiter = Waiter(lambda: True, 20, clock=lambda: now[0])
    assert waiter(lambda: question(15)) == "answer"
    with pytest.raises(Unavailable):
        waiter(lambda: question(1000))
    assert 20 <= now[0] - 15 <= 30
    count = len(asked)
    with pytest.raises(Unavailable):
        Waiter(lambda: False, 20, clock=lambda: now[0])(lambda: question(1000))
    assert len(asked) == count + 1


class _Step:
    """A step that takes pieces in, and whose history may end early."""

    name = "some"

    def __init__(self, pieces: int, fault: HeadwaterError | None = None) -> None:
        self._pieces, self._fault = pieces, fault
        self.taken: list[int] = []
        self.ended: list[bool] = []
        self.wanted: Wanted | None = None

    def recall(self, wanted: Wanted) -> Iterator[Piece]:
        self.wanted = wanted
        for number in range(self._pieces):
            yield Piece(10, partial(self.taken.append, number))
        if self._fault is not None:
            raise self._fault

    def recalled(self, places: Collection[tuple[str, int]], *, whole: bool) -> None:
        assert set(places) == set(PLACES)
        self.ended.append(whole)


def recalled(step: _Step, monkeypatch: pytest.MonkeyPatch) -> Tally:
    """Let the step have its past while two partitions wait for it."""

    class Known:
        """As much of a reader as is asked."""

        def __init__(self, _settings: Settings) -> None: ...
        def partitions(self, _topic: str) -> list[int]:
            return [0, 1]

        def close(self) -> None: ...

    monkeypatch.setattr(recalling, "Reader", Known)
    tally = Tally("some")

    async def main() -> None:
        with ThreadPoolExecutor(1) as working:
            made = Recalling(cast("Step", step), Settings(), "a life", working, tally)
            run: Any = made.run(PLACES, lambda: True)
            waiting = [asyncio.create_task(made.done(place)) for place in PLACES]
            await asyncio.sleep(0.05)
            assert not any(task.done() for task in waiting)
            await run
            await asyncio.wait_for(asyncio.gather(*waiting), 5)
            await asyncio.wait_for(made.done(("another", 0)), 5)

    asyncio.run(main())
    return tally


def test_partitions_wait_until_all_was_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, counted; of a broker's life all that is older is wanted."""
    step = _Step(3)
    tally = recalled(step, monkeypatch)
    assert (step.taken, step.ended) == ([0, 1, 2], [True])
    assert step.wanted is not None
    assert step.wanted.generation == "a life"
    assert set(step.wanted.places.values()) == {Beginning(0, -(2**62))}
    assert tally.counts[RECALLED, ()] == 30


def test_without_a_history_it_goes_on_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What was taken in before the fault is to be forgotten; no partition waits any longer."""
    step = _Step(1, Unavailable("the store at http://nowhere does not answer"))
    with caplog.at_level(logging.WARNING):
        recalled(step, monkeypatch)
    assert (step.taken, step.ended) == ([0], [False])
    [said] = [record.getMessage() for record in caplog.records]
    assert said == (
        "some starts from the topics alone, without the history: the store at http://nowhere does not answer"
    )


def test_state_that_hangs_together_is_kept_or_lost_together() -> None:
    """Checks keep a number whose three partitions they have, incidents all or nothing, stitching each by itself."""
    kept = {("a", 0), ("b", 0), ("a", 1)}
    places = {*kept, ("b", 1)}
    assert whole(ChecksStep(), kept, places) == {("a", 0), ("b", 0)}
    assert whole(IncidentsStep(Settings()), kept, places) == set()
    assert whole(IncidentsStep(Settings()), kept, kept) == kept
    assert whole(UsesStep(), kept, places) == kept
