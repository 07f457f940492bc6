"""How messages leave the process: one daemon thread, started with the first message, re-made after a fork."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from headwater.producer._kafka import Transport, check, immortal
from headwater.producer._outbox import Messages, Outbox, size
from headwater.producer.stats import Stats
from headwater.settings import Settings

if TYPE_CHECKING:
    from headwater.schemas.registry import Registry

_log: Final = logging.getLogger("headwater.producer")
#: How long messages gather before they are handed over together, seconds.
_GATHER: Final = 0.005
#: How often an idle thread looks for reports while messages are on their way, seconds.
_LOOK: Final = 0.05
#: Wait after a failure that nobody foresaw, seconds.
_BACKOFF: Final = 0.2


class Delivery(Protocol):
    """Where a producer's messages go. Nothing here raises or waits, except `flush` and `close`, up to a deadline."""

    def submit(self, topic: str, key: bytes, value: bytes) -> None:
        """Take a message in single-object encoding; `topic` is the base name."""
        ...

    def drop(self, reason: str, count: int = 1) -> None:
        """Count messages that are lost."""
        ...

    def flush(self, seconds: float) -> bool:
        """Wait until all is confirmed; False where the time was too short."""
        ...

    def close(self, seconds: float) -> None:
        """Send what is left, within the time, and end."""
        ...

    def stats(self, emitted: int) -> Stats:
        """The numbers."""
        ...

    def drops(self) -> dict[str, int]:
        """Drops by reason."""
        ...

    def forked(self) -> None:
        """Start anew in the child of a fork: what waits belongs to the parent."""
        ...


