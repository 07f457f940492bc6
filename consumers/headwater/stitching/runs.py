"""What a worker keeps of the runs of one partition, and for how long."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from headwater.schemas.records import Schema
from headwater.stitching.facts import Scope
from headwater.stitching.unit import Unit


@dataclass(slots=True)
class Run:
    """All that came under one key. Ordinary: its messages, all of one writer schema; else folded into units."""

    schema: Schema | None
    messages: list[bytes] = field(default_factory=list[bytes])
    units: dict[Scope, Unit] | None = None
    #: Arrival of its last message, ms since 1970 UTC.
    seen: int = 0
    ended: bool = False


class Runs:
    """Runs by key. Ended ones are forgotten `horizon_ms` after their last message, open ones after `open_ms`.

    Time is the partition's own: the arrival of its newest message.
    """

    def __init__(self, horizon_ms: int, open_ms: int) -> None:
        self._horizon_ms = horizon_ms
        self._open_ms = open_ms
        self._now = 0
        self._open: OrderedDict[bytes, Run] = OrderedDict()
        self._ended: OrderedDict[bytes, Run] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open) + len(self._ended)

    def get(self, key: bytes) -> Run | None:
        return self._open.get(key) or self._ended.get(key)

    def put(self, key: bytes, run: Run, arrival: int) -> None:
        """Keep a run, which just got a message, as the newest."""
        run.seen = max(run.seen, arrival)
        self._now = max(self._now, arrival)
        place, other = (self._ended, self._open) if run.ended else (self._open, self._ended)
        other.pop(key, None)
        place[key] = run
        place.move_to_end(key)

    def forget(self) -> int:
        """Forget what is older than its horizon; how many."""
        return sum(
            1
            for place, age in ((self._ended, self._horizon_ms), (self._open, self._open_ms))
            for _ in self._old(place, age)
        )

    def _old(self, place: OrderedDict[bytes, Run], age: int) -> Iterator[bytes]:
        while place:
            key, run = next(iter(place.items()))
            if run.seen >= self._now - age:
                return
            del place[key]
            yield key
