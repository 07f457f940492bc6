"""The live way: messages straight to the broker, one report each; what is not confirmed in time comes back."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import confluent_kafka

from headwater.gateway.waiting import Waiting
from headwater.kafka import kafka_options, silent_logger
from headwater.openlineage import Message
from headwater.producer._kafka import client_settings
from headwater.schemas import framing
from headwater.settings import Settings

_log: Final = logging.getLogger("headwater.gateway")
#: A message that is not confirmed after so long comes back and goes to the spool, ms. Clients give up after 5 s.
PATIENCE_MS: Final = 2000


class Broker:
    """One librdkafka client. `send` is called on the event loop; reports come on a thread of its own.

    `settled` is called on that thread with requests of which every message was reported, confirmed or failed.
    """

    def __init__(self, settings: Settings, settled: Callable[[list[Waiting]], None]) -> None:
        self._prefix = settings.prefix
        self._settled = settled
        self._done: list[Waiting] = []
        self._refused: deque[tuple[Waiting, list[Message]]] = deque()
        self._ended = threading.Event()
        #: What stands before a body in place of single-object encoding's header, by topic: with a registry.
        self.headers: dict[str, bytes] = {}
        #: Whether it is worth while to send: the schemas are there, and nothing failed since the broker last answered.
        self.up = False
        own: dict[str, Any] = {
            "client.id": "headwater-gateway",
            # Requests wait for the answer; those that come together go together as it is.
            "linger.ms": 0,
            "message.timeout.ms": PATIENCE_MS,
            "delivery.report.only.error": False,
        }
        options = {**client_settings(settings), **own, **kafka_options(settings), "error_cb": self._on_error}
        self._client: Any = confluent_kafka.Producer(options, logger=silent_logger("gateway"))
        self._thread = threading.Thread(target=self._reports, name="gateway-reports", daemon=True)
        self._thread.start()

    def send(self, waiting: Waiting) -> None:
        """Hand over all messages of a request. What has no room in the client fails, and is reported with the rest."""
        refused: list[Message] = []
        for message in waiting.messages:
            topic, key, value = message
            header = self.headers.get(topic.name)
            if header is not None:
                value = header + value[framing.SINGLE_OBJECT_HEADER :]
            report = partial(self._report, waiting, message)
            try:
                self._client.produce(self._prefix + topic.name, value, key, on_delivery=report)
            except (BufferError, confluent_kafka.KafkaException):
                refused.append(message)
        if refused:
            # Counted where all others are.
            self._refused.append((waiting, refused))

    def _report(self, waiting: Waiting, message: Message, error: Any, _: Any) -> None:
        if error is not None:
            waiting.failed.append(message)
            self.up = False
        waiting.left -= 1
        if not waiting.left:
            self._done.append(waiting)

    def _reports(self) -> None:
        while not self._ended.is_set():
            try:
                self._client.poll(0.1)
            except Exception:
                _log.exception("reports of the broker")
            while self._refused:
                waiting, refused = self._refused.popleft()
                waiting.failed += refused
                waiting.left -= len(refused)
                if not waiting.left:
                    self._done.append(waiting)
            if self._done:
                done, self._done = self._done, []
                self._settled(done)

    def _on_error(self, error: Any) -> None:
        if error.fatal() or error.code() == confluent_kafka.KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 — librdkafka's name for it
            self.up = False

    def answers(self) -> bool:
        """Whether the broker answers a question now; takes at most a second."""
        try:
            self._client.list_topics(self._prefix + "lineage.runs", timeout=1.0)
        except confluent_kafka.KafkaException:
            return False
        return True

    def close(self, seconds: float) -> None:
        """Wait for what is on its way, at most so long."""
        self._client.flush(seconds)
        self._ended.set()
        self._thread.join(2.0)
        if self._done:
            self._settled(self._done)
