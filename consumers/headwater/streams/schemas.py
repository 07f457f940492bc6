"""Where a worker finds writer schemas: the released ones, the schema topic, the registry."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

from headwater.errors import ContractError, HeadwaterError, Unavailable
from headwater.schemas import framing, records
from headwater.schemas.records import Schema
from headwater.schemas.topics import SCHEMAS, TOPICS, Topic
from headwater.settings import Settings
from headwater.streams.clients import Reader
from headwater.streams.reading import SchemaName
from headwater.streams.sending import publish

_log = logging.getLogger("headwater.streams")

#: How long a partition waits for a schema that nobody knows, while those who may know it can be asked.
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
        self._waiting = 0
        self._waiters = ThreadPoolExecutor(4, "schemas")
        #: When the schema topic was last seen to have nothing that was not read; asked while somebody waits.
        self._read_whole_at = float("-inf")
        self._ends: dict[tuple[str, int], tuple[int, float]] = {}
        self._said: dict[str, str] = {}
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

    def wait(
        self, names: set[SchemaName], seconds: float = WAIT_SECONDS, ended: Callable[[], bool] = lambda: False
    ) -> set[SchemaName]:
        """Wait until all are known; what is still unknown in the end.

        After `seconds` a schema is missed where the registry does not have it and the schema topic, read to its
        end, does not either: while one of them cannot be asked, waiting goes on. `ended` ends it too.
        """
        deadline = self._clock() + seconds
        with self._changed:
            self._waiting += 1
        try:
            while True:
                unknown = {name for name in names if name not in self._known}
                asked = self._ask_registry(unknown)
                unknown -= self._known.keys()
                now = self._clock()
                if not unknown or self._ended.is_set() or ended():
                    return unknown
                if now >= deadline and asked and (self._read_whole_at >= deadline or not self._thread.is_alive()):
                    for name in unknown:
                        self._missed[name] = now + MISSED_SECONDS
                    return unknown
                with self._changed:
                    self._changed.wait(min(max(deadline - now, 0.1), 0.5))
        finally:
            with self._changed:
                self._waiting -= 1

    async def waited(self, names: set[SchemaName], ended: Callable[[], bool]) -> None:
        """As `wait`, from an event loop, on threads that nothing else needs."""
        await asyncio.get_running_loop().run_in_executor(self._waiters, partial(self.wait, names, ended=ended))

    def start(self) -> None:
        """Read the schema topic from its beginning and follow it, in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        with self._changed:
            self._changed.notify_all()
        self._waiters.shutdown(wait=False, cancel_futures=True)
        if self._thread.is_alive():
            self._thread.join(5)

    def _ask_registry(self, names: set[SchemaName]) -> bool:
        """Ask for those that are its; whether it answered."""
        for name in names:
            if self._registry is None or name.registry_id is None:
                continue
            try:
                schema = self._registry.schema(name.registry_id)
            except Unavailable as error:
                self._warn("registry", str(error))
                return False
            except HeadwaterError as error:
                self._warn("registry", str(error))
                continue
            self._said.pop("registry", None)
            if schema is not None:
                with self._changed:
                    self._known[name] = schema
                self.add(schema)
        return True

    def _warn(self, source: str, why: str) -> None:
        """Say it where it is not what was said last."""
        if self._said.get(source) != why:
            self._said[source] = why
            _log.warning("%s: %s; trying again", source, why)

    def _follow(self) -> None:
        while not self._ended.is_set():
            reader = Reader(self._settings)
            try:
                self._read(reader)
            except HeadwaterError as error:
                self._warn("schema topic", str(error))
                self._ended.wait(1.0)
            finally:
                reader.close()

    def _read(self, reader: Reader) -> None:
        partitions = reader.partitions(SCHEMAS.name)
        if not partitions:
            self._read_whole_at = self._clock()
            self._ended.wait(1.0)
            return
        positions = {(SCHEMAS.name, partition): 0 for partition in partitions}
        reader.assign(positions)
        while not self._ended.is_set():
            for chunk in reader.poll(1000, 0.2):
                positions[chunk.place] = chunk.end
                for value in chunk.values:
                    self._take(value)
            now = self._clock()
            if self._waiting and all(self._is_read(reader, place, at) for place, at in positions.items()):
                self._read_whole_at = now
                self._said.pop("schema topic", None)

    def _is_read(self, reader: Reader, place: tuple[str, int], position: int) -> bool:
        """Whether a partition has no message from the position on. Raises Unavailable."""
        low, high = reader.ends(place)
        before, since = self._ends.get(place, (-1, 0.0))
        if high != before:
            self._ends[place] = high, self._clock()
        # What stands at the end may be no message (a transaction's mark): then the end is not moved by reading.
        still = high == before and place in reader.ended and self._clock() - since >= WAIT_SECONDS
        return position >= high or low >= high or still

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
