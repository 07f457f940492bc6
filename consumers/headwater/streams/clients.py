"""The one edge to confluent-kafka: how a client is configured, what a sender and a reader do."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, cast

import confluent_kafka
from confluent_kafka.admin import AdminClient

from headwater.errors import Unavailable
from headwater.kafka import kafka_options, silent_logger
from headwater.schemas.framing import SINGLE_OBJECT_HEADER
from headwater.settings import Settings
from headwater.streams.chunk import Chunk
from headwater.streams.step import Output

_log = logging.getLogger("headwater.streams")
_silent = silent_logger("streams")

_Place = tuple[str, int]
#: Of an output.
_TOPIC_AND_PARTITION = itemgetter(0, 3)
#: How long a broker may take to tell the end of a partition.
_FETCH_SECONDS = 10.0
_QUEUE_FULL = confluent_kafka.KafkaError._QUEUE_FULL  # noqa: SLF001 — its public name in librdkafka
_PARTITION_EOF = confluent_kafka.KafkaError._PARTITION_EOF  # noqa: SLF001 — its public name in librdkafka


def _configured(settings: Settings, own: Mapping[str, object]) -> dict[str, Any]:
    return {"bootstrap.servers": settings.brokers, "socket.keepalive.enable": True, **kafka_options(settings), **own}


def topics_there(settings: Settings, seconds: float = 3.0) -> dict[str, int]:
    """Topics on the broker with their partitions. Raises Unavailable where no broker answers in time."""
    client: Any = AdminClient(_configured(settings, {"socket.timeout.ms": int(seconds * 1000)}), logger=_silent)
    try:
        listed = client.list_topics(timeout=seconds)
    except confluent_kafka.KafkaException as error:
        raise Unavailable(f"broker {settings.brokers} does not answer") from error
    return {name: len(topic.partitions) for name, topic in listed.topics.items() if topic.error is None}


class SendFailed(Unavailable):
    """A message could not be delivered for good."""


class Stopped(Exception):
    """The worker ends while a call waits."""


class Sender:
    """Sends outputs: idempotent, all replicas. One thread calls `send`, others may call `confirm` and `stop`."""

    def __init__(self, settings: Settings, headers: Mapping[str, bytes] | None = None) -> None:
        """`headers`: by topic, what its messages begin with in place of the single-object header."""
        self._headers = headers or {}
        self._prefix = settings.prefix
        self._errors: list[str] = []
        self._stopped = False
        own: dict[str, object] = {
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 5,
            # As the Java clients do, and our producer: one key meets on one partition, whoever sends.
            "partitioner": "murmur2_random",
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 1_000_000,
            "queue.buffering.max.kbytes": 262_144,
            # Waiting is what we do while the broker is away; only what can never be delivered is reported.
            "message.timeout.ms": 0,
            "delivery.report.only.error": True,
            "message.max.bytes": 1_048_576,
        }
        self._producer: Any = confluent_kafka.Producer(_configured(settings, own), logger=_silent)

    def send(self, outputs: Sequence[Output]) -> None:
        """Queue them, in order for each topic. Waits while the queue is full. Raises SendFailed, Stopped."""
        by_topic: dict[tuple[str, int], list[dict[str, Any]]] = {}
        # Outputs come topic by topic, thousands at a time.
        for (topic, partition), some in groupby(outputs, _TOPIC_AND_PARTITION):
            header = self._headers.get(topic)
            # A partition named in the message itself is not heeded (confluent-kafka 2.16): it is the batch's.
            messages = by_topic.setdefault((topic, partition), [])
            if header is None:
                messages += [{"key": key, "value": value or None} for _, key, value, _ in some]
            else:
                behind = SINGLE_OBJECT_HEADER
                messages += [{"key": key, "value": (header + value[behind:]) or None} for _, key, value, _ in some]
        for (topic, partition), messages in by_topic.items():
            self._queue(self._prefix + topic, messages, partition)
        self._producer.poll(0)

    def _queue(self, topic: str, messages: list[dict[str, Any]], partition: int) -> None:
        while messages:
            self._check()
            if self._producer.produce_batch(topic, messages, partition, on_delivery=self._failed) == len(messages):
                return
            refused: list[dict[str, Any]] = []
            for message in messages:
                error = message.pop("_error", None)
                if error is None:
                    continue
                if error.code() != _QUEUE_FULL:
                    raise SendFailed(f"{topic} does not take a message of {len(message['value'])} bytes: {error.str()}")
                refused.append(message)
            messages = refused
            if self._stopped:
                raise Stopped
            self._producer.poll(0.05)

    def stop(self) -> None:
        """Wait no longer for room in the queue."""
        self._stopped = True

    def send_to(self, place: _Place, key: bytes | None, value: bytes) -> None:
        """Queue one message, as it is, for just this partition. Raises SendFailed."""
        self._check()
        topic, partition = self._prefix + place[0], place[1]
        try:
            self._producer.produce(topic, value, key, partition, on_delivery=self._failed)
        except confluent_kafka.KafkaException as error:
            raise SendFailed(f"{topic} does not take a message of {len(value)} bytes: {error}") from error

    def confirm(self, seconds: float) -> bool:
        """Whether all that was sent before this call is delivered, within `seconds`. Raises SendFailed."""
        left = self._producer.flush(seconds)
        self._check()
        return not left

    def close(self, seconds: float) -> None:
        """Deliver what is queued, at most so long."""
        self._producer.flush(seconds)

    def _failed(self, error: Any, message: Any) -> None:
        if error is not None:
            self._errors.append(
                f"{message.topic()} does not take a message of {len(message.value() or b'')} bytes: {error.str()}"
            )

    def _check(self) -> None:
        if self._errors:
            raise SendFailed(self._errors[0])


class Reader:
    """Reads ranges of partitions without a group."""

    #: In place of an offset: from the first message that is there.
    FIRST = confluent_kafka.OFFSET_BEGINNING

    def __init__(self, settings: Settings) -> None:
        own: dict[str, object] = {
            "group.id": f"{settings.prefix}headwater-reader",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 100,
            "fetch.queue.backoff.ms": 10,
            "queued.max.messages.kbytes": 16_384,
        }
        self._settings = settings
        #: Partitions that were read up to their end since they were assigned, as a fetch found it: brokers exist
        #: whose answer to a question for the end is too small.
        self.ended: set[_Place] = set()
        self._consumer: Any = confluent_kafka.Consumer(_configured(settings, own), logger=_silent)

    def close(self) -> None:
        self._consumer.close()

    def partitions(self, topic: str) -> list[int]:
        """The topic's partitions; none where it is not there. Raises Unavailable."""
        try:
            listed = self._consumer.list_topics(self._settings.prefix + topic, timeout=5).topics
        except confluent_kafka.KafkaException as error:
            raise Unavailable(f"broker {self._settings.brokers} does not answer") from error
        found = listed.get(self._settings.prefix + topic)
        return sorted(found.partitions) if found is not None and found.error is None else []

    def ends(self, place: _Place) -> tuple[int, int]:
        """First offset there is and the offset after the last. Raises Unavailable."""
        try:
            low, high = self._consumer.get_watermark_offsets(self._partition(place), timeout=5)
        except confluent_kafka.KafkaException as error:
            raise Unavailable(f"broker {self._settings.brokers} does not answer") from error
        return int(low), int(high)

    def fetched_end(self, place: _Place, offset: int) -> int:
        """The offset after the last message as a fetch from this offset tells it; exact with every broker, unlike
        `ends`. Reads these partitions no more. Raises Unavailable.
        """
        self.assign({place: max(offset, 0)})
        deadline = time.monotonic() + _FETCH_SECONDS
        while True:
            self.poll(1, 0.05)
            high = int(self._consumer.get_watermark_offsets(self._partition(place), cached=True)[1])
            if high >= 0:
                self.assign({})
                return high
            if time.monotonic() > deadline:
                raise Unavailable(f"broker {self._settings.brokers} sends nothing of {place[0]}[{place[1]}]")

    def since(self, place: _Place, timestamp_ms: int) -> int | None:
        """The first offset whose message is not older; None where all are. Raises Unavailable."""
        try:
            [found] = self._consumer.offsets_for_times([self._partition(place, timestamp_ms)], timeout=5)
        except confluent_kafka.KafkaException as error:
            raise Unavailable(f"broker {self._settings.brokers} does not answer") from error
        return int(found.offset) if found.offset >= 0 else None

    def assign(self, starts: Mapping[_Place, int]) -> None:
        """Read these partitions from these offsets on."""
        self.ended.clear()
        self._consumer.assign([self._partition(place, offset) for place, offset in starts.items()])

    def poll(self, count: int, seconds: float) -> list[Chunk]:
        """What came in, at most so many messages, as a chunk a partition. Raises Unavailable."""
        rows: dict[_Place, list[Any]] = {}
        for message in self._consumer.consume(count, timeout=seconds):
            error = message.error()
            if error is None:
                topic = message.topic().removeprefix(self._settings.prefix)
                rows.setdefault((topic, message.partition()), []).append(message)
            elif error.code() == _PARTITION_EOF:
                self.ended.add((message.topic().removeprefix(self._settings.prefix), message.partition()))
            elif error.fatal() or not error.retriable():
                raise Unavailable(f"broker {self._settings.brokers}: {error.str()}")
        return [_chunk(place, messages) for place, messages in rows.items()]

    def _partition(self, place: _Place, offset: int = confluent_kafka.OFFSET_BEGINNING) -> Any:
        return confluent_kafka.TopicPartition(self._settings.prefix + place[0], place[1], offset)


def _chunk(place: _Place, messages: Iterable[Any]) -> Chunk:
    messages = list(messages)
    return Chunk(
        place[0],
        place[1],
        [cast("bytes | None", message.key()) for message in messages],
        [cast("bytes", message.value() or b"") for message in messages],
        [cast("int", message.offset()) for message in messages],
        [cast("int", message.timestamp()[1]) for message in messages],
    )


def publish(settings: Settings, topic: str, messages: Iterable[tuple[bytes, bytes]]) -> None:
    """Send a few messages and wait for them. Raises Unavailable after 30 s, SendFailed."""
    sender = Sender(settings)
    sender.send([Output(topic, key, value) for key, value in messages])
    deadline = time.monotonic() + 30
    while not sender.confirm(1.0):
        if time.monotonic() > deadline:
            raise Unavailable(f"broker {settings.brokers} does not confirm messages on {settings.prefix}{topic}")
