"""Where a worker finds writer schemas: the released ones, the schema topic, the registry."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from headwater.errors import ContractError, HeadwaterError
from headwater.schemas import framing, records
from headwater.schemas.records import Schema
from headwater.schemas.topics import SCHEMAS, TOPICS, Topic
from headwater.settings import Settings
from headwater.streams.clients import Reader, publish
from headwater.streams.reading import SchemaName

_log = logging.getLogger("headwater.streams")

#: How long a partition waits for a schema that nobody knows.
WAIT_SECONDS = 5.0
#: How long a schema that was waited for in vain is not waited for again.
MISSED_SECONDS = 60.0


class Registry(Protocol):
    """What is asked of a Schema Registry."""

    def schema(self, registry_id: int) -> Schema | None:
        """The schema of that id; None where there is none. Raises Unavailable, ContractError."""
        ...

    def register(self, topic: Topic, schema: Schema, settings: Settings) -> int:
        """The id of a topic's schema. Raises Unavailable, ContractError."""
        ...


class SchemaBook:
    """All schemas known so far. Threads share it; `start` begins to read the schema topic."""

    def __init__(
        self, settings: Settings, registry: Registry | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._clock = clock
        self._known: dict[SchemaName, Schema] = {}
        self._missed: dict[SchemaName, float] = {}
        self._changed = threading.Condition()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="schema-topic", daemon=True)
        for record in records.RECORDS:
            for schema in records.released(record):
                self.add(schema)

    def add(self, schema: Schema) -> None:
        """Make a schema known by its fingerprint."""
        with self._changed:
            self._known[SchemaName(fingerprint=schema.fingerprint)] = schema
            self._changed.notify_all()

    def find(self, name: SchemaName) -> Schema | None:
        """The schema, where it is known by now."""
        return self._known.get(name)

    def missed(self, name: SchemaName) -> bool:
        """Whether it was waited for in vain less than MISSED_SECONDS ago."""
        until = self._missed.get(name)
        return until is not None and self._clock() < until

    def wait(self, names: set[SchemaName], seconds: float = WAIT_SECONDS) -> set[SchemaName]:
        """Wait until all are known, at most so long; what is still unknown then, and counts as missed."""
        deadline = self._clock() + seconds
        while True:
            unknown = {name for name in names if name not in self._known}
            for name in [name for name in unknown if name.registry_id is not None]:
                if self._ask_registry(name):
                    unknown.discard(name)
            left = deadline - self._clock()
            if not unknown or left <= 0 or self._ended.is_set():
                break
            with self._changed:
                self._changed.wait(min(left, 0.5))
        for name in unknown:
            self._missed[name] = self._clock() + MISSED_SECONDS
        return unknown

    def start(self) -> None:
        """Read the schema topic from its beginning and follow it, in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(5)

    def _ask_registry(self, name: SchemaName) -> bool:
        if self._registry is None or name.registry_id is None:
            return False
        try:
            schema = self._registry.schema(name.registry_id)
        except HeadwaterError as error:
            _log.warning("registry: %s", error)
            return False
        if schema is None:
            return False
        with self._changed:
            self._known[name] = schema
        self.add(schema)
        return True

    def _follow(self) -> None:
        while not self._ended.is_set():
            reader = Reader(self._settings)
            try:
                self._read(reader)
            except HeadwaterError as error:
                _log.warning("schema topic: %s; trying again", error)
                self._ended.wait(1.0)
            finally:
                reader.close()

    def _read(self, reader: Reader) -> None:
        partitions = reader.partitions(SCHEMAS.name)
        if not partitions:
            self._ended.wait(1.0)
            return
        reader.assign({(SCHEMAS.name, partition): 0 for partition in partitions})
        while not self._ended.is_set():
            for chunk in reader.poll(1000, 0.2):
                for value in chunk.values:
                    self._take(value)

    def _take(self, value: bytes) -> None:
        try:
            self.add(records.parse(value.decode()))
        except (ContractError, UnicodeDecodeError) as error:
            _log.warning("schema topic: a message is no schema: %s", error)


def publish_released(settings: Settings, names: tuple[str, ...]) -> None:
    """Put the schemas that we write on the schema topic. Repeating it changes nothing. Raises Unavailable."""
    current = [records.current(name) for name in names]
    publish(settings, SCHEMAS.name, [(schema.fingerprint_bytes, schema.text.encode()) for schema in current])


def register_released(registry: Registry, settings: Settings, names: tuple[str, ...]) -> dict[str, bytes]:
    """Register the schemas that we write; by topic (without prefix), the header of its messages in Confluent's form.

    Raises Unavailable, and ContractError where the registry refuses one.
    """
    return {
        topic.name: framing.confluent_header(registry.register(topic, records.current(topic.record), settings))
        for topic in TOPICS.values()
        if topic.record is not None and topic.record in names
    }
