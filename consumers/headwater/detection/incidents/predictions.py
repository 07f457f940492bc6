"""How many predictions each stream made, by run where they name one, else by the hour; and which models made them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from headwater.detection.incidents.graph import Dataset, Node

HOUR_US = 3_600_000_000


@dataclass(slots=True)
class _Stream:
    by_hour: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    by_run: dict[bytes, int] = field(default_factory=lambda: defaultdict(int))
    #: Of each hour those of each model version, with a run and without.
    by_model: dict[int, dict[Node, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))


class Predictions:
    """Counts a stream's predictions. A message counted once is not counted again: `add` takes no offset twice."""

    def __init__(self) -> None:
        self._streams: dict[Dataset, _Stream] = defaultdict(_Stream)
        self._until: dict[tuple[int, str | None], int] = {}

    def fresh(self, partition: int, generation: str | None, offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these offsets were not counted so far; they are from now on."""
        key = (partition, generation)
        new = offsets > self._until.get(key, -1)
        if len(offsets):
            self._until[key] = max(self._until.get(key, -1), int(offsets.max()))
        return new

    def add(
        self, stream: Dataset, run_id: bytes | None, event_time: int, count: int, model: Node | None = None
    ) -> None:
        """So many predictions of a stream by one run and model version in the hour of `event_time`."""
        found = self._streams[stream]
        if model is not None:
            found.by_model[event_time // HOUR_US][model] += count
        if run_id is not None:
            found.by_run[run_id] += count
        else:
            found.by_hour[event_time // HOUR_US] += count

    def by_runs(self, stream: Dataset, runs: Iterable[bytes]) -> int:
        """Predictions that these runs made."""
        found = self._streams.get(stream)
        return sum(found.by_run.get(run, 0) for run in runs) if found else 0

    def in_hours(self, stream: Dataset, since: int, until: int) -> int:
        """Predictions without a run from the hour of `since` to that of `until`."""
        found = self._streams.get(stream)
        if found is None:
            return 0
        first, last = since // HOUR_US, until // HOUR_US
        return sum(count for hour, count in found.by_hour.items() if first <= hour <= last)

    def models(self, stream: Dataset, since: int, until: int) -> dict[Node, int]:
        """How many predictions each model version made from the hour of `since` to that of `until`, the most first."""
        found = self._streams.get(stream)
        counted: dict[Node, int] = {}
        for hour, models in found.by_model.items() if found is not None else ():
            if since // HOUR_US <= hour <= until // HOUR_US:
                for model, count in models.items():
                    counted[model] = counted.get(model, 0) + count
        return dict(sorted(counted.items(), key=lambda item: (-item[1], str(item[0]))))

    def forget(self, oldest: int) -> None:
        """Drop hours before `oldest`."""
        for stream in self._streams.values():
            for hour in [hour for hour in stream.by_hour if hour < oldest // HOUR_US]:
                del stream.by_hour[hour]
            for hour in [hour for hour in stream.by_model if hour < oldest // HOUR_US]:
                del stream.by_model[hour]
