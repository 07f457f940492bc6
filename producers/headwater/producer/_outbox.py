"""The queue between the host's threads and the sending thread: bounded in bytes, never waits for anyone."""

from __future__ import annotations

import threading
import time
from typing import Final, TypedDict

#: What Python keeps beside the bytes of one message (a dict, two bytes objects, places in lists), about.
OVERHEAD: Final = 350

# Threads that emit without a pause keep the interpreter to themselves, and the sending thread falls behind. So once
# the queue fills, one call in so many (far fewer than one in a hundred: others have to wait for their turn, too) gives
# way: by the fourth power of how full it is, 0.8 ms at a quarter and 12 ms at the half. Without it, 4 such threads lost
# half of 200,000 events; with it, none.
_GIVE_WAY_EVERY: Final = 300
_GIVE_WAY_SECONDS: Final = 0.2
#: … and never longer than four turns of other threads (the interpreter's switch interval is 5 ms), seconds.
_GIVE_WAY_MOST: Final = 0.02
#: Callers that all together took longer for so many calls (below 20,000 a second) make pauses of their own: they never
#: wait.
_HASTE: Final = 0.015


class Message(TypedDict):
    """A message as confluent-kafka's produce_batch wants it."""

    key: bytes
    value: bytes


#: Messages by topic (base name, without the prefix), each topic's in order.
Messages = dict[str, list[Message]]


class Outbox:
    """Messages that wait for the sending thread."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._crowd = limit // 4
        self._waiting: Messages = {}
        self._bytes = self._count = 0
        self._counted_at = 0.0
        # Re-entrant: a signal handler or finalizer of the host may emit while its own thread holds it.
        self._lock = threading.RLock()

    def put(self, topic: str, key: bytes, value: bytes) -> bool:
        """Queue a message; False where it does not fit."""
        needed = len(key) + len(value) + OVERHEAD
        message: Message = {"key": key, "value": value}
        with self._lock:
            if self._bytes + needed > self.limit:
                return False
            self._bytes += needed
            try:
                waiting = self._waiting[topic]
            except KeyError:
                waiting = self._waiting[topic] = []
            waiting.append(message)
            self._count = count = self._count + 1
        if not count % _GIVE_WAY_EVERY:
            self._give_way()
        return True

    def _give_way(self) -> None:
        before, self._counted_at = self._counted_at, time.monotonic()
        if self._bytes > self._crowd and self._counted_at - before < _HASTE:
            time.sleep(min(_GIVE_WAY_SECONDS * (self._bytes / self.limit) ** 4, _GIVE_WAY_MOST))

    def take(self) -> Messages:
        """All that waits. It counts as queued until `release`."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        return waiting

    def release(self, count: int) -> None:
        """So many bytes have left; less than none: that many came back."""
        with self._lock:
            self._bytes -= count

    @property
    def crowded(self) -> bool:
        """Whether more waits than should."""
        return self._bytes > self._crowd

    @property
    def queued_bytes(self) -> int:
        """What has been put and not released."""
        return self._bytes

    @property
    def empty(self) -> bool:
        """Whether nothing waits to be taken."""
        return not self._waiting
