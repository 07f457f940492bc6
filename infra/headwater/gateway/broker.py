"""The live way: messages straight to the broker, one report each; what is not confirmed in time comes back.

Reports are served on the event loop and not on a thread that waits for them: confluent-kafka takes the interpreter for
each report by itself, which beside a busy event loop is up to 5 ms of waiting and two switches of threads a message.
"""

from __future__ import annotations

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

#: A message that is not confirmed after so long comes back and goes to the spool, ms. Clients give up after 5 s.
PATIENCE_MS: Final = 2000


class Broker:
    """One librdkafka client. `send` and `serve` are called on the event loop; `serve` calls `settled` with requests of
    which every message was reported, confirmed or failed.
    """

    def __init__(self, settings: Settings, settled: Callable[[list[Waiting]], None]) -> None:
        self._prefix = settings.prefix
        self._settled = settled
        self._done: list[Waiting] = []
        #: What stands before a body in place of single-object encoding's header, by topic: with a registry.
        self.headers: dict[str, bytes] = {}
        #: Whether it is worth while to send: the schemas are there, and nothing failed since the broker last answered.
        self.up = False
        own: dict[str, Any] = {
            "client.id": "headwater-gateway",
            # Requests wait for the answer; those that come together go together as it is.
            "linger.ms": 0,
            # A client that is told to come again does so five times, a second apart: by then a broker that is back
            # must be found. librdkafka's own pause between two connections grows to 10 s.
            "reconnect.backoff.max.ms": 1000,
            "message.timeout.ms": PATIENCE_MS,
            "delivery.report.only.error": False,
        }
        options = {**client_settings(settings), **own, **kafka_options(settings), "error_cb": self._on_error}
        self._client: Any = confluent_kafka.Producer(options, logger=silent_logger("gateway"))

    def send(self, waiting: Waiting) -> None:
        """Hand over all messages of a request. What has no room in the client fails, like what comes back."""
        for message in waiting.messages:
            topic, key, value = message
            header = self.headers.get(topic.name)
            if header is not None:
                value = header + value[framing.SINGLE_OBJECT_HEADER :]
            report = partial(self._report, waiting, message)
            try:
                self._client.produce(self._prefix + topic.name, value, key, on_delivery=report)
            except (BufferError, confluent_kafka.KafkaException):
                waiting.failed.append(message)
                self._less(waiting)

    def _report(self, waiting: Waiting, message: Message, error: Any, _: Any) -> None:
        if error is not None:
            waiting.failed.append(message)
            self.up = False
        self._less(waiting)

    def _less(self, waiting: Waiting) -> None:
        waiting.left -= 1
        if not waiting.left:
            self._done.append(waiting)

    @property
    def outstanding(self) -> bool:
        """Whether a report is yet to come."""
        return bool(self._done) or len(self._client) > 0

    def serve(self) -> None:
        """Take the reports that are there. Does not wait."""
        self._client.poll(0)
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
        """Wait for what is on its way, at most so long; `serve` then settles it. On another thread, as last call."""
        self._client.flush(seconds)
