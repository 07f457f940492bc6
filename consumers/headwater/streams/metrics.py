"""What a worker tells of itself: this file is the documentation of its Prometheus metrics.

A pipeline counts into a `Tally`, a chunk at a time; `exposition.py` shows all tallies of a process, `health.py`
serves them. The table in consumers/README.md is held to METRICS by a test.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from headwater.schemas.codec.compiled import compiled
from headwater.streams.batch import Batch
from headwater.streams.step import Backpressure, Retry

_Place = tuple[str, int]
_Key = tuple[str, ...]


class Kind(Enum):
    """As Prometheus has them."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, eq=False)  # each is itself: they are keys of what is counted for every chunk
class Metric:
    """One metric. `step` is the first label of each: stitching, uses, checks, incidents, openlineage or archive."""

    name: str
    kind: Kind
    doc: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def all_labels(self) -> tuple[str, ...]:
        return ("step", *self.labels)


#: From 5 ms to a day: what an event may take from its sender to a confirmed output.
_EMIT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 2, 5, 10, 60, 600, 3600, 86400)
_COMMIT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_BY_TOPIC = ("topic",)
_BY_PLACE = ("topic", "partition")

#: Messages of a partition that are there and not committed; alert on growth. It is looked up about once a second.
LAG = Metric("headwater_lag_messages", Kind.GAUGE, "Messages that are there and not committed.", _BY_PLACE)
#: Throughput is the rate of these three.
MESSAGES = Metric("headwater_messages_total", Kind.COUNTER, "Messages processed.", _BY_TOPIC)
BYTES = Metric("headwater_bytes_total", Kind.COUNTER, "Bytes of messages processed.", _BY_TOPIC)
OUTPUTS = Metric("headwater_outputs_total", Kind.COUNTER, "Messages sent, dead letters not among them.")
#: Anything but 0 wants a look: `headwater dead-letters list`.
DEAD_LETTERS = Metric(
    "headwater_dead_letters_total", Kind.COUNTER, "Messages that could not be read.", ("topic", "reason")
)
#: The event's emit time (the sender's clock) to the confirmation of what was made of it: for stitching, emit to edge
#: on the topic; for the archive, emit to row in the history. Each event of a chunk counts.
EMIT_TO_OUTPUT = Metric(
    "headwater_emit_to_output_seconds",
    Kind.HISTOGRAM,
    "From emit to confirmed output: for stitching to the edge, for the archive to the row.",
    buckets=_EMIT_BUCKETS,
)
#: From a round's end to its offsets committed: confirmations of the broker, then the commit itself.
COMMIT = Metric(
    "headwater_commit_seconds", Kind.HISTOGRAM, "From the end of a round to its commit.", buckets=_COMMIT_BUCKETS
)
ASSIGNED = Metric("headwater_assigned_partitions", Kind.GAUGE, "Partitions that this worker has.")
#: Each costs a drain and, where the step has state, a restore.
REBALANCES = Metric("headwater_rebalances_total", Kind.COUNTER, "Assignments of partitions taken in.")
#: Not ready while there are any.
RESTORING = Metric("headwater_restoring_partitions", Kind.GAUGE, "Partitions whose state is being re-derived.")
RESTORED = Metric("headwater_restored_messages_total", Kind.COUNTER, "Messages fed again to re-derive state.")
#: What the topics no longer held of a step's state; seconds that it took, waiting for the store among them.
RECALLED = Metric("headwater_recalled_rows_total", Kind.COUNTER, "Rows of the history that state was made from.")
RECALL_SECONDS = Metric(
    "headwater_recall_seconds_total", Kind.COUNTER, "Seconds in which state was made from the history."
)
#: Grows while a store or broker does not answer.
RETRIES = Metric("headwater_retries_total", Kind.COUNTER, "Times a step asked to be called again after a fault.")
BACKPRESSURE = Metric("headwater_backpressure_total", Kind.COUNTER, "Times a step said that what is behind it is full.")
WAITING = Metric("headwater_waiting_seconds", Kind.GAUGE, "How long the step has been waiting to be called again.")
#: Asked when the worker starts and every five minutes; `headwater topics check` says what differs and what to do.
TOPIC_DIFFERENCES = Metric(
    "headwater_topic_differences", Kind.GAUGE, "Settings of a topic that are not as declared.", _BY_TOPIC
)

#: What only some steps have: the keys of their `gauges()`, looked up about once a second.
STEP_GAUGES: Mapping[str, Metric] = {
    "open_runs": Metric("headwater_open_runs", Kind.GAUGE, "Runs without a terminal event in the worker's state."),
    "kept_runs": Metric("headwater_kept_runs", Kind.GAUGE, "Runs in the worker's state, ended ones too."),
    "rows_inserted": Metric("headwater_rows_inserted", Kind.GAUGE, "Rows in the history since the worker's start."),
    "rows_refused": Metric("headwater_rows_refused", Kind.GAUGE, "Rows that the store refused since the start."),
    "unknown_store_errors": Metric(
        "headwater_unknown_store_errors", Kind.GAUGE, "Errors of the store with a code that no table of ours has."
    ),
    "open_incidents": Metric("headwater_open_incidents", Kind.GAUGE, "Incidents that are not resolved."),
}

METRICS: tuple[Metric, ...] = (
    LAG,
    MESSAGES,
    BYTES,
    OUTPUTS,
    DEAD_LETTERS,
    EMIT_TO_OUTPUT,
    COMMIT,
    ASSIGNED,
    REBALANCES,
    RESTORING,
    RESTORED,
    RECALLED,
    RECALL_SECONDS,
    RETRIES,
    BACKPRESSURE,
    WAITING,
    TOPIC_DIFFERENCES,
    *STEP_GAUGES.values(),
)


