"""What a worker keeps of the runs of one partition, and for how long."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from headwater.stitching.facts import Scope
from headwater.stitching.unit import Unit

#: An ordinary run: arrival of its newest message (ms since 1970 UTC), whether it ended, its writer schema's number,
#: then its messages in order of arrival. A flat tuple, which the garbage collector leaves alone.
Ordinary = tuple[int | bytes, ...]
HEAD = 3


@dataclass(slots=True)
class Folded:
    """All that came under one key, folded: a unit for each job (or event) in it."""

    units: dict[Scope, Unit] = field(default_factory=dict[Scope, Unit])
    arrival: int = 0

    @property
    def ended(self) -> bool:
        return all(unit.ended for unit in self.units.values())


class Runs:
    """Runs by key. Ended ones are forgotten `horizon_ms` after their last message, open ones after `open_ms`.

    Time is the partition's own: the arrival of its newest message.
    """

    def __init__(self, horizon_ms: int, open_ms: int) -> None:
        self.kept: dict[bytes, Ordinary | Folded] = {}
        #: How many have been folded so far; while none was, nobody looks for them.
        self.folded = 0
        self._ages = (horizon_ms, max(horizon_ms, open_ms))
        self._now = 0
        #: Keys by the arrival of the chunk that touched them: those to look at when ended, and when open.
        self._touched: tuple[deque[tuple[int, Sequence[bytes]]], deque[tuple[int, Sequence[bytes]]]] = (
            deque(),
            deque(),
        )

    def arrive(self, timestamp_ms: int) -> int:
        """Let a chunk whose newest message has this time arrive: the partition's time."""
        self._now = max(self._now, timestamp_ms)
        return self._now

    def touch(self, keys: Sequence[bytes]) -> None:
        """Note the keys of that chunk, and forget what is older than its horizon."""
        ended, still_open = self._touched
        ended.append((self._now, keys))
        while ended and ended[0][0] < self._now - self._ages[0]:
            arrival, old = ended.popleft()
            left = self._forget(arrival, old, only_ended=True)
            if left:
                still_open.append((arrival, left))
        while still_open and still_open[0][0] < self._now - self._ages[1]:
            self._forget(*still_open.popleft(), only_ended=False)

    def _forget(self, arrival: int, keys: Sequence[bytes], *, only_ended: bool) -> list[bytes]:
        """Forget those that nothing touched since; the open ones that are kept."""
        left: list[bytes] = []
        for key in keys:
            run = self.kept.get(key)
            if run is None:
                continue
            seen, ended = (run.arrival, run.ended) if isinstance(run, Folded) else (run[0], run[1])
            if seen != arrival:
                continue
            if only_ended and not ended:
                left.append(key)
            else:
                del self.kept[key]
        return left
