"""What runs on a step's own thread: process, send, end rounds; and how it waits when told "later"."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from headwater.streams.batch import Batch
from headwater.streams.metrics import Tally, emit_times
from headwater.streams.sending import Sender, Stopped
from headwater.streams.step import Backpressure, Output, Retry, Stateful, Step, gauges_of, has_one_state

_log = logging.getLogger("headwater.streams")

Place = tuple[str, int]
Outcome = TypeVar("Outcome")

#: Between two lines that say the same trouble goes on.
_SAY_AGAIN_SECONDS = 30.0


class Interrupted(Exception):
    """The step would be asked again, but the partitions are asked back."""


@dataclass
class Open:
    """A round under way: offsets to commit once it is done."""

    began: float
    rows: int = 0
    bytes: int = 0
    offsets: dict[Place, int] = field(default_factory=dict[Place, int])
    #: When its events were emitted, µs since 1970.
    emitted: list[NDArray[np.int64]] = field(default_factory=list["NDArray[np.int64]"])
    ended: float = 0.0


class Worker:
    """Calls a step. One thread uses it; `stop` and `interrupt` may come from any."""

    def __init__(
        self, step: Step, sender: Sender, tally: Tally | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._step = step
        self._tally = tally or Tally(step.name)
        self._sender = sender
        self._clock = clock
        self._stopped = False
        self._wake = threading.Event()
        self._round: Open | None = None
        self._committed: deque[dict[Place, int]] = deque()

    def stop(self) -> None:
        """End waiting for good: a call that is to be made again raises Stopped, so does one that waits to send."""
        self._stopped = True
        self._wake.set()
        self._sender.stop()

    def committed(self, offsets: dict[Place, int]) -> None:
        """Note what was committed; the step is told before its next call. From any thread."""
        if isinstance(self._step, Stateful):
            self._committed.append(offsets)

    def _tell_committed(self) -> None:
        while self._committed:
            cast("Stateful", self._step).committed(self._committed.popleft())

    def interrupt(self) -> None:
        """End waiting until the round is forgotten: a call that is to be made again raises Interrupted."""
        self._wake.set()

    def process(self, batch: Batch, letters: list[Output], end: int) -> Open | None:
        """Process one batch and send what it gives, with its dead letters; the round where it ended with it."""
        self._tell_committed()
        outputs = self._insist(lambda: self._step.process(batch))
        self._tally.processed(batch, len(outputs))
        if batch.replaying:
            return None
        self._sender.send(outputs)
        self._sender.send(letters)
        if self._round is None:
            self._round = Open(self._clock())
        self._round.rows += len(batch.offsets)
        self._round.bytes += batch.bytes
        self._round.offsets[batch.topic, batch.partition] = end
        self._round.emitted += emit_times(batch)
        return self.end_round() if self._is_due() else None

    def tick(self, now_us: int) -> Open | None:
        """Let time pass; the round where it is over by time."""
        self._tell_committed()
        if not (has_one_state(self._step) and self._tally.restoring):
            # what seems missing or due may be told of by what is still to be fed again
            self._sender.send(self._insist(lambda: self._step.tick(now_us)))
        self._tally.gauges = gauges_of(self._step)
        return self.end_round() if self._round is not None and self._is_due() else None

    def end_round(self) -> Open | None:
        """Flush the step; the round, whose outputs are yet to be confirmed and offsets to be committed."""
        ended = self._round
        if ended is not None:
            self._insist(self._step.flush)
            self._round = None
            ended.ended = self._clock()
        return ended

    def revoked(self, places: set[Place]) -> None:
        self._step.revoked(places)

    def forget_round(self) -> None:
        """Leave what is under way uncommitted; it comes again, here or elsewhere. Ends an interruption."""
        self._round = None
        self._wake.clear()
        if self._stopped:  # asked last, since `stop` may come in between
            self._wake.set()

    def _is_due(self) -> bool:
        limits = self._step.round
        under_way = self._round
        if under_way is None:
            return False
        return (
            limits.immediate
            or (0 < limits.rows <= under_way.rows)
            or (0 < limits.bytes <= under_way.bytes)
            or (0 < limits.seconds <= self._clock() - under_way.began)
        )

    def _insist(self, call: Callable[[], Outcome]) -> Outcome:
        said = float("-inf")
        while True:
            try:
                with self._tally.at("work"):
                    done = call()
            except Retry as later:
                self._tally.waits(later)
                if self._clock() - said > _SAY_AGAIN_SECONDS:
                    said = self._clock()
                    level = logging.INFO if isinstance(later, Backpressure) else logging.WARNING
                    _log.log(level, "%s waits: %s", self._step.name, later)
                if self._wake.wait(later.after):
                    raise (Stopped if self._stopped else Interrupted) from later
            else:
                self._tally.waits(None)
                return done