class Histogram:
    """Counts by bucket, many values at once."""

    def __init__(self, metric: Metric) -> None:
        self.bounds = np.array(metric.buckets)
        self.counts: NDArray[np.int64] = np.zeros(len(metric.buckets) + 1, np.int64)
        self.sum = 0.0

    def observe(self, values: NDArray[np.float64]) -> None:
        places = np.searchsorted(self.bounds, values, side="left")
        self.counts += np.bincount(places, minlength=len(self.counts))
        self.sum += float(values.sum())


class Ended(Protocol):
    """A round that is over. `ended`: when, by the tally's clock; `emitted`: of its events, µs since 1970."""

    @property
    def ended(self) -> float: ...

    @property
    def emitted(self) -> list[NDArray[np.int64]]: ...


class Tally:
    """The figures of one step. Each method is called by one thread at a time; reading needs no lock."""

    def __init__(self, step: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.step = step
        self.clock = clock
        self.counts: Counter[tuple[Metric, _Key]] = Counter()
        self.histograms = {metric: Histogram(metric) for metric in (EMIT_TO_OUTPUT, COMMIT)}
        self.assigned: frozenset[_Place] | None = None
        self.restoring: set[_Place] = set()
        self.committed: dict[_Place, int] = {}
        self.ends: Mapping[_Place, int] = {}
        self.gauges: Mapping[str, float] = {}
        #: By topic, how many of its settings are not as declared.
        self.differences: Mapping[str, int] = {}
        self.waiting_since: float | None = None
        self.recall_seconds = 0.0
        #: When the event loop last turned; what each thread has been at, and since when.
        self.turned = clock()
        self.busy: dict[str, float] = {}

    def processed(self, batch: Batch, outputs: int) -> None:
        """A batch went through the step."""
        if batch.replaying:
            self.counts[RESTORED, ()] += len(batch.values)
            return
        topic = (batch.topic,)
        self.counts[MESSAGES, topic] += len(batch.values)
        self.counts[BYTES, topic] += batch.bytes
        self.counts[OUTPUTS, ()] += outputs

    def recalled(self, rows: int, seconds: float) -> None:
        """So many rows of the history were taken in, in so long."""
        self.counts[RECALLED, ()] += rows
        self.recall_seconds += seconds

    def refused(self, topic: str, reasons: Iterable[str]) -> None:
        """Messages became dead letters."""
        for reason in reasons:
            self.counts[DEAD_LETTERS, (topic, reason)] += 1

    def done(self, offsets: Mapping[_Place, int], rounds: Sequence[Ended], now_us: int) -> None:
        """Rounds were committed, at these offsets."""
        if self.assigned is not None:
            self.committed.update({place: end for place, end in offsets.items() if place in self.assigned})
        now = self.clock()
        self.histograms[COMMIT].observe(np.array([now - one.ended for one in rounds]))
        emitted = [times for one in rounds for times in one.emitted]
        if emitted:
            # A sender's clock may be ahead of ours, or say nonsense.
            seconds = (now_us - np.concatenate(emitted)) / 1e6
            self.histograms[EMIT_TO_OUTPUT].observe(np.maximum(seconds, 0.0))

    def rebalanced(
        self, assigned: Iterable[_Place], committed: Mapping[_Place, int], restoring: Iterable[_Place]
    ) -> None:
        """Partitions were assigned: what is committed of them, where that was asked, and which are re-derived now."""
        self.counts[REBALANCES, ()] += 1
        places = frozenset(assigned)
        self.committed = {**{p: o for p, o in self.committed.items() if p in places}, **committed}
        self.restoring = set(restoring)
        self.assigned = places

    @contextmanager
    def at(self, work: str) -> Generator[None]:
        """While a thread is at something that must not take long."""
        self.busy[work] = self.clock()
        try:
            yield
        finally:
            self.busy.pop(work, None)

    def waits(self, later: Retry | None) -> None:
        """The step asked to be called again; None: it was called and did not ask."""
        if later is None:
            self.waiting_since = None
            return
        self.counts[BACKPRESSURE if isinstance(later, Backpressure) else RETRIES, ()] += 1
        if self.waiting_since is None:
            self.waiting_since = self.clock()

    def lag(self) -> dict[_Place, int]:
        """By partition, where both ends are known."""
        ends, committed = self.ends, self.committed
        return {p: max(0, ends[p] - committed[p]) for p in (self.assigned or ()) if p in ends and p in committed}


def emit_times(batch: Batch) -> list[NDArray[np.int64]]:
    """The emit times of a batch's events, µs since 1970: the first field of every record, a zigzag varint."""
    found: list[NDArray[np.int64]] = []
    for group in batch.groups:
        times = np.empty(len(group.rows), np.int64)
        _first_longs(group.bodies.buffer, group.bodies.starts, times)
        found.append(times)
    return found


@compiled
def _first_longs(buffer: NDArray[np.uint8], starts: NDArray[np.int64], longs: NDArray[np.int64]) -> None:
    """Also where a stranger's record begins with something else, the padding behind the last body ends it."""
    for body in range(len(starts)):
        at = starts[body]
        value = np.uint64(0)
        shift = np.uint64(0)
        while buffer[at] >= 128 and shift < np.uint64(63):
            value |= np.uint64(buffer[at] & 127) << shift
            shift += np.uint64(7)
            at += 1
        value |= np.uint64(buffer[at]) << shift
        longs[body] = np.int64(value >> np.uint64(1)) ^ -np.int64(value & np.uint64(1))
