"""When a timer may say that something is missing: not while it may stand on a topic behind what was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headwater.detection.policy import Policy

#: A worker that starts or takes over has caught up by then, µs; who sends only what is late must not hide the rest.
_CATCHES_UP_US = 3_600_000_000


class Hold:
    """Holds for a while after the start, and after records all of which are old. Its clock is arrival, µs."""

    def __init__(self, policy: Policy) -> None:
        self._hold_us = policy.hold_us
        self._began: int | None = None
        self._until = 0

    def saw(self, records: Sequence[Mapping[str, Any]], now: int, *, replaying: bool) -> None:
        """A batch was taken in at `now`."""
        newest = max((record["event_time"] for record in records), default=now)
        if replaying or now - newest > self._hold_us:
            began = self._start(now)
            self._until = max(self._until, min(now, began + _CATCHES_UP_US) + self._hold_us)

    def holds(self, now: int) -> bool:
        """Whether nothing may be called missing yet."""
        self._start(now)
        return now < self._until

    def _start(self, now: int) -> int:
        if self._began is None:
            self._began, self._until = now, now + self._hold_us
        return self._began
