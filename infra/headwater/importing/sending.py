"""Messages to the broker by the producer's own connection: schemas first, then batch after batch, each confirmed."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

from headwater.errors import StateError, Unavailable
from headwater.openlineage import Message
from headwater.producer._kafka import Transport
from headwater.producer._outbox import Messages
from headwater.schemas import records
from headwater.schemas.registry import Registry
from headwater.settings import Settings

#: How long the broker may give no sign, seconds.
PATIENCE: Final = 60.0


class Sending:
    """Sends what it is given and returns when the broker has it."""

    def __init__(self, settings: Settings, patience: float = PATIENCE) -> None:
        self._settings = settings
        self._patience = patience
        self._transport = Transport(settings, Registry.of(settings))

    def send(self, messages: Iterable[Message]) -> None:
        """Send in order and wait. Raises Unavailable, and StateError where the broker refuses a message for good."""
        waiting: Messages = {}
        for topic, key, value in messages:
            waiting.setdefault(topic.name, []).append({"key": key, "value": value})
        schemas = {message.topic.name: str(message.topic.record) for message in messages}
        left = sum(map(len, waiting.values()))
        deadline = time.monotonic() + self._patience
        while waiting:
            for name in list(waiting):
                schema = records.current(schemas[name]).text
                if self._transport.ready(name, schema):
                    self._transport.send(name, schema, waiting.pop(name))
            while self._transport.outstanding() and time.monotonic() < deadline:
                self._transport.poll(0.05)
            if self._transport.outstanding():
                self._transport.retrieve()
            returned, refused = self._transport.batch_is_over()
            for name, of in refused.items():
                raise StateError(f"{self._settings.prefix}{name} refuses a message of this import: {of[0].reason}")
            for name, messages_of in returned.items():
                waiting[name] = [*messages_of, *waiting.get(name, [])]
            still = sum(map(len, waiting.values()))
            if still < left:
                left, deadline = still, time.monotonic() + self._patience
            elif time.monotonic() >= deadline:
                why = f": {self._transport.last_error}" if self._transport.last_error else ""
                raise Unavailable(
                    f"broker {self._settings.brokers} took nothing for {self._patience:g} s{why}; the same command "
                    "goes on where this one stopped"
                )
            elif waiting:
                time.sleep(0.02)
