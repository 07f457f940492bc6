"""lineage.runs → lineage.uses: one use for each dataset that an event names, keyed by the dataset."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from headwater.detection.steps.batches import in_event_order
from headwater.detection.steps.sending import Clock, Sender, wall_clock
from headwater.detection.uses import about, uses
from headwater.schemas import topics
from headwater.streams.batch import Batch
from headwater.streams.step import Output, Round


class UsesStep:
    """Takes run events apart. It keeps no state."""

    name = "detection-uses"
    inputs = (topics.RUNS.name,)
    lookback: timedelta | None = None
    round = Round()

    def __init__(self, clock: Clock = wall_clock) -> None:
        self._sender = Sender(clock)

    def process(self, batch: Batch) -> Sequence[Output]:
        """The uses of a batch of run events."""
        return [
            self._sender.output(topics.USES, topics.dataset_key(*about(use)), use)
            for event in in_event_order(batch)
            for use in uses(event)
        ]

    def flush(self) -> None:
        """Nothing is put away."""

    def tick(self, now_us: int) -> Sequence[Output]:
        """Time alone makes nothing known."""
        del now_us
        return ()

    def revoked(self, partitions: set[tuple[str, int]]) -> None:
        """There is no state to forget."""
        del partitions
