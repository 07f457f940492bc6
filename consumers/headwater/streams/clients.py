"""How a client of confluent-kafka is configured, and what a reader does."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, cast

import confluent_kafka
from confluent_kafka.admin import AdminClient

from headwater.errors import Unavailable
from headwater.kafka import kafka_options, silent_logger
from headwater.settings import Settings
from headwater.streams.chunk import Chunk

#: Of every client of the workers.
silent = silent_logger("streams")

_Place = tuple[str, int]
#: How long a broker may take to tell the end of a partition.
_FETCH_SECONDS = 10.0
_PARTITION_EOF = confluent_kafka.KafkaError._PARTITION_EOF  # noqa: SLF001 — its public name in librdkafka


def configured(settings: Settings, own: Mapping[str, object]) -> dict[str, Any]:
    """Settings of librdkafka: ours, the user's, the client's own."""
    return {"bootstrap.servers": settings.brokers, "socket.keepalive.enable": True, **kafka_options(settings), **own}


def topics_there(settings: Settings, seconds: float = 3.0) -> dict[str, int]:
    """Topics on the broker with their partitions. Raises Unavailable where no broker answers in time."""
    client: Any = AdminClient(configured(settings, {"socket.timeout.ms": int(seconds * 1000)}), logger=silent)
    try:
        listed = client.list_topics(timeout=seconds)
    except confluent_kafka.KafkaException as error:
        raise Unavailable(f"broker {settings.brokers} does not answer") from error
    return {name: len(topic.partitions) for name, topic in listed.topics.items() if topic.error is None}


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
        self._consumer: Any = confluent_kafka.Consumer(configured(settings, own), logger=silent)

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
