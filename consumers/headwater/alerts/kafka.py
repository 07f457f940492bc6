"""The one edge of subscriptions to confluent-kafka."""

from __future__ import annotations

import logging
import time
from typing import Any, NamedTuple

import confluent_kafka

from headwater.errors import Unavailable
from headwater.kafka import kafka_options, silent_logger
from headwater.settings import Settings

_silent = silent_logger("alerts")

_Error = confluent_kafka.KafkaError
#: Errors that pass by themselves: the broker is away, or the topic is not there yet.
_PASSING = frozenset(
    {
        _Error._ALL_BROKERS_DOWN,  # noqa: SLF001 — its public name in librdkafka
        _Error._TRANSPORT,  # noqa: SLF001 — as above
        _Error._RESOLVE,  # noqa: SLF001 — as above
        _Error._PARTITION_EOF,  # noqa: SLF001 — as above
        _Error._TIMED_OUT,  # noqa: SLF001 — as above
        _Error.UNKNOWN_TOPIC_OR_PART,
    }
)


_ASK_SECONDS = 10.0


class Message(NamedTuple):
    """A message and its place."""

    partition: int
    offset: int
    value: bytes | None


class Reader:
    """A member of a consumer group on one topic. Offsets are committed by `done`, and where a new group begins.

    A group that begins at the end would begin there again after each restart, and miss what came meanwhile, on every
    partition of which it has done nothing yet. So where it begins is committed at once.
    """

    def __init__(self, settings: Settings, topic: str, group: str, *, from_beginning: bool) -> None:
        self._topic = topic
        self._consumer: Any = confluent_kafka.Consumer(
            {
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest" if from_beginning else "latest",
                "session.timeout.ms": 6000,
                "heartbeat.interval.ms": 1500,
                "max.poll.interval.ms": 86_400_000,
                "allow.auto.create.topics": False,
                "enable.partition.eof": not from_beginning,
                **connection(settings),
            },
            logger=_silent,
        )
        self._from_beginning = from_beginning
        #: Partitions of which the group has committed nothing yet, though it begins at their end.
        self._unbegun: set[int] = set()
        #: Whether the group has given this member its partitions (there may be none left for it).
        self.joined = False
        self._consumer.subscribe([topic], on_assign=self._on_assign)

    def poll(self, seconds: float) -> Message | None:
        """The next message; None where none came in so many seconds. Raises Unavailable for what does not pass."""
        message = self._consumer.poll(seconds)
        if message is None:
            return None
        error = message.error()
        if message.partition() in self._unbegun:
            # it begins where a fetch finds nothing more; asked for its end, the embedded broker answers wrong
            if error is not None and error.code() == _Error._PARTITION_EOF:  # noqa: SLF001 — as above
                self._unbegun.discard(message.partition())
                self._commit(message.partition(), message.offset())
            if error is None or error.code() in _PASSING:
                return None
        if error is None:
            return Message(message.partition(), message.offset(), message.value())
        if error.code() not in _PASSING:
            raise Unavailable(f"{self._topic}: {error.str()}")
        return None

    def _on_assign(self, consumer: Any, partitions: list[Any]) -> None:
        self.joined = True
        if self._from_beginning:
            return
        try:
            known = consumer.committed(partitions, timeout=_ASK_SECONDS)
        except confluent_kafka.KafkaException:
            return  # a group that has begun goes on where it was; a new one begins with its next assignment
        self._unbegun = {place.partition for place in known if place.offset < 0}

    def done(self, message: Message) -> None:
        """Commit that everything up to this message is done. A commit that fails is made good by the next one."""
        self._commit(message.partition, message.offset + 1)

    def _commit(self, partition: int, offset: int) -> None:
        place = confluent_kafka.TopicPartition(self._topic, partition, offset)
        try:
            self._consumer.commit(offsets=[place], asynchronous=False)
        except confluent_kafka.KafkaException as error:
            logging.getLogger("headwater.alerts").warning("commit: %s; it may be delivered again", error)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()


def read_to_end(settings: Settings, topic: str, seconds: float) -> list[bytes]:
    """All values that stand on a topic of one partition now, as far as they come in so many seconds.

    Raises Unavailable where no broker answers.
    """
    consumer: Any = confluent_kafka.Consumer(
        {
            "group.id": "headwater-alerts-schemas",
            "enable.auto.commit": False,
            # The end is where a fetch finds nothing more; the embedded broker's answer to a question for it is wrong.
            "enable.partition.eof": True,
            **connection(settings),
        },
        logger=_silent,
    )
    values: list[bytes] = []
    deadline = time.monotonic() + seconds
    try:
        if topic not in consumer.list_topics(topic, timeout=seconds).topics:
            return []
        consumer.assign([confluent_kafka.TopicPartition(topic, 0, confluent_kafka.OFFSET_BEGINNING)])
        while time.monotonic() < deadline:
            message = consumer.poll(0.2)
            if message is None:
                continue
            if message.error() is not None:
                if message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:  # noqa: SLF001 — its public name in librdkafka
                    break
                continue
            if message.value() is not None:
                values.append(message.value())
    except confluent_kafka.KafkaException as error:
        raise Unavailable(f"broker {settings.brokers}: {topic} cannot be read: {error}") from None
    finally:
        consumer.close()
    return values


def connection(settings: Settings) -> dict[str, str]:
    """Where the broker is, and the further settings for it. Raises SettingsError where these are not name=value."""
    return {"bootstrap.servers": settings.brokers, **kafka_options(settings)}
