"""The connection to Kafka: librdkafka, told to keep order, to confirm, and to hand back what it could not send."""

from __future__ import annotations

import ctypes
import logging
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import confluent_kafka

from headwater.errors import HeadwaterError, SettingsError
from headwater.kafka import kafka_options
from headwater.producer._outbox import Message, Messages
from headwater.schemas import framing, records, topics
from headwater.settings import Settings

if TYPE_CHECKING:
    from headwater.schemas.registry import Registry

_log: Final = logging.getLogger("headwater.producer")
#: At most so many messages are handed over in one call, for the interpreter is held meanwhile.
BATCH: Final = 500
#: Between two questions to a registry that does not answer, seconds.
_SHORTEST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
#: Between two lines in the log about the connection, seconds.
_COMPLAIN_SECONDS: Final = 60.0

_SIZE_ERRORS: Final = frozenset(
    {confluent_kafka.KafkaError.MSG_SIZE_TOO_LARGE, confluent_kafka.KafkaError.RECORD_LIST_TOO_LARGE}
)
_REFUSALS: Final = frozenset(
    {
        confluent_kafka.KafkaError.INVALID_MSG,
        confluent_kafka.KafkaError.INVALID_RECORD,
        confluent_kafka.KafkaError._BAD_MSG,  # noqa: SLF001 — librdkafka's own codes have this form
    }
)


class _Error(Protocol):
    def code(self) -> int: ...
    def fatal(self) -> bool: ...


class _Report(Protocol):
    def topic(self) -> str: ...
    def key(self) -> bytes | None: ...
    def value(self) -> bytes: ...


