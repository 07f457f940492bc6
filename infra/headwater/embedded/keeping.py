"""Keeping a process up: it is started again when it ends, each time a little later."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from headwater.embedded.processes import Child
from headwater.errors import HeadwaterError


@dataclass(frozen=True)
class Backoff:
    """Seconds to wait before a start: after the first end, at most, and how long it must run to count as well."""

    first: float = 0.2
    most: float = 30.0
    well_after: float = 30.0

    def wait(self, failures: int) -> float:
        """Before the start that follows this many failures in a row."""
        return min(self.first * 2.0 ** min(failures, 16), self.most)


@dataclass
class Kept:
    """One process that is kept up."""

    name: str
    #: Starts it and returns it when it is up. Raises HeadwaterError.
    start: Callable[[], Child]
    tell: Callable[[str], None]
    backoff: Backoff = field(default_factory=Backoff)
    clock: Callable[[], float] = time.monotonic
    child: Child | None = None
    restarts: int = 0
    _failures: int = 0
    _started: float = 0.0
    _next: float | None = None

    def told(self) -> dict[str, int | None]:
        """What the stack's state says of it."""
        return {"pid": self.child.pid if self.child else None, "restarts": self.restarts}

    def up(self) -> None:
        """Start it for the first time. Raises HeadwaterError."""
        self.child = self.start()
        self._started = self.clock()

    def look(self) -> bool:
        """Start it again if it ended and its time has come; whether that was done."""
        if self.child is not None and self.child.running:
            return False
        now = self.clock()
        if self._next is None:
            self._failures = 0 if now - self._started > self.backoff.well_after else self._failures + 1
            wait = self.backoff.wait(self._failures)
            self._next = now + wait
            code = self.child.exit_code if self.child else None
            self.tell(f"{self.name} ended ({ending(code)}), starting it again in {wait:.1f} s")
        if now < self._next:
            return False
        self._next = None
        self.restarts += 1
        try:
            self.up()
        except HeadwaterError as error:
            self.tell(f"{self.name} did not start: {error}")
            self._started = self.clock()
            return False
        return True


def ending(code: int | None) -> str:
    """An exit code in words."""
    if code is None:
        return "never started"
    return f"signal {-code}" if code < 0 else f"exit code {code}"
