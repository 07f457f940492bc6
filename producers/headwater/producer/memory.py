"""A producer for tests: its events can be asserted on, and what a service would never see is raised."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from headwater import schemas
from headwater.producer._core import now_us
from headwater.producer.producer import Producer
from headwater.producer.stats import Stats
from headwater.schemas import framing, records, topics
from headwater.settings import Settings


class Emitted(NamedTuple):
    """One message as it would stand on Kafka, decoded. `topic`: without the prefix."""

    topic: str
    key: bytes
    value: dict[str, Any]


@dataclass
class ToldRun:
    """A run as all its events together tell it. Datasets are namespace/name, with @version where one was named."""

    run_id: uuid.UUID
    namespace: str
    job: str
    #: START, RUNNING, COMPLETE, …, in the order in which they were told.
    states: list[str] = field(default_factory=list[str])
    inputs: list[str] = field(default_factory=list[str])
    outputs: list[str] = field(default_factory=list[str])
    #: As they were given, as far as JSON can hold them.
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])
    metrics: dict[str, float] = field(default_factory=dict[str, float])
    facets: dict[str, Any] = field(default_factory=dict[str, Any])
    #: Column lineage: (output, its column, source, its column); None for a whole dataset.
    lineage: list[tuple[str, str | None, str, str | None]] = field(
        default_factory=list[tuple[str, str | None, str, str | None]]
    )
    #: The exception's type and message; empty where the run did not fail.
    error: str = ""
    parent: uuid.UUID | None = None

    @property
    def state(self) -> str:
        """The last that was told of it."""
        return self.states[-1]

    def add(self, event: Mapping[str, Any]) -> None:
        """What one more event tells."""
        run = event["run"]
        self.states.append(run["state"])
        self.parent = uuid.UUID(bytes=run["parent"]["run_id"]) if run["parent"] else None
        self.facets.update((name, json.loads(value)) for name, value in run["facets"].items())
        self.parameters.update((name, json.loads(value)) for name, value in event["parameters"].items())
        self.metrics.update((metric["name"], metric["value"]) for metric in event["metrics"])
        for known, datasets in ((self.inputs, event["inputs"]), (self.outputs, event["outputs"])):
            known.extend(_new(map(_named, datasets), known))
        for output in event["outputs"]:
            columns = ((_named(output), c["target_column"], _named(c), c["column"]) for c in output["column_lineage"])
            self.lineage.extend(_new(columns, self.lineage))
        if event["error"]:
            self.error = f"{event['error']['type']}: {event['error']['message']}"


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
            Emitted(topic, key, schemas.decode(records.current(topics.TOPICS[topic].record or ""), _body(value)))
            for topic, key, value in self._memory.messages
        ]

    @property
    def events(self) -> list[dict[str, Any]]:
        """Run, job and dataset events."""
        return self.of(topics.RUNS.name)

    def runs(self, job: str | None = None) -> list[ToldRun]:
        """Each run (of the job of that name), in the order in which they began."""
        found: dict[bytes, ToldRun] = {}
        for event in self.events:
            run = event["run"]
            if run is not None and job in (None, event["job"]["name"]):
                told = ToldRun(uuid.UUID(bytes=run["run_id"]), event["job"]["namespace"], event["job"]["name"])
                found.setdefault(run["run_id"], told).add(event)
        return list(found.values())

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


def _named(dataset: Mapping[str, Any]) -> str:
    name = f"{dataset['namespace']}/{dataset['name']}"
    return name if dataset["version"] is None else f"{name}@{dataset['version']}"


def _new(items: Iterable[Any], known: list[Any]) -> list[Any]:
    return [item for item in dict.fromkeys(items) if item not in known]


def _body(message: bytes) -> bytes:
    return message[framing.SINGLE_OBJECT_HEADER :]
