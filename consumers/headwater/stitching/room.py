"""Keeping runs within the memory that they may take."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from headwater.stitching.runs import Runs
from headwater.streams import Backpressure

_log = logging.getLogger("headwater.stitching")
_SAY_AGAIN_SECONDS = 60.0


class Room:
    """What all partitions of a worker may take together, bytes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._said = float("-inf")

    def make(self, partitions: Sequence[Runs]) -> None:
        """Move on the oldest runs of the fullest partitions until all take less.

        What was not committed stays. Of finished runs the oldest are forgotten where they alone take half.
        Raises Backpressure where the disk does not take what is to go there.
        """
        used = sum(runs.nbytes for runs in partitions)
        if used <= self._most:
            return
        # A tenth below, so that not each chunk does it.
        while used > 0.9 * self._most:
            fullest = max(partitions, key=lambda runs: runs.finished.nbytes if runs.finished.oldest() else 0)
            if fullest.finished.oldest() and sum(runs.finished.nbytes for runs in partitions) > self._most / 2:
                self._forget(fullest)
            elif not any(map(_sweep, sorted(partitions, key=lambda runs: -runs.in_memory))):
                return
            used = sum(runs.nbytes for runs in partitions)

    def _forget(self, runs: Runs) -> None:
        oldest = runs.finished.oldest()
        if oldest is not None and time.monotonic() - self._said > _SAY_AGAIN_SECONDS:
            self._said = time.monotonic()
            _log.warning(
                "finished runs are forgotten after %d s, not their horizon: stitching_memory_bytes is full",
                (runs.now - oldest[1]) // 1000,
            )
        runs.forget_oldest()


def _sweep(runs: Runs) -> bool:
    try:
        return runs.sweep(early=True)
    except OSError as error:
        raise Backpressure(1.0, f"the disk does not take runs (setting stitching_folder): {error.strerror}") from error
