"""How far a consumer group is behind, on any broker.

The end of a partition is taken from what a fetch says, not from ListOffsets: the embedded broker's answer to
that is too small (see infra/README.md).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import confluent_kafka

from headwater.errors import Unavailable
from headwater.kafka import kafka_options, silent_logger
from headwater.settings import Settings

_silent = silent_logger("embedded")

#: How long a broker gets for all partitions of a group, in seconds.
PATIENCE = 10.0


def lag(settings: Settings, group: str, topics: Sequence[str]) -> Mapping[str, int]:
    """Messages that the group has not committed, by topic; a topic that is not there counts as empty.

    Group and topics by their names without the prefix. Raises Unavailable where the broker does not answer.
    """
    behind = dict.fromkeys(topics, 0)
    for (topic, _), (committed, end) in places(settings, group, topics).items():
        behind[topic] += max(0, end - committed)
    return behind


def places(settings: Settings, group: str, topics: Sequence[str]) -> Mapping[tuple[str, int], tuple[int, int]]:
    """For each partition of the topics what the group has committed (0 where nothing) and its end; names and errors
    as in `lag`.
    """
    configuration = {
        "bootstrap.servers": settings.brokers,
        "group.id": settings.prefix + group,
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "fetch.wait.max.ms": 10,
        "fetch.message.max.bytes": 1024,
        "fetch.queue.backoff.ms": 10,
        "allow.auto.create.topics": False,
        "socket.timeout.ms": int(PATIENCE * 1000),
        **kafka_options(settings),
    }
    consumer: Any = confluent_kafka.Consumer(configuration, logger=_silent)
    try:
        return _places(consumer, [settings.prefix + topic for topic in topics], len(settings.prefix))
    except confluent_kafka.KafkaException as error:
        raise Unavailable(f"broker {settings.brokers} does not answer: {error.args[0].str()}") from error
    finally:
        consumer.close()


def _places(consumer: Any, names: Sequence[str], prefix: int) -> Mapping[tuple[str, int], tuple[int, int]]:
    listed = consumer.list_topics(timeout=PATIENCE).topics
    there = [name for name in names if name in listed and listed[name].error is None]
    places = [confluent_kafka.TopicPartition(name, number) for name in there for number in listed[name].partitions]
    found: dict[tuple[str, int], tuple[int, int]] = {}
    if not places:
        return found
    committed = {(p.topic, p.partition): max(p.offset, 0) for p in consumer.committed(places, timeout=PATIENCE)}
    consumer.assign([confluent_kafka.TopicPartition(*place, offset) for place, offset in committed.items()])
    waiting = set(committed)
    deadline = time.monotonic() + PATIENCE
    while waiting:
        for message in consumer.consume(500, timeout=0.05):
            error = message.error()
            if error is not None and error.code() != confluent_kafka.KafkaError._PARTITION_EOF:  # noqa: SLF001 — its public name in librdkafka
                raise confluent_kafka.KafkaException(error)
        for place in list(waiting):
            _low, high = consumer.get_watermark_offsets(confluent_kafka.TopicPartition(*place), cached=True)
            if high >= 0:
                waiting.discard(place)
                found[place[0][prefix:], place[1]] = (committed[place], int(high))
        if time.monotonic() > deadline:
            raise Unavailable(f"no answer for {len(waiting)} of {len(committed)} partitions within {PATIENCE:g} s")
    return found