def client_settings(settings: Settings) -> dict[str, Any]:
    """Settings of librdkafka for a producer; those of the setting `kafka` come last and stand.

    Raises SettingsError where the setting `kafka` cannot be read.
    """
    own: dict[str, Any] = {
        "bootstrap.servers": settings.brokers,
        "client.id": "headwater-producer",
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": 5,
        "compression.type": "lz4",
        "message.max.bytes": topics.MAX_MESSAGE_BYTES,
        # What has no limit in time is ours to take back and to count.
        "message.timeout.ms": 0,
        "queue.buffering.max.kbytes": max(1024, settings.queue_bytes // 2048),
        "queue.buffering.max.messages": 100_000,
        "delivery.report.only.error": True,
        # Java clients' partitioner: events of one run meet on one partition, whoever sends them.
        "partitioner": "murmur2_random",
        "socket.keepalive.enable": True,
        "reconnect.backoff.max.ms": 2000,
        "log_level": 0,
    }
    return {**own, **kafka_options(settings)}


def check(settings: Settings) -> None:
    """Raise SettingsError where librdkafka would refuse the setting `kafka`."""
    if settings.kafka:
        _client(client_settings(settings), lambda _: None)


def _client(settings: dict[str, Any], on_error: Callable[[_Error], None]) -> Any:
    try:
        return confluent_kafka.Producer({**settings, "error_cb": on_error})
    except confluent_kafka.KafkaException as error:
        # Only the setting's name: the text may hold its value, which may be a secret.
        named = re.search(r'property "?([\w.]+)', str(error))
        raise SettingsError(f"kafka: librdkafka refuses {named[1] if named else 'these settings'}") from None


class Transport:
    """One librdkafka producer, used by the sending thread alone. `drop(reason, count)` counts what is lost."""

    def __init__(self, settings: Settings, drop: Callable[[str, int], None], registry: Registry | None = None) -> None:
        self._settings = settings
        self._drop = drop
        self._registry = registry
        self._prefix = settings.prefix
        self._returned: Messages = {}
        self._taken = 0
        self._failed = 0
        self._schemas_sent = self._schemas_confirmed = 0
        self._ask_registry_at = 0.0
        self._registry_pause = _SHORTEST_PAUSE
        self._announced: set[str] = set()
        self._announcing: set[str] = set()
        self._registry_headers: dict[str, bytes] = {}
        self._fatal = False
        self._complained_at = -_COMPLAIN_SECONDS
        self.last_error = ""
        self._client: Any = self._connect()

    def _connect(self) -> Any:
        return _client(client_settings(self._settings), self._on_error)

    def _on_error(self, error: _Error) -> None:
        self.last_error = str(error)
        # Reconnecting fails again and again, in turns with other words: a line a minute is enough.
        if time.monotonic() - self._complained_at >= _COMPLAIN_SECONDS:
            self._complained_at = time.monotonic()
            _log.warning("%s", error)
        self._fatal = self._fatal or error.fatal()

    def _on_report(self, error: _Error | None, report: _Report) -> None:
        if error is None:
            return
        self._failed += 1
        topic = report.topic().removeprefix(self._prefix)
        if topic == topics.SCHEMAS.name:
            self._schemas_sent -= 1
            return
        if error.code() in _SIZE_ERRORS:
            self._drop("too_large", 1)
        elif error.code() in _REFUSALS:
            self._drop("rejected", 1)
        else:
            message: Message = {"key": report.key() or b"", "value": report.value()}
            self._returned.setdefault(topic, []).append(message)
        if not str(error).startswith("KafkaError{code=_PURGE"):
            self.last_error = str(error)

    def announce(self, names: set[str]) -> bool:
        """Whether the schemas of the messages on these topics stand where readers look them up; else see to it.

        Called again and again until it is so: with a registry it asks that, else it sends them to the schema
        topic and waits for the broker to confirm.
        """
        missing = names - self._announced
        if not missing:
            return True
        if self._registry is not None:
            return self._register(self._registry, missing)
        if self.outstanding():
            return False
        if self._announcing:
            if self._schemas_sent == len(self._announcing):
                self._announced |= self._announcing
                self._schemas_confirmed += self._schemas_sent
            self._announcing, self._schemas_sent = set(), 0
            return names <= self._announced
        self._announcing = missing
        schemas = [records.current(topics.TOPICS[name].record or "") for name in sorted(missing)]
        texts: list[Message] = [{"key": s.fingerprint_bytes, "value": s.text.encode()} for s in schemas]
        self._schemas_sent = len(texts) - len(self._produce(topics.SCHEMAS.name, texts))
        return False

    def _register(self, registry: Registry, missing: set[str]) -> bool:
        if time.monotonic() < self._ask_registry_at:
            return False
        try:
            for name in missing:
                topic = topics.TOPICS[name]
                identity = registry.register(topic, records.current(topic.record or ""), self._settings)
                self._registry_headers[name] = framing.confluent_header(identity)
                self._announced.add(name)
        except (HeadwaterError, OSError) as error:
            self.last_error = str(error)
            _log.warning("%s", error)
            self._registry_pause = min(2 * self._registry_pause, _LONGEST_PAUSE)
            self._ask_registry_at = time.monotonic() + self._registry_pause
            return False
        self._registry_pause = _SHORTEST_PAUSE
        return True

    def send(self, topic: str, messages: list[Message]) -> list[Message]:
        """Hand messages over; returns those that librdkafka's queue has no room for, in order."""
        header = self._registry_headers.get(topic)
        if header is None:
            return self._produce(topic, messages)
        framed: list[Message] = [
            {"key": m["key"], "value": header + m["value"][framing.SINGLE_OBJECT_HEADER :]} for m in messages
        ]
        refused = len(self._produce(topic, framed))
        return messages[len(messages) - refused :]

    def _produce(self, topic: str, messages: list[Message]) -> list[Message]:
        for start in range(0, len(messages), BATCH):
            batch = messages[start : start + BATCH]
            taken = self._client.produce_batch(self._prefix + topic, batch, on_delivery=self._on_report)
            self._taken += taken
            if taken < len(batch):
                return self._not_taken(batch) + messages[start + BATCH :]
        return []

    def _not_taken(self, batch: list[Message]) -> list[Message]:
        left: list[Message] = []
        for message in batch:
            error = cast("dict[str, Any]", message).pop("_error", None)
            if error is None:
                continue
            if error.code() == confluent_kafka.KafkaError._QUEUE_FULL:  # noqa: SLF001 — librdkafka's own code
                left.append(message)
            else:
                self.last_error = str(error)
                self._drop("too_large" if error.code() in _SIZE_ERRORS else "rejected", 1)
        return left

    def poll(self, seconds: float) -> None:
        """Serve reports. Makes a new client where this one met an error that it cannot recover from."""
        self._client.poll(seconds)
        if self._fatal:
            self.retrieve()
            self._fatal = False
            self._client = self._connect()

    def outstanding(self) -> int:
        """Messages handed over whose fate is not known; counts errors that wait to be told, for a moment."""
        return len(self._client)

    def delivered(self) -> int:
        """Messages that the broker has confirmed."""
        schemas = self._schemas_confirmed + self._schemas_sent
        return max(0, self._taken - self._failed - self.outstanding() - schemas)

    def flush(self, seconds: float) -> int:
        """Wait until all is confirmed or the time is over; returns how many are not."""
        return cast("int", self._client.flush(seconds))

    def retrieve(self) -> None:
        """Take back all that is not confirmed: `returned` then holds it. What was in flight may arrive twice."""
        self._client.purge(in_queue=True, in_flight=True)
        self._client.flush(1.0)
        self._announcing, self._schemas_sent = set(), 0

    def returned(self) -> Messages:
        """Messages that came back, by topic, in order; each is given once."""
        returned, self._returned = self._returned, {}
        if self._registry is None:
            return returned
        return {topic: [self._unframed(topic, m) for m in messages] for topic, messages in returned.items()}

    def _unframed(self, topic: str, message: Message) -> Message:
        header = framing.single_object_header(records.current(topics.TOPICS[topic].record or ""))
        return {"key": message["key"], "value": header + message["value"][framing.CONFLUENT_HEADER :]}

    def abandon(self) -> None:
        """Never free the client: after a fork its threads are not there, and freeing it would wait for them."""
        immortal(self._client)


def immortal(value: object) -> None:
    """Give an object one reference that nobody drops, so that not even the interpreter's end frees it."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))
