"""What lies before a committed offset is fed again: as far back as the step says, or all of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, cast

import confluent_kafka
import pytest

from headwater.detection.steps import IncidentsStep
from headwater.schemas.topics import ALERTS, DECISIONS
from headwater.settings import Settings
from headwater.streams.chunk import Chunk
from headwater.streams.replay import replay
from headwater.streams.restore import fed_again_until
from headwater.streams.step import Step
from tests.backends import clients
from tests.backends.kinds import Kafka

pytestmark = pytest.mark.integration

DAY_MS = 24 * 60 * 60 * 1000


class _Step:
    """As much of a step as a replay asks for."""

    name = "some"
    lookback = timedelta(days=60)

    def __init__(self, whole: Collection[str], back: Collection[str] = ()) -> None:
        self.read_whole, self.reads_back = whole, back


def replayed(
    kafka: Kafka,
    prefix: str,
    whole: Collection[str],
    back: Collection[str] = (),
    days: Sequence[int] = (100, 30, 0),
    **configured: str,
) -> list[int]:
    """The offsets that are fed again of decisions of so many days ago; one more, of today, is not committed."""
    clients.create_topics(kafka.bootstrap, {prefix + DECISIONS.name: 1}, **configured)
    producer: Any = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap})
    now = int(time.time() * 1000)
    for ago in (*days, 0):
        producer.produce(prefix + DECISIONS.name, b"of %d days" % ago, timestamp=now - ago * DAY_MS)
        assert producer.flush(30) == 0
    given: list[int] = []

    async def give(chunk: Chunk) -> None:
        given.extend(int(offset) for offset in chunk.offsets)

    settings = Settings(brokers=kafka.bootstrap, prefix=prefix)
    asyncio.run(replay(settings, (DECISIONS.name, 0), len(days), cast("Step", _Step(whole, back)), give))
    return given


def test_a_topic_that_is_wanted_whole_is_read_from_its_beginning(kafka: Kafka, prefix: str) -> None:
    """A decision of a hundred days ago stands, however many came since."""
    assert replayed(kafka, prefix, (DECISIONS.name,)) == [0, 1, 2]


def test_a_topic_that_is_read_back_is_read_to_its_end(kafka: Kafka, prefix: str) -> None:
    """What a worker sent and died before its offset was committed is known to the next one before it does anything."""
    assert replayed(kafka, prefix, (DECISIONS.name,), (DECISIONS.name,)) == [0, 1, 2, 3]


@pytest.mark.backends("local", "containers")
def test_others_are_read_within_the_lookback(kafka: Kafka, prefix: str) -> None:
    """60 days. Tansu's answer for a time is the beginning: there a step is fed more than it asks for."""
    assert replayed(kafka, prefix, ()) == [1, 2]


@pytest.mark.backends("local", "containers")
def test_a_clock_that_is_years_ahead_shortens_no_lookback(kafka: Kafka, prefix: str) -> None:
    """Where the broker does not stamp messages, the newest may be of the year after next."""
    any_time = {"message.timestamp.after.max.ms": str((1 << 63) - 1)}
    assert replayed(kafka, prefix, (), (), (100, 30, 1, -700), **any_time) == [1, 2, 3]


def test_incidents_want_all_decisions() -> None:
    """Owners, tags and suppressions stand until somebody decides otherwise."""
    assert DECISIONS.name in IncidentsStep(Settings()).read_whole


def test_of_a_topic_that_is_read_back_nothing_need_be_committed() -> None:
    """The first message ever may be that of a worker that died."""
    step = IncidentsStep(Settings())
    assert fed_again_until(step, (ALERTS.name, 1), {}) == 0
    assert fed_again_until(step, (DECISIONS.name, 1), {}) is None
    assert fed_again_until(step, (DECISIONS.name, 1), {(DECISIONS.name, 1): 7}) == 7
