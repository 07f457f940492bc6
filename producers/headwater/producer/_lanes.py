"""Lanes: each topic's events on their way, the oldest first."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from operator import itemgetter
from typing import Final, NamedTuple

from headwater.producer._kafka import Refused
from headwater.producer._outbox import OVERHEAD, Message
from headwater.producer._spool import Mark

#: The most that a batch takes, events; `batch_bytes` bounds it, too.
BATCH_EVENTS: Final = 8192
#: Until what came back is sent again, seconds.
_SHORTEST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 5.0
_KEY: Final = itemgetter("key")
_VALUE: Final = itemgetter("value")


@dataclass(slots=True, eq=False)
class Part:
    """One lane's part of a batch."""

    topic: str
    schema: str
    messages: list[Message]
    bytes: int
    own: bool
    since: float
    #: How far it reaches in the spool, and how many of its first events stand there.
    mark: Mark | None = None
    on_disk: int = 0
    #: How many are sent at once: fewer where one among them was refused.
    share: int = BATCH_EVENTS

    @property
    def kept(self) -> bool:
        """Whether all of it stands in the spool."""
        return self.on_disk == len(self.messages)

    def landed(self, returned: list[Message], refused: list[Refused]) -> Landed:
        """Keep what the broker has not got, to be sent again."""
        sent, rest = self.messages[: self.share], self.messages[self.share :]
        back, lost = returned, None
        if len(sent) == 1 and refused:
            lost = refused[0].reason
        elif refused:
            # One of them is at fault: half of them, and half of those, finds it.
            self.share = max(1, len(sent) // 2)
            back = [*returned, *(one.message for one in refused)]
            order = {message["value"]: place for place, message in enumerate(sent)}
            back.sort(key=lambda message: order.get(message["value"], 0))
        else:
            self.share = min(BATCH_EVENTS, 2 * self.share)
        # Of a part that stands in the spool in part, nobody knows what came back.
        kept = len(back) + len(rest) if self.kept else 0
        left_spool = self.on_disk - kept
        self.messages, self.on_disk = back + rest, kept
        return Landed(len(sent) - len(returned) - len(refused), lost, left_spool)


class Landed(NamedTuple):
    """What became of a part: events that the broker has, why one was lost, how many left the spool."""

    confirmed: int
    lost: str | None
    left_spool: int


@dataclass(slots=True, eq=False)
class Lane:
    """One topic's events on their way."""

    topic: str
    waiting: list[Message] = field(default_factory=list[Message])
    part: Part | None = None
    pause: float = 0.0
    resume_at: float = 0.0

    @property
    def open(self) -> bool:
        """Whether there are events that do not stand in the spool."""
        return bool(self.waiting) or (self.part is not None and not self.part.kept)

    def hold(self, now: float) -> None:
        """Wait before what came back is sent again, longer each time."""
        self.pause = min(_LONGEST_PAUSE, max(_SHORTEST_PAUSE, 2 * self.pause))
        self.resume_at = now + self.pause


def take(waiting: list[Message], room: int) -> tuple[list[Message], int]:
    """The first of these, as many as fit into a batch with so much room, at least one; and what they take."""
    messages = waiting[:BATCH_EVENTS]
    size = _size(messages)
    if size > room:
        sizes = [len(message["key"]) + len(message["value"]) + OVERHEAD for message in messages]
        messages = messages[: max(1, bisect_right(list(accumulate(sizes)), room))]
        size = sum(sizes[: len(messages)])
    del waiting[: len(messages)]
    return messages, size


def _size(messages: list[Message]) -> int:
    """What they take in memory, bytes, about."""
    # Without a step of the interpreter for each: this is done for every event.
    return sum(map(len, map(_KEY, messages))) + sum(map(len, map(_VALUE, messages))) + OVERHEAD * len(messages)
