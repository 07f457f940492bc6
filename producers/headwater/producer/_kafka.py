"""The connection to Kafka: librdkafka, told to keep order, to confirm, and to hand back what it could not send."""

from __future__ import annotations

import ctypes
import logging
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, cast

import confluent_kafka

from headwater.errors import HeadwaterError, SettingsError
from headwater.kafka import kafka_options, silent_logger
from headwater.producer import _forks
from headwater.producer._outbox import Message, Messages
from headwater.schemas import framing, records, topics
from headwater.secrets import without_secret_texts
from headwater.settings import Settings

if TYPE_CHECKING:
    from headwater.schemas.registry import Registry

_log: Final = logging.getLogger("headwater.producer")
#: At most so many messages are handed over in one call, for the interpreter is held meanwhile.
_CALL: Final = 500
#: Between two questions to a registry, or two tries with the schema topic, that failed, seconds.
_SHORTEST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
#: Between two lines in the log about the connection, seconds.
_COMPLAIN_SECONDS: Final = 60.0

_KafkaError: Final = confluent_kafka.KafkaError
#: The broker refuses these for good; it refuses them together with their neighbours in a request.
_REFUSALS: Final = {
    _KafkaError.MSG_SIZE_TOO_LARGE: "too_large",
    _KafkaError.RECORD_LIST_TOO_LARGE: "too_large",
    _KafkaError.INVALID_MSG: "rejected",
    _KafkaError.INVALID_RECORD: "rejected",
    _KafkaError._BAD_MSG: "rejected",  # noqa: SLF001 — librdkafka's own codes have this form
}


class _Error(Protocol):
    def code(self) -> int: ...
    def fatal(self) -> bool: ...


class _Report(Protocol):
    def topic(self) -> str: ...
    def key(self) -> bytes | None: ...
    def value(self) -> bytes: ...


class Refused(NamedTuple):
    """A message that the broker refused, by itself or because of its neighbours."""

    message: Message
    reason: str


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
        # One batch is handed over at a time (`_sending`): there is room for it.
        "queue.buffering.max.kbytes": max(16 * 1024, settings.queue_bytes // 1024),
        "queue.buffering.max.messages": 100_000,
        # A topic that is not there comes back after so long, and does not hold up the others.
        "topic.metadata.propagation.max.ms": 2000,
        "delivery.report.only.error": True,
        # Java clients' partitioner: events of one run meet on one partition, whoever sends them.
        "partitioner": "murmur2_random",
        "socket.keepalive.enable": True,
        "reconnect.backoff.max.ms": 2000,
        # With "rebootstrap", where nobody answers, it looks the brokers' names up again every 50 ms, whatever the pause
        # above, and each look-up is a moment at which a fork must not be made (`_forks`).
        "metadata.recovery.strategy": "none",
        "log_level": 0,
    }
    return {**own, **kafka_options(settings)}


def check(settings: Settings) -> None:
    """Raise SettingsError where librdkafka would refuse the setting `kafka`."""
    if settings.kafka:
        _client(client_settings(settings), lambda _: None)


def _client(settings: dict[str, Any], on_error: Callable[[_Error], None]) -> Any:
    try:
        return confluent_kafka.Producer({**settings, "error_cb": on_error}, logger=silent_logger("producer"))
    except confluent_kafka.KafkaException as error:
        # Only the setting's name: the text may hold its value, which may be a secret.
        named = re.search(r'property "?([\w.]+)', str(error))
        raise SettingsError(f"kafka: librdkafka refuses {named[1] if named else 'these settings'}") from None


