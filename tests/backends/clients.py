"""Small Kafka clients for tests: the one place here that touches confluent_kafka's untyped edge."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import confluent_kafka
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.backends.processes import PATIENCE, until

# A broker that is not up yet is expected here; librdkafka would write of it to stderr.
_silent = logging.getLogger("tests.backends.librdkafka")
_silent.addHandler(logging.NullHandler())
_silent.propagate = False


class Record(NamedTuple):
    """One message as a consumer got it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


def admin(bootstrap: str) -> Any:
    """An admin client that says nothing on stderr."""
    return AdminClient({"bootstrap.servers": bootstrap, "socket.timeout.ms": 5000}, logger=_silent)


def broker_answers(bootstrap: str, seconds: float = 1.0) -> bool:
    """Whether the broker names itself within `seconds`."""
    try:
        return bool(admin(bootstrap).list_topics(timeout=seconds).brokers)
    except confluent_kafka.KafkaException:
        return False


def create_topics(bootstrap: str, partitions: Mapping[str, int], **settings: str) -> None:
    """Create topics with so many partitions each, and wait until every one has a leader."""
    client = admin(bootstrap)
    topics = [NewTopic(name, num_partitions=n, replication_factor=1, config=settings) for name, n in partitions.items()]
    wanted = client.create_topics(topics, operation_timeout=15 * PATIENCE, request_timeout=15 * PATIENCE)
    for done in wanted.values():
        done.result()
    deadline = until(15)
    while time.monotonic() < deadline:
        known = client.list_topics(timeout=5 * PATIENCE).topics
        if all(_is_led(known.get(name), n) for name, n in partitions.items()):
            return
        time.sleep(0.05)
    raise TimeoutError(f"topics without leaders: {', '.join(partitions)}")


def _is_led(topic: Any, partitions: int) -> bool:
    return (
        topic is not None
        and len(topic.partitions) == partitions
        and all(p.leader >= 0 for p in topic.partitions.values())
    )


def produce(
    bootstrap: str, topic: str, messages: Iterable[tuple[bytes | None, bytes | None]], **settings: object
) -> None:
    """Send (key, value) pairs and wait until every one is confirmed."""
    failed: list[object] = []
    producer: Any = confluent_kafka.Producer(
        {"bootstrap.servers": bootstrap, "enable.idempotence": False, "linger.ms": 5, **settings}, logger=_silent
    )

    def report(error: object, _message: object) -> None:
        if error is not None:
            failed.append(error)

    for key, value in messages:
        producer.produce(topic, key=key, value=value, on_delivery=report)
        producer.poll(0)
    left = producer.flush(30 * PATIENCE)
    if failed or left:
        raise RuntimeError(f"{len(failed)} messages failed ({failed[:1]}), {left} unconfirmed after {30 * PATIENCE} s")


def consumer(bootstrap: str, group: str, **settings: object) -> Any:
    """A consumer that starts at the earliest offset, commits by hand and joins quickly."""
    return confluent_kafka.Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 1000,
            **settings,
        },
        logger=_silent,
    )


def poll(reader: Any, count: int, seconds: float = 30) -> list[Record]:
    """Up to `count` records of a subscribed consumer; fewer where `seconds` pass before."""
    records: list[Record] = []
    deadline = time.monotonic() + seconds
    while len(records) < count and time.monotonic() < deadline:
        # It returns with the last of `count` or when this is over, not with the last that is there.
        for message in reader.consume(count - len(records), timeout=min(0.2, max(0.0, deadline - time.monotonic()))):
            if message.error() is not None:
                raise RuntimeError(str(message.error()))
            records.append(
                Record(message.topic(), message.partition(), message.offset(), message.key(), message.value())
            )
    return records


def after(record: Record) -> Any:
    """The offset to commit once this record is done."""
    return confluent_kafka.TopicPartition(record.topic, record.partition, record.offset + 1)


def wait_for_assignment(members: Sequence[Any], partitions: int, seconds: float = 30) -> None:
    """Poll the group's members until they hold so many partitions between them, each one once and everyone some."""
    deadline = until(seconds)
    while time.monotonic() < deadline:
        for member in members:
            member.poll(0.05)
        held = [(p.topic, p.partition) for member in members for p in member.assignment()]
        if len(held) == len(set(held)) == partitions and all(member.assignment() for member in members):
            return
    raise TimeoutError(f"the group does not hold its {partitions} partitions after {seconds * PATIENCE:g} s")


def _end(reader: Any, place: Any) -> int:
    """The end of a partition; a new topic's leader may not know yet that it leads."""
    deadline = until(15)
    while True:
        try:
            return int(reader.get_watermark_offsets(place, timeout=10 * PATIENCE)[1])
        except confluent_kafka.KafkaException as error:
            if (
                error.args[0].code() != confluent_kafka.KafkaError.NOT_LEADER_FOR_PARTITION
                or time.monotonic() > deadline
            ):
                raise
            time.sleep(0.1)


def read_all(bootstrap: str, topic: str, seconds: float = 30) -> list[Record]:
    """Every record that stands on a topic now, partition by partition, without a group.

    Raises TimeoutError where the end of a partition is not reached within `seconds`.
    """
    reader = consumer(bootstrap, "headwater-test-reader")
    try:
        ends: dict[int, int] = {}
        for partition in reader.list_topics(topic, timeout=10 * PATIENCE).topics[topic].partitions:
            ends[partition] = _end(reader, confluent_kafka.TopicPartition(topic, partition))
        offset = confluent_kafka.OFFSET_BEGINNING
        reader.assign([confluent_kafka.TopicPartition(topic, p, offset) for p, end in ends.items() if end > 0])
        records: list[Record] = []
        waiting = {p for p, end in ends.items() if end > 0}
        deadline = until(seconds)
        while waiting:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{topic}: partitions {sorted(waiting)} not read to their end within {seconds * PATIENCE:g} s"
                )
            records.extend(poll(reader, 10_000, 0.02))
            for position in reader.position([confluent_kafka.TopicPartition(topic, p) for p in waiting]):
                if position.offset >= ends[position.partition]:
                    waiting.discard(position.partition)
    finally:
        reader.close()
    return sorted(records, key=lambda record: (record.partition, record.offset))
