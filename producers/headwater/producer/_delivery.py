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

from headwater.producer import _forks
from headwater.producer._kafka import check
from headwater.producer._outbox import Outbox
from headwater.producer._sending import Sender, batch_bytes
from headwater.producer.stats import Stats
from headwater.secrets import loggable
from headwater.settings import Settings

if TYPE_CHECKING:
    from headwater.schemas.registry import Registry

_log: Final = logging.getLogger("headwater.producer")
#: How long messages gather before they are handed over together, seconds.
_GATHER: Final = 0.005
#: How long the thread waits for a batch before it looks at what came meanwhile, seconds.
_WAIT: Final = 0.01
#: How often it looks while the broker is away, or something is paused, seconds.
_LOOK: Final = 0.05
#: Wait after a failure that nobody foresaw, seconds.
_BACKOFF: Final = 0.2
#: Before the deadline of `close`, to put what is left into the spool, seconds.
_TO_SPOOL: Final = 0.3
#: A call to the registry takes no longer: meanwhile nothing else is done, seconds.
_REGISTRY_SECONDS: Final = 2.0


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
        check(settings)
        self._reset()

    def _reset(self) -> None:
        self._drops: Counter[str] = Counter()
        self._dropping = threading.RLock()
        # A batch is kept here, copied by librdkafka, and copied once more on its way to or from the disk; and what
        # takes memory is never filled without gaps.
        self._outbox = Outbox(self._settings.queue_bytes * 3 // 4 - 3 * batch_bytes(self._settings))
        self._registry = _registry(self._settings)
        self._sender = Sender(self._settings, self._outbox, self.drop, self._registry)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._wake = threading.Lock()
        self._wake.acquire()
        self._asleep = False
        self._hurry = False
        self._deadline: float | None = None
        self._closed = False
        self._quiet = True
        self._error = ""

    # What callers do.

    def submit(self, topic: str, key: bytes, value: bytes) -> None:
        if self._closed:
            self.drop("closed")
            return
        if not self._outbox.put(topic, key, value):
            self.drop(self._sender.refusal)
        if self._asleep:
            self._rouse()
        elif self._thread is None:
            self._start()

    def drop(self, reason: str, count: int = 1) -> None:
        with self._dropping:
            self._drops[reason] += count

    def drops(self) -> dict[str, int]:
        with self._dropping:
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
                self._sender.begin()
                thread = threading.Thread(target=self._run, name="headwater-producer", daemon=True)
                thread.start()
                self._thread = thread
                _close_with_multiprocessing(self, self._settings.exit_seconds)
        except RuntimeError as error:  # the interpreter is ending: close puts what is queued into the spool
            _log.warning("cannot start the sending thread: %s", error)
        finally:
            self._starting.release()

    def flush(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        self._hurry = True
        pause = 0.001
        try:
            while not self._idle():
                if time.monotonic() >= deadline:
                    return False
                if self._asleep:
                    self._rouse()
                time.sleep(pause)
                pause = min(2 * pause, 0.01)
            return True
        finally:
            self._hurry = False

    def _idle(self) -> bool:
        # In this order: the thread takes from the outbox only after it said that it is not quiet.
        return self._outbox.empty and self._quiet

    def close(self, seconds: float) -> None:
        if self._closed:
            return
        self._closed = True
        self._deadline = time.monotonic() + seconds
        thread = self._thread
        if thread is None:
            if not self._outbox.empty:
                self._finish()
            return
        self._rouse()
        # A second beyond the deadline: to take back what librdkafka holds, and to count it.
        thread.join(seconds + 1.0)
        if thread.is_alive() and self._sender.transport is not None:
            self._sender.transport.abandon()

    def stats(self, emitted: int) -> Stats:
        sender = self._sender
        drops = self.drops()
        on_their_way = emitted - sender.delivered - sum(drops.values()) + sender.others_lost
        return Stats(
            emitted=emitted,
            delivered=sender.delivered,
            pending=max(0, on_their_way),
            queued_bytes=self._outbox.queued_bytes,
            drops=drops,
            last_error=self._error or (sender.transport.last_error if sender.transport else ""),
            spooled=max(0, sender.spooled),
            spool_bytes=sender.spool_bytes,
            recovered=sender.recovered,
            spool_error=sender.spool.error,
        )

    def forked(self) -> None:
        self._sender.forked()
        self._reset()

    # What the sending thread does.

    def _run(self) -> None:
        alive_at = time.monotonic() + self._settings.alive_seconds
        chores_done = False
        while not self._finished():
            try:
                if time.monotonic() >= alive_at and not self._closed:
                    alive_at = time.monotonic() + self._settings.alive_seconds
                    self._heartbeat()
                    self._sender.take_over()
                chores_done = chores_done or self._chore()
                self._turn(alive_at if chores_done else time.monotonic() + _LOOK)
                self._error = ""
            except Exception as error:
                # Whatever it is, the host must not notice, and the thread must not end.
                told = loggable(error)
                _log.error("cannot send: %s: %s", type(error).__name__, told, exc_info=told)
                self._error = f"{type(error).__name__}: {told}"
                time.sleep(_BACKOFF)
        self._finish()

    def _turn(self, alive_at: float) -> None:
        sender = self._sender
        self._quiet = False
        sender.turn(self._outbox.take())
        self._quiet = quiet = sender.quiet
        urgent = self._hurry or self._closed
        if sender.in_flight and not sender.away:
            sender.wait(_WAIT)
            if urgent or sender.eager:
                return
        elif urgent:
            time.sleep(0.001)
            return
        else:
            self._rest(max(0.0, alive_at - time.monotonic()) if quiet else _LOOK)
        if not self._outbox.crowded:
            time.sleep(_GATHER)

    def _rest(self, seconds: float) -> None:
        """Sleep until roused."""
        self._asleep = True
        if self._outbox.empty and not self._closed:
            self._wake.acquire(timeout=seconds)
        self._asleep = False

    def _finished(self) -> bool:
        if not self._closed or self._deadline is None:
            return False
        if self._idle() or (self._sender.given_up and self._outbox.empty):
            return True
        return time.monotonic() >= self._deadline - min(_TO_SPOOL, self._settings.exit_seconds / 5)

    def _finish(self) -> None:
        self._sender.queue(self._outbox.take())
        try:
            if lost := self._sender.finish():
                _log.warning("%d events could not be sent before the process ended", lost)
        except Exception as error:  # as in `_run`
            told = loggable(error)
            _log.error("cannot end in order: %s: %s", type(error).__name__, told, exc_info=told)
        if self._registry is not None:
            self._registry.close()


def _registry(settings: Settings) -> Registry | None:
    if not settings.registry_url:
        return None
    with _forks.making():
        from headwater.schemas.registry import Registry  # noqa: PLC0415 — brings an HTTP client, where one is wanted

    return Registry(settings.registry_url, settings.registry_auth, _REGISTRY_SECONDS)


def _close_with_multiprocessing(delivery: KafkaDelivery, seconds: float) -> None:
    """A child of multiprocessing ends without atexit, but with its own finalizers."""
    util = sys.modules.get("multiprocessing.util")
    process = sys.modules.get("multiprocessing.process")
    if util is not None and process is not None and process.parent_process() is not None:
        util.Finalize(None, delivery.close, args=(seconds,), exitpriority=10)