class Transport:
    """One librdkafka producer, used by the sending thread alone, for one batch after another.

    A batch is over when `outstanding` is 0; `came_back` and `refused` then tell what of it the broker has not got.
    """

    def __init__(self, settings: Settings, registry: Registry | None = None) -> None:
        self._settings = settings
        self._registry = registry
        self._prefix = settings.prefix
        self._returned: Messages = {}
        self._refused: dict[str, list[Refused]] = {}
        #: What stands before a body, by topic and schema: for schemas that readers can look up.
        self._headers: dict[tuple[str, str], bytes] = {}
        self._announcing: dict[bytes, list[tuple[str, str]]] = {}
        self._try_again_at = 0.0
        self._pause = _SHORTEST_PAUSE
        self._fatal = False
        self._complained_at = -_COMPLAIN_SECONDS
        self.last_error = ""
        #: Whether, since the last batch was over, no broker or registry could be reached at all.
        self.unreachable = False
        self._client: Any = self._connect()
        _forks.hold(self)

    def _connect(self) -> Any:
        return _client(client_settings(self._settings), self._on_error)

    def _on_error(self, error: _Error) -> None:
        self._complain(str(error))
        self.unreachable = self.unreachable or error.code() == _KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001 — as above
        self._fatal = self._fatal or error.fatal()

    def _complain(self, error: str) -> None:
        error = self.last_error = without_secret_texts(error)
        # Reconnecting fails again and again, in turns with other words: a line a minute is enough.
        if time.monotonic() - self._complained_at >= _COMPLAIN_SECONDS:
            self._complained_at = time.monotonic()
            _log.warning("%s", error)

    def _on_report(self, error: _Error | None, report: _Report) -> None:
        if error is None:
            return
        topic = report.topic().removeprefix(self._prefix)
        self._failed(topic, {"key": report.key() or b"", "value": report.value()}, error)

    def _failed(self, topic: str, message: Message, error: _Error) -> None:
        if not str(error).startswith("KafkaError{code=_PURGE"):
            self.last_error = str(error)
        if topic == topics.SCHEMAS.name:
            self._announcing.pop(message["key"], None)
            self._wait_longer()
        elif reason := _REFUSALS.get(error.code()):
            self._refused.setdefault(topic, []).append(Refused(self._unframed(topic, message), reason))
        else:
            self._returned.setdefault(topic, []).append(self._unframed(topic, message))

    def _unframed(self, topic: str, message: Message) -> Message:
        if self._registry is None:
            return message
        length = framing.CONFLUENT_HEADER
        header = message["value"][:length]
        schema = next(schema for (of, schema), known in self._headers.items() if (of, known) == (topic, header))
        return {"key": message["key"], "value": _single_object(schema) + message["value"][length:]}

    # Schemas.

    def ready(self, topic: str, schema: str) -> bool:
        """Whether readers can look this schema up; else see to it.

        With a registry it is asked; else the schema is sent to the schema topic, as part of the present batch.
        """
        if (topic, schema) in self._headers:
            return True
        if time.monotonic() < self._try_again_at:
            return False
        if self._registry is not None:
            return self._register(self._registry, topic, schema)
        key = _single_object(schema)[2:]
        if key not in self._announcing:
            self._announcing[key] = []
            self._produce(topics.SCHEMAS.name, [{"key": key, "value": schema.encode()}])
        if key in self._announcing and (topic, schema) not in self._announcing[key]:
            self._announcing[key].append((topic, schema))
        return False

    def header(self, topic: str, schema: str) -> bytes | None:
        """What `send` puts in the place of single-object encoding's header: with a registry, and once it is ready."""
        return None if self._registry is None else self._headers.get((topic, schema))

    def _register(self, registry: Registry, topic: str, schema: str) -> bool:
        try:
            identity = registry.register(topics.TOPICS[topic], records.parse(schema), self._settings)
        except (HeadwaterError, OSError, KeyError) as error:
            self._complain(str(error))
            self.unreachable = True
            self._wait_longer()
            return False
        self._headers[topic, schema] = framing.confluent_header(identity)
        self._pause = _SHORTEST_PAUSE
        return True

    def _wait_longer(self) -> None:
        if time.monotonic() < self._try_again_at:
            # Several schemas that failed together failed once.
            return
        self._try_again_at = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    # Batches.

    def send(self, topic: str, schema: str, messages: list[Message]) -> None:
        """Hand messages over, in single-object encoding; `ready` has said yes."""
        if self._registry is None:
            self._produce(topic, messages)
            return
        header = self._headers[topic, schema]
        cut = framing.SINGLE_OBJECT_HEADER
        self._produce(topic, [{"key": m["key"], "value": header + m["value"][cut:]} for m in messages])

    def _produce(self, topic: str, messages: list[Message]) -> None:
        for start in range(0, len(messages), _CALL):
            part = messages[start : start + _CALL]
            taken = self._client.produce_batch(self._prefix + topic, part, on_delivery=self._on_report)
            if taken < len(part):
                for message in part:
                    error = cast("dict[str, Any]", message).pop("_error", None)
                    if error is not None:
                        self._failed(topic, message, error)

    def poll(self, seconds: float) -> None:
        """Serve reports. Makes a new client where this one met an error that it cannot recover from."""
        self._client.poll(seconds)
        if self._fatal:
            self.retrieve()
            self._fatal = False
            self._client = self._connect()

    def wait(self, seconds: float) -> None:
        """Wait until the batch is over, at most so long; meanwhile nothing lingers."""
        self._client.flush(seconds)

    def outstanding(self) -> int:
        """Messages handed over whose fate is not known."""
        return len(self._client)

    def batch_is_over(self) -> tuple[Messages, dict[str, list[Refused]]]:
        """What of the batch came back unsent, and what was refused, by topic, in order; each is given once."""
        self.unreachable = False
        if self._announcing:
            for key, used in self._announcing.items():
                self._headers.update(dict.fromkeys(used, b"\xc3\x01" + key))
            self._announcing = {}
            self._pause = _SHORTEST_PAUSE
        returned, self._returned = self._returned, {}
        refused, self._refused = self._refused, {}
        return returned, refused

    def retrieve(self) -> None:
        """Take back all that is not confirmed. What was in flight may arrive nevertheless."""
        self._announcing = {}
        self._client.purge(in_queue=True, in_flight=True)
        self._client.flush(1.0)

    def abandon(self) -> None:
        """Never free the client: after a fork its threads are not there, and freeing it would wait for them."""
        immortal(self._client)


def _single_object(schema: str) -> bytes:
    for record in records.RECORDS:
        current = records.current(record)
        if current.text == schema:
            return framing.single_object_header(current)
    return framing.single_object_header(records.parse(schema))


def immortal(value: object) -> None:
    """Give an object one reference that nobody drops, so that not even the interpreter's end frees it."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))
