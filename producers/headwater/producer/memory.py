"""A producer for tests: its events can be asserted on, and what a service would never see is raised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from headwater.producer._core import now_us
from headwater.producer.producer import Producer
from headwater.producer.stats import Stats
from headwater.schemas import framing, plain, records, topics
from headwater.settings import Settings


class Emitted(NamedTuple):
    """One message as it would stand on Kafka, decoded. `topic`: without the prefix."""

    topic: str
    key: bytes
    value: dict[str, Any]


class _MemoryDelivery:
    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes, bytes]] = []
        self._drops: dict[str, int] = {}

    def submit(self, topic: str, key: bytes, value: bytes) -> None:
        self.messages.append((topic, key, value))

    def drop(self, reason: str, count: int = 1) -> None:
        self._drops[reason] = self._drops.get(reason, 0) + count

    def drops(self) -> dict[str, int]:
        return dict(self._drops)

    def flush(self, seconds: float) -> bool:  # noqa: ARG002 — as Delivery has it
        return True

    def close(self, seconds: float) -> None:
        """Nothing to close."""

    def stats(self, emitted: int) -> Stats:
        return Stats(emitted, len(self.messages), 0, 0, self.drops(), "")

    def forked(self) -> None:
        self.messages, self._drops = [], {}


class InMemoryProducer(Producer):
    """A Producer that keeps its messages.

    `strict`: errors in what it is given are raised; else they are counted, as in production.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        clock: Callable[[], int] = now_us,
        strict: bool = True,
        **arguments: Any,
    ) -> None:
        self._memory = _MemoryDelivery()
        super().__init__(
            settings or (None if arguments else Settings()), clock=clock, delivery=self._memory, **arguments
        )
        self._core.strict = strict

    @property
    def emitted(self) -> list[Emitted]:
        """All messages, decoded, in the order in which they were sent; the producer's own events too."""
        return [
            Emitted(topic, key, plain.decode(records.current(topics.TOPICS[topic].record or ""), _body(value)))
            for topic, key, value in self._memory.messages
        ]

    @property
    def events(self) -> list[dict[str, Any]]:
        """Run, job and dataset events."""
        return self.of(topics.RUNS.name)

    @property
    def predicted(self) -> list[dict[str, Any]]:
        """Predictions."""
        return self.of(topics.PREDICTIONS.name)

    @property
    def profiles(self) -> list[dict[str, Any]]:
        """Profiles, each part by itself."""
        return self.of(topics.PROFILES.name)

    def of(self, topic: str) -> list[dict[str, Any]]:
        """What was sent to one topic (base name)."""
        return [message.value for message in self.emitted if message.topic == topic]

    @property
    def messages(self) -> list[tuple[str, bytes, bytes]]:
        """Topic, key and value of each message, as they would go out."""
        return list(self._memory.messages)

    def clear(self) -> None:
        """Forget what was sent so far."""
        self._memory.messages.clear()


def _body(message: bytes) -> bytes:
    return message[framing.SINGLE_OBJECT_HEADER :]
