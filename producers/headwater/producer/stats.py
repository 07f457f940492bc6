"""What a producer can say of its delivery: this file is the documentation of its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

#: Why a message was dropped. Each is counted, and told in the producer's own events.
DROPS: Final[Mapping[str, str]] = {
    "queue_full": "The queue (setting queue_bytes) was full: broker and disk were away, or slower than the service.",
    "spool_full": "The queue was full, and the spool's folder (setting spool_bytes) or its disk too.",
    "spool_damaged": "It stood in the spool and could not be read back; also what earlier processes left there.",
    "too_large": "One event, or one part of it that cannot be split, is larger than the topic allows.",
    "rejected": "The broker refused the message for good.",
    "encoding": "A value could not be encoded; the log (logger headwater.producer) says which.",
    "interrupted": "Something from outside, as a signal handler that ends the service, ended the call; it may be told.",
    "exit": "The process ended, and the deadline (setting exit_seconds) passed; there was no spool to take it.",
    "closed": "It came after the producer was closed.",
}


@dataclass(frozen=True)
class Stats:
    """A producer's numbers since it opened (in this process: a forked child starts anew)."""

    #: Messages that got a sequence number: sent, still on their way, or dropped. Equals the last sequence number.
    emitted: int
    #: Messages that the broker confirmed.
    delivered: int
    #: Messages on their way, in memory and in the spool.
    pending: int
    #: Memory that queued messages take, bytes, without those that librdkafka holds.
    queued_bytes: int
    #: Messages dropped, by reason; a reason without drops is not listed.
    drops: Mapping[str, int]
    #: What went wrong last between here and the broker; empty where nothing did. Holds no secret.
    last_error: str
    #: Messages of this process that stand in the spool, on disk, and that the broker has not confirmed.
    spooled: int = 0
    #: What waits on disk to be sent by this process, its own and what earlier processes left, bytes.
    spool_bytes: int = 0
    #: Messages that earlier processes left in the spool, sent by this one and confirmed.
    recovered: int = 0
    #: Why nothing can be put into the spool; empty where it can. Messages then wait in memory.
    spool_error: str = ""

    @property
    def dropped(self) -> int:
        """All drops together."""
        return sum(self.drops.values())
