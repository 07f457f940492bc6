"""What the sending thread does with events: batch after batch to the broker, and to the spool what has to wait.

Each topic is a lane. In a lane stand, the oldest first: the part that is on its way, what the spool holds, what waits
in memory. One batch (a part of each lane, about `BATCH_BYTES`) is on its way at a time, so that a process that is
killed leaves at most one batch of which nobody knows whether the broker has it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from headwater.producer import _forks
from headwater.producer._kafka import Refused, Transport
from headwater.producer._lanes import Lane, Part, take
from headwater.producer._outbox import OVERHEAD, Message, Messages, Outbox
from headwater.producer._spool import Spool
from headwater.schemas import records, topics
from headwater.settings import Settings

if TYPE_CHECKING:
    from headwater.schemas.registry import Registry

#: The most that a batch takes, bytes; a single event may be larger.
BATCH_BYTES: Final = 2 * 1024 * 1024
#: After so long without a sign from the broker, what waits goes to the spool, seconds.
PATIENCE: Final = 1.0
#: How often the connection is looked after while the broker is away, seconds.
_LOOK: Final = 0.05


class Sender:
    """Everything between the outbox and the broker; used by one thread. `drop(reason, count)` counts what is lost."""

    def __init__(
        self, settings: Settings, outbox: Outbox, drop: Callable[[str, int], None], registry: Registry | None
    ) -> None:
        self._settings = settings
        self._outbox = outbox
        self._drop = drop
        self._registry = registry
        self._batch_bytes = batch_bytes(settings)
        self.spool = Spool(settings, self._lose)
        self.transport: Transport | None = None
        self._lanes: dict[str, Lane] = {}
        self._flying: list[Part] = []
        self._busy = False
        self._left = 0
        self._moved_at = 0.0
        self._look_at = 0.0
        #: Events of this process that the broker confirmed, and of earlier processes, from the spool.
        self.delivered = self.recovered = 0
        #: Events of this process that stand in the spool, and of earlier processes that were lost.
        self.spooled = 0
        self.others_lost = 0
        #: Bytes on the disk that wait to be sent by this process, its own and what it took over.
        self.spool_bytes = 0
        #: Whether the broker gives no sign.
        self.away = False

    # How it stands.

    @property
    def in_flight(self) -> bool:
        """Whether a batch is on its way."""
        return self._busy

    @property
    def quiet(self) -> bool:
        """Whether nothing is left to do."""
        return (
            not self._busy
            and not any(lane.part or lane.waiting for lane in self._lanes.values())
            and not (self.spool.topics() or self.spool.more)
        )

    @property
    def given_up(self) -> bool:
        """Whether the broker is away, not just slow, and all that is left stands in the spool."""
        unreachable = self.transport is not None and self.transport.unreachable
        return self.away and unreachable and not any(lane.open for lane in self._lanes.values())

    @property
    def refusal(self) -> str:
        """Why an event that does not fit into memory is dropped."""
        return "spool_full" if self.spool.full else "queue_full"

    @property
    def eager(self) -> bool:
        """Whether enough waits to send it at once rather than to let more gather."""
        return self._outbox.queued_bytes > self._batch_bytes // 4 or bool(self.spool.topics())

    def _lose(self, reason: str, count: int, own: bool) -> None:
        self._drop(reason, count)
        if not own:
            self.others_lost += count
        elif reason == "spool_damaged":
            self.spooled -= count

    # One turn.

    def begin(self) -> None:
        """The sending thread is about to start, and to connect."""
        _forks.connecting(self)

    def turn(self, taken: Messages) -> None:
        """Take what the outbox gave, see what became of the batch, spool what has to wait, send the next batch."""
        if self.transport is None:
            self.transport = Transport(self._settings, self._registry)
            self.take_over()
        now = time.monotonic()
        self.queue(taken)
        if self.spool.more and not self.spool.topics():
            self.take_over()
        # Each call that leaves the interpreter to a busy host's threads costs: while the broker is away, few of them.
        if not self.away or now >= self._look_at:
            self._look_at = now + _LOOK
            self.transport.poll(0)
            if self.transport.unreachable:
                _forks.connected(self)
            if self._busy:
                self._settle(self.transport, now)
        self._keep(now)
        if not self._busy:
            self._launch(self.transport, now)
        self.spool.sync()
        self.spool_bytes = self.spool.size

    def queue(self, taken: Messages) -> None:
        """Take what the outbox gave."""
        for topic, messages in taken.items():
            self._lane(topic).waiting += messages

    def wait(self, seconds: float) -> None:
        """Wait until the batch is over, at most so long."""
        if self.transport is not None:
            self.transport.wait(seconds)

    def take_over(self) -> None:
        """Look for what dead processes left."""
        self.spool.take_over()
        for topic in self.spool.topics():
            self._lane(topic)

    def _lane(self, topic: str) -> Lane:
        lane = self._lanes.get(topic)
        if lane is None:
            lane = self._lanes[topic] = Lane(topic)
        return lane

    def _settle(self, transport: Transport, now: float) -> None:
        left = transport.outstanding()
        if left:
            if left < self._left:
                self._moved_at = now
            self._left = left
            self.away = now - self._moved_at > PATIENCE
            return
        flying, self._flying, self._busy, self.away = self._flying, [], False, False
        if flying:  # before, schemas alone were announced
            _forks.connected(self)
        returned, refused = transport.batch_is_over()
        for part in flying:
            self._landed(part, returned.get(part.topic, []), refused.get(part.topic, []), now)

    def _landed(self, part: Part, returned: list[Message], refused: list[Refused], now: float) -> None:
        lane = self._lanes[part.topic]
        landed = part.landed(returned, refused)
        if landed.lost:
            self._lose(landed.lost, 1, part.own)
        if part.own:
            self.delivered += landed.confirmed
            self.spooled -= landed.left_spool
        else:
            self.recovered += landed.confirmed
        if returned:
            lane.hold(now)
        else:
            lane.pause = 0.0
        if not part.messages:
            lane.part = None
            if part.mark is not None:
                self.spool.confirm(part.mark)

    # The spool.

    def _keep(self, now: float) -> None:
        """Put into the spool what cannot be sent soon."""
        if not self.spool.usable:
            return
        crowded = self._outbox.crowded
        for lane in self._lanes.values():
            if not lane.open:
                continue
            part = lane.part
            stuck = part is not None and now - part.since > PATIENCE and (self.away or part not in self._flying)
            if self.away or crowded or stuck or self.spool.unread(lane.topic):
                self._spool(lane)

    def _spool(self, lane: Lane) -> None:
        part = lane.part
        if part is not None and not part.kept:
            taken = self.spool.append(lane.topic, part.messages[part.on_disk :])
            if taken.mark is not None:
                self.spool.passed(taken.mark)
                part.mark = taken.mark
                part.on_disk += taken.events
                self.spooled += taken.events
            if not part.kept:
                return
        if lane.waiting:
            taken = self.spool.append(lane.topic, lane.waiting)
            self.spooled += taken.events
            self._outbox.release(taken.bytes + taken.events * OVERHEAD)
            del lane.waiting[: taken.events]

    # The next batch.

    def _launch(self, transport: Transport, now: float) -> None:
        try:
            self._send(transport, now)
        finally:
            self._left = transport.outstanding()
            self._busy, self._moved_at = bool(self._left or self._flying), now
        if not self._busy:
            held = [lane.part for lane in self._lanes.values() if lane.part]
            self.away = bool(held) and all(now - part.since > PATIENCE for part in held)

    def _send(self, transport: Transport, now: float) -> None:
        room = self._batch_bytes
        # Another lane is first each time, for one alone may fill the batch.
        for topic in [*self._lanes]:
            lane = self._lanes.pop(topic)
            self._lanes[topic] = lane
            if now < lane.resume_at:
                continue
            part = lane.part = lane.part or self._next(lane, room, now)
            if part is None:
                continue
            if transport.ready(part.topic, part.schema):
                self._flying.append(part)
                transport.send(part.topic, part.schema, part.messages[: part.share])
                room -= part.bytes
            if room <= 0:
                break

    def _next(self, lane: Lane, room: int, now: float) -> Part | None:
        read = self.spool.read(lane.topic, room)
        if read is not None:
            held = len(read.messages)
            return Part(lane.topic, read.schema, read.messages, read.bytes, read.own, now, read.mark, held)
        if not lane.waiting:
            return None
        messages, size = take(lane.waiting, room)
        self._outbox.release(size)
        schema = records.current(topics.TOPICS[lane.topic].record or "").text
        return Part(lane.topic, schema, messages, size, True, now)

    # The end.

    def finish(self) -> int:
        """Put what is left into the spool, count what it does not take, and end; returns how many were lost."""
        lost = 0
        self.spool.try_again()
        for lane in self._lanes.values():
            self._spool(lane)
            lost += len(lane.waiting) + (len(lane.part.messages) - lane.part.on_disk if lane.part else 0)
        if lost:
            self._lose("spool_full" if self.spool.full else "exit", lost, own=True)
        self.spool.close()
        if self.transport is not None and self._busy:
            self.transport.retrieve()
        return lost

    def forked(self) -> None:
        """In the child of a fork: all this is the parent's."""
        self.spool.forget()


def batch_bytes(settings: Settings) -> int:
    """The size of a batch: small beside the memory that is allowed."""
    return min(BATCH_BYTES, settings.queue_bytes // 8)
