"""A profile of what streams by: in batches or single rows, in bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, cast

from headwater.producer._profiling import About
from headwater.producer.handles import Dataset

#: Single rows are gathered until there are so many.
_ROWS: Final = 1024


class Profiler:
    """Takes a dataset in pieces and tells one profile of them. Made by `Run.profiler` or `Producer.profiler`.

    `with` sends the profile at its end, unless the body raised; `send` does it in between, for a stream that has
    none. `dataset` is then the dataset with its rows and fingerprint. Counts, extremes, moments, distinct values and
    the fingerprint are those of the whole; quantiles are exact up to 4,096 values of a column, beyond it within 0.3 %
    of rank. A column takes at most some 350 KB. Safe to share between threads; nothing raises because of
    what it is given: a piece that cannot be read is counted, and the profile says that it is of a sample.
    """

    def __init__(self, about: About) -> None:
        self._about = about
        self._lock = threading.Lock()
        #: What was profiled last, with its rows and fingerprint; as it was given before the first profile.
        self.dataset: Dataset = about.dataset
        self._begin()

    def _begin(self) -> None:
        self._gathering = self._about.gathering()
        self._waiting: list[Mapping[str, Any]] = []
        self._refused = 0

    @property
    def rows(self) -> int:
        """Rows since the last profile."""
        return self._gathering.rows + len(self._waiting) + self._refused

    def add(self, batch: Any) -> None:
        """A further part of the dataset: whatever `Run.profile` takes. Its arrays may change afterwards."""
        with self._lock:
            self._add(batch)

    def add_row(self, row: Mapping[str, Any]) -> None:
        """One further row, as a mapping of column names to values; a name that is missing is a null."""
        with self._lock:
            self._waiting.append(row)
            if len(self._waiting) >= _ROWS:
                self._add_waiting()

    def send(
        self,
        *,
        window: tuple[int, int] | None = None,
        sampled_of: int | None = None,
        event_time: int | None = None,
    ) -> Dataset:
        """Send what came since the last profile, and begin anew; returns the dataset with its rows and fingerprint.

        `window`: first and last event time, µs since 1970 UTC. `sampled_of`: the rows of the whole, where these are
        a sample. `event_time`: of when it tells, µs since 1970 UTC (default: now).
        """
        with self._lock:
            self._about.core.guard(self._send, window, sampled_of, event_time)
            return self.dataset

    def _send(self, window: tuple[int, int] | None, sampled_of: int | None, event_time: int | None) -> None:
        self._add_waiting()
        gathering, refused = self._gathering, self._refused
        self._begin()
        whole = gathering.rows + refused if sampled_of is None and refused else sampled_of
        self.dataset = self._about.send(gathering.result(), rows=whole, window=window, event_time=event_time)

    def _add(self, batch: Any) -> None:
        before = self._gathering.rows
        try:
            self._gathering.add(batch)
        except Exception as error:  # whatever a host's table raises
            # What came before the fault stays; the rest is missing, at least one row of it.
            self._refused += max(_length(batch) - (self._gathering.rows - before), 1)
            self._about.core.failed(error)

    def _add_waiting(self) -> None:
        rows, self._waiting = self._waiting, []
        if rows:
            names = dict.fromkeys(name for row in rows for name in row)
            if names:
                self._add({name: [row.get(name) for row in rows] for name in names})

    def __enter__(self) -> Profiler:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None:
            self.send()


def _length(batch: Any) -> int:
    try:
        first: Any = next(iter(cast("Mapping[object, Any]", batch).values())) if isinstance(batch, Mapping) else batch
        return len(first)
    except Exception:  # it may be anything
        return 0
