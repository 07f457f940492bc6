"""What workers send: idempotent, confirmed, and by a new client where librdkafka has lost its brokers.

A broker that has just come back can answer for a moment that its cluster has no brokers. librdkafka 2.11 to 2.16 then
closes all connections and never opens one again (its issue 5301, open): of 12 idle clients, in 3 of 12 pauses of a
broker, one did not send any more; of 2.10 none in 45.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any

import confluent_kafka

from headwater.errors import Unavailable
from headwater.schemas.framing import SINGLE_OBJECT_HEADER
from headwater.settings import Settings
from headwater.streams.clients import configured, silent, topics_there
from headwater.streams.step import Output

_log = logging.getLogger("headwater.streams")

#: Of an output.
_TOPIC_AND_PARTITION = itemgetter(0, 3)
_QUEUE_FULL = confluent_kafka.KafkaError._QUEUE_FULL  # noqa: SLF001 — its public name in librdkafka
#: What `purge` says of a message that it takes back.
_TAKEN_BACK = {
    confluent_kafka.KafkaError._PURGE_QUEUE,  # noqa: SLF001 — as above
    confluent_kafka.KafkaError._PURGE_INFLIGHT,  # noqa: SLF001 — as above
}
#: So long nothing is wholly confirmed before it is asked whether the client still finds a broker.
LOST_SECONDS = 10.0
_ASK_SECONDS = 1.0


class SendFailed(Unavailable):
    """A message could not be delivered for good."""


class Stopped(Exception):
    """The worker ends while a call waits."""


class Sender:
    """Sends outputs: idempotent, all replicas. One thread calls `send`, another may call `confirm`, any `stop`."""

    def __init__(
        self,
        settings: Settings,
        headers: Mapping[str, bytes] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`headers`: by topic, what its messages begin with in place of the single-object header."""
        self._settings, self._clock = settings, clock
        self._headers = headers or {}
        self._prefix = settings.prefix
        self._errors: list[str] = []
        self._stopped = False
        #: Held by whoever hands messages over, so that none goes to a client that was given up.
        self._handing = threading.Lock()
        #: Calls that handed messages over, counted: what is taken back is sent again in their order.
        self._calls = itertools.count()
        self._taken_back: list[tuple[int, Any]] = []
        self._waiting_since: float | None = None
        self._producer = self._made()

    def _made(self) -> Any:
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
        return confluent_kafka.Producer(configured(self._settings, own), logger=silent)

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
        with self._handing:
            self._producer.poll(0)

    def _queue(self, topic: str, messages: list[dict[str, Any]], partition: int) -> None:
        while messages:
            self._check()
            with self._handing:
                reported = partial(self._failed, next(self._calls))
                taken = self._producer.produce_batch(topic, messages, partition, on_delivery=reported)
            if taken == len(messages):
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
            with self._handing:
                self._producer.poll(0.05)

    def stop(self) -> None:
        """Wait no longer for room in the queue."""
        self._stopped = True

    def send_to(self, place: tuple[str, int], key: bytes | None, value: bytes) -> None:
        """Queue one message, as it is, for just this partition. Raises SendFailed."""
        self._check()
        topic, partition = self._prefix + place[0], place[1]
        try:
            with self._handing:
                reported = partial(self._failed, next(self._calls))
                self._producer.produce(topic, value, key, partition, on_delivery=reported)
        except confluent_kafka.KafkaException as error:
            raise SendFailed(f"{topic} does not take a message of {len(value)} bytes: {error}") from error

    def confirm(self, seconds: float) -> bool:
        """Whether all that was sent before this call is delivered, within `seconds`. Raises SendFailed.

        Where nothing goes out any more although a new client finds the broker, one takes the place of the old: what
        was not confirmed is sent again, in order, so that of what was under way a message may come twice.
        """
        left = self._producer.flush(seconds)
        self._check()
        if not left:
            self._waiting_since = None
            return True
        now = self._clock()
        if self._waiting_since is None:
            self._waiting_since = now
        elif now - self._waiting_since >= LOST_SECONDS:
            self._waiting_since = now
            if self._is_lost():
                self._renew()
        return False

    def close(self, seconds: float) -> None:
        """Deliver what is queued, at most so long."""
        self._producer.flush(seconds)

    def _is_lost(self) -> bool:
        """Whether the client finds no broker where another does."""
        if self._finds_one():
            return False
        try:
            topics_there(self._settings, _ASK_SECONDS)
        except Unavailable:
            return False
        return not self._finds_one()  # asked again: the broker may have come back between the two

    def _finds_one(self) -> bool:
        try:
            self._producer.list_topics(timeout=_ASK_SECONDS)
        except confluent_kafka.KafkaException:
            return False
        return True

    def _renew(self) -> None:
        with self._handing:
            lost, self._producer = self._producer, self._made()
            # What was under way was sent first, so it is taken back first.
            lost.purge(in_queue=False, in_flight=True)
            lost.poll(0.1)
            lost.purge(in_queue=True, in_flight=True)
            if lost.flush(_ASK_SECONDS):
                raise SendFailed("what was sent to a broker that was lost does not come back; start again")
            taken_back, self._taken_back = sorted(self._taken_back, key=itemgetter(0)), []
            for number, message in taken_back:
                where = message.partition()
                self._producer.produce(
                    message.topic(),
                    message.value(),
                    message.key(),
                    -1 if where is None else where,  # None: its key leads to one
                    on_delivery=partial(self._failed, number),
                )
        _log.warning("the Kafka client found no broker any more; a new one sends %d messages again", len(taken_back))

    def _failed(self, call: int, error: Any, message: Any) -> None:
        if error is None:
            return
        if error.code() in _TAKEN_BACK:
            self._taken_back.append((call, message))
            return
        size = len(message.value() or b"")
        self._errors.append(f"{message.topic()} does not take a message of {size} bytes: {error.str()}")

    def _check(self) -> None:
        if self._errors:
            raise SendFailed(self._errors[0])


def publish(settings: Settings, topic: str, messages: Iterable[tuple[bytes, bytes]]) -> None:
    """Send a few messages and wait for them. Raises Unavailable after 30 s, SendFailed."""
    sender = Sender(settings)
    sender.send([Output(topic, key, value) for key, value in messages])
    deadline = time.monotonic() + 30
    while not sender.confirm(1.0):
        if time.monotonic() > deadline:
            raise Unavailable(f"broker {settings.brokers} does not confirm messages on {settings.prefix}{topic}")
