"""The disk: what the broker does not take is fsynced before it is answered, and sent when the broker is back."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from headwater.gateway.broker import Broker
from headwater.gateway.waiting import Waiting
from headwater.openlineage import Message
from headwater.producer._kafka import Transport
from headwater.producer._outbox import Messages
from headwater.producer._spool import Mark, Spool
from headwater.schemas import records, topics
from headwater.schemas.registry import Registry
from headwater.settings import Settings

_log: Final = logging.getLogger("headwater.gateway")
#: Of the records that the gateway sends, whose schemas readers must find.
_TOPICS: Final = (topics.RUNS, topics.PROFILES, topics.VERDICTS)
#: How long a batch from the disk may be without a sign of the broker, seconds.
_PATIENCE: Final = 3.0
_LOOK_SECONDS: Final = 0.2
_TAKE_OVER_SECONDS: Final = 10.0
_BATCH_BYTES: Final = 1024 * 1024


class Spooling:
    """A thread with the spool, and a second client that sends what is in it and sees to the schemas."""

    def __init__(self, settings: Settings, broker: Broker, kept: Callable[[list[Waiting], bool], None]) -> None:
        """`kept` is called on the thread with requests that are on the disk (True) or nowhere (False)."""
        self._broker = broker
        self._kept = kept
        # Each answer waits for its own fsync; those that wait together share one.
        self._spool = Spool(replace(settings, spool_sync_seconds=0.0), self._lost)
        self._transport = Transport(settings, Registry.of(settings))
        self._asked: queue.SimpleQueue[Waiting] = queue.SimpleQueue()
        #: By topic: read from the spool, not confirmed.
        self._flying: dict[str, tuple[Messages, Mark]] = {}
        self._announced = False
        self._took_over_at = float("-inf")
        self._ended = threading.Event()
        self.usable = self._spool.usable
        #: Bytes on the disk, and events that were written there since the start; those of the disk that were lost.
        self.bytes = self.spooled = self.lost = 0
        self._thread = threading.Thread(target=self._run, name="gateway-spool", daemon=True)
        self._thread.start()

    def keep(self, waiting: Waiting) -> None:
        """Put what the broker did not take of a request on the disk. From any thread."""
        self._asked.put(waiting)

    def _lost(self, reason: str, count: int, _own: bool) -> None:
        self.lost += count
        _log.error("%d events of the spool are lost: %s", count, reason)

    def _run(self) -> None:
        while not self._ended.is_set() or not self._asked.empty():
            try:
                self._turn()
            except Exception:
                _log.exception("the spool")
                time.sleep(_LOOK_SECONDS)

    def _turn(self) -> None:
        asked = self._taken()
        if asked:
            self._write(asked)
        if self._ended.is_set():
            return
        if time.monotonic() - self._took_over_at > _TAKE_OVER_SECONDS:
            self._took_over_at = time.monotonic()
            self._spool.take_over()
        # A broker that does not answer is sent no schemas: each try that fails makes the pause before the next longer.
        if not self._broker.up and self._broker.answers():
            self._announced = self._announced or self._announce()
            self._broker.up = self._announced
        if self._broker.up:
            self._drain()
        self.bytes = self._spool.size
        self.usable = self._spool.usable

    def _taken(self) -> list[Waiting]:
        """All that wait; where nobody does, waits a little."""
        asked: list[Waiting] = []
        try:
            asked.append(self._asked.get(timeout=_LOOK_SECONDS))
            while True:
                asked.append(self._asked.get_nowait())
        except queue.Empty:
            return asked

    def _write(self, asked: list[Waiting]) -> None:
        by_topic: dict[str, list[Message]] = {}
        for waiting in asked:
            for message in waiting.failed or waiting.messages:
                by_topic.setdefault(message.topic.name, []).append(message)
        whole = self._spool.usable
        for name, messages in by_topic.items():
            if whole:
                appended = self._spool.append(name, [{"key": one.key, "value": one.value} for one in messages])
                whole = appended.events == len(messages)
        if whole:
            self._spool.sync()
            # The spool raises nothing: it says what the disk refused.
            whole = not self._spool.error
        if whole:
            self.spooled += sum(map(len, by_topic.values()))
        # Where it is not whole nobody is told so: what stands there of them is sent, and comes again as the same.
        self._kept(asked, whole)
        self.bytes = self._spool.size

    def _announce(self) -> bool:
        """See to it that readers find our schemas; whether they do."""
        ready = [self._transport.ready(topic.name, _schema(topic)) for topic in _TOPICS]
        self._settle()
        if not all(ready):
            ready = [self._transport.ready(topic.name, _schema(topic)) for topic in _TOPICS]
        for topic in _TOPICS:
            header = self._transport.header(topic.name, _schema(topic))
            if header is not None:
                self._broker.headers[topic.name] = header
        return all(ready)

    def _settle(self) -> Messages:
        """Wait for what is on its way; what came back."""
        ends = time.monotonic() + _PATIENCE
        while self._transport.outstanding() and time.monotonic() < ends and self._asked.empty():
            self._transport.poll(0.05)
        if self._transport.outstanding():
            self._transport.retrieve()
        returned, refused = self._transport.batch_is_over()
        for name, of in refused.items():
            self._lost(f"{name}: {of[0].reason}", len(of), True)
        return returned

    def _drain(self) -> None:
        """A batch from the disk to the broker."""
        for name in self._spool.topics() - self._flying.keys():
            read = self._spool.read(name, _BATCH_BYTES)
            if read is not None:
                self._flying[name] = ({read.schema: read.messages}, read.mark)
        if not self._flying:
            return
        for name, (batches, _) in self._flying.items():
            for schema, messages in batches.items():
                if self._transport.ready(name, schema):
                    self._transport.send(name, schema, messages)
                    batches[schema] = []
        returned = self._settle()
        for name in list(self._flying):
            batches, mark = self._flying[name]
            for schema in batches:
                batches[schema] += returned.get(name, [])
            if not any(batches.values()):
                del self._flying[name]
                self._spool.confirm(mark)

    def close(self) -> None:
        """Write what waits to be written, and leave the rest to the next process."""
        self._ended.set()
        self._thread.join(10.0)
        self._spool.close()


def _schema(topic: topics.Topic) -> str:
    return records.current(str(topic.record)).text