class KafkaDelivery:
    """Delivery to Kafka."""

    def __init__(self, settings: Settings, heartbeat: Callable[[], None], chore: Callable[[], bool]) -> None:
        self._settings = settings
        #: Called every `alive_seconds` by the sending thread.
        self._heartbeat = heartbeat
        #: Called by the sending thread again and again until it returns True.
        self._chore = chore
        self._transport: Transport | None = None
        check(settings)
        self._reset()

    def _reset(self) -> None:
        self._outbox = Outbox(self._settings.queue_bytes // 2)
        self._drops: Counter[str] = Counter()
        self._backlog: Messages = {}
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._wake = threading.Lock()
        self._wake.acquire()
        self._asleep = False
        self._hurry = False
        self._deadline: float | None = None
        self._closed = False
        self._pending = 0
        self._registry = _registry(self._settings)

    # What callers do.

    def submit(self, topic: str, key: bytes, value: bytes) -> None:
        if self._closed:
            self._drops["closed"] += 1
            return
        if not self._outbox.put(topic, key, value):
            self._drops["queue_full"] += 1
        if self._asleep:
            self._rouse()
        elif self._thread is None:
            self._start()

    def drop(self, reason: str, count: int = 1) -> None:
        self._drops[reason] += count

    def drops(self) -> dict[str, int]:
        return dict(self._drops)

    def _rouse(self) -> None:
        self._asleep = False
        with contextlib.suppress(RuntimeError):  # another caller was faster
            self._wake.release()

    def _start(self) -> None:
        if not self._starting.acquire(blocking=False):
            return
        try:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="headwater-producer", daemon=True)
                thread.start()
                self._thread = thread
                _close_with_multiprocessing(self)
        except RuntimeError as error:  # the interpreter is ending: what is queued is counted by close
            _log.warning("cannot start the sending thread: %s", error)
        finally:
            self._starting.release()

    def flush(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        self._hurry = True
        try:
            while not self._idle():
                if time.monotonic() >= deadline:
                    return False
                if self._asleep:
                    self._rouse()
                time.sleep(0.001)
            return True
        finally:
            self._hurry = False

    def _idle(self) -> bool:
        if self._thread is None:
            return self._outbox.empty
        transport = self._transport
        return self._outbox.empty and self._pending == 0 and transport is not None and transport.outstanding() == 0

    def close(self, seconds: float) -> None:
        if self._closed:
            return
        self._closed = True
        self._deadline = time.monotonic() + seconds
        thread = self._thread
        if thread is None:
            self._drop_all(self._outbox.take())
            return
        self._rouse()
        # A second beyond the deadline: to take back what librdkafka holds, and to count it.
        thread.join(seconds + 1.0)
        if thread.is_alive() and self._transport is not None:
            self._transport.abandon()

    def stats(self, emitted: int) -> Stats:
        transport = self._transport
        delivered = transport.delivered() if transport else 0
        drops = dict(self._drops)
        return Stats(
            emitted=emitted,
            delivered=delivered,
            pending=max(0, emitted - delivered - sum(drops.values())),
            queued_bytes=self._outbox.queued_bytes,
            drops=drops,
            last_error=transport.last_error if transport else "",
        )

    def forked(self) -> None:
        if self._transport is not None:
            self._transport.abandon()
            self._transport = None
        immortal(self._backlog)
        self._reset()

    # What the sending thread does.

    def _run(self) -> None:
        alive_at = time.monotonic() + self._settings.alive_seconds
        chores_done = False
        while not self._finished():
            try:
                if self._transport is None:
                    self._transport = Transport(self._settings, self.drop, self._registry)
                if time.monotonic() >= alive_at and not self._closed:
                    alive_at = time.monotonic() + self._settings.alive_seconds
                    self._heartbeat()
                chores_done = chores_done or self._chore()
                self._round(self._transport, alive_at if chores_done else time.monotonic() + _LOOK)
            except Exception as error:
                # Whatever it is, the host must not notice, and the thread must not end.
                _log.error("cannot send: %s: %s", type(error).__name__, error, exc_info=error)
                if self._transport is not None:
                    self._transport.last_error = f"{type(error).__name__}: {error}"
                time.sleep(_BACKOFF)
        self._finish()

    def _round(self, transport: Transport, alive_at: float) -> None:
        for topic, messages in self._outbox.take().items():
            self._backlog.setdefault(topic, []).extend(messages)
        self._pending = sum(map(len, self._backlog.values()))
        transport.poll(0)
        for topic, messages in transport.returned().items():
            self._outbox.release(-sum(map(size, messages)))
            self._backlog[topic] = messages + self._backlog.get(topic, [])
        if self._backlog and transport.announce(set(self._backlog)):
            self._hand_over(transport)
        self._pending = sum(map(len, self._backlog.values()))
        if self._hurry or self._closed:
            transport.poll(0.001)
        elif self._backlog:
            transport.poll(_LOOK)
        else:
            self._rest(_LOOK if transport.outstanding() else max(0.0, alive_at - time.monotonic()))
            time.sleep(_GATHER)

    def _hand_over(self, transport: Transport) -> None:
        for topic, messages in list(self._backlog.items()):
            left = transport.send(topic, messages)
            self._outbox.release(sum(map(size, messages)) - sum(map(size, left)))
            if left:
                self._backlog[topic] = left
            else:
                del self._backlog[topic]

    def _rest(self, seconds: float) -> None:
        """Sleep until roused."""
        self._asleep = True
        if self._outbox.empty and not self._closed:
            self._wake.acquire(timeout=seconds)
        self._asleep = False

    def _finished(self) -> bool:
        if not self._closed:
            return False
        return self._idle() or (self._deadline is not None and time.monotonic() >= self._deadline)

    def _finish(self) -> None:
        transport = self._transport
        if self._registry is not None:
            self._registry.close()
        if transport is not None:
            if transport.outstanding():
                transport.retrieve()
            self._drop_all(transport.returned())
        self._drop_all(self._backlog)
        self._drop_all(self._outbox.take())
        if self._registry is not None:
            self._registry.close()

    def _drop_all(self, messages: Messages) -> None:
        if lost := sum(map(len, messages.values())):
            self._drops["exit"] += lost
            _log.warning("%d events could not be sent before the process ended", lost)


def _registry(settings: Settings) -> Registry | None:
    if not settings.registry_url:
        return None
    from headwater.schemas.registry import Registry  # noqa: PLC0415 — brings an HTTP client, where one is wanted

    return Registry.of(settings)


def _close_with_multiprocessing(delivery: KafkaDelivery) -> None:
    """A child of multiprocessing ends without atexit, but with its own finalizers."""
    util = sys.modules.get("multiprocessing.util")
    process = sys.modules.get("multiprocessing.process")
    if util is not None and process is not None and process.parent_process() is not None:
        util.Finalize(None, delivery.close, args=(5.0,), exitpriority=10)
