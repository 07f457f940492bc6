"""The lake and the producer together: what a step reads and writes is kept and reported in one call."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from headwater.demo.catalog import (
    DEPLOYMENT,
    FEATURES,
    FEEDS,
    JOBS,
    KINDS,
    LAKE,
    MODEL,
    MODELS,
    PROFILED,
    STREAM,
    Derivation,
)
from headwater.demo.lake import Lake, Slice
from headwater.producer import Column

if TYPE_CHECKING:
    from headwater.producer import Dataset, Job, Producer, Run

OWNERS = {FEEDS: ("flight-data-provider",), LAKE: ("team:flight-data",)}
#: The night of a day begins at 02:00 UTC of the next; each step is given a minute.
NIGHT, MINUTE = timedelta(days=1, hours=2), timedelta(minutes=1)
#: Columns that name single rows: profiling them would only say that every day has others.
IDENTIFIERS = ("time_hour", "flight", "tailnum")


class Clock:
    """The demo's time: nights of 2013, in which a step lasts as long as it really does."""

    def __init__(self) -> None:
        self._begun = datetime(1970, 1, 1, tzinfo=UTC)
        self._since = time.monotonic_ns()

    def __call__(self) -> int:
        """µs since 1970 UTC."""
        return _microseconds(self._begun) + (time.monotonic_ns() - self._since) // 1000

    def next_step(self, day: date) -> None:
        """Another minute begins: of the night after that day, or of a later one where it has come."""
        self._begun = max(self._begun + MINUTE, midnight(day) + NIGHT)
        self._since = time.monotonic_ns()


def midnight(day: date) -> datetime:
    """The day's beginning, UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000


@dataclass
class Tracked:
    """What the steps of one process share."""

    lake: Lake
    producer: Producer
    clock: Clock
    #: Columns that are not profiled, as this demo names them.
    identifiers: frozenset[str]
    _jobs: dict[str, Job] = field(default_factory=dict[str, "Job"])
    _datasets: dict[tuple[str, str], Dataset] = field(default_factory=dict[tuple[str, str], "Dataset"])

    @contextmanager
    def around(self, name: str, night: date, since: date, until: date) -> Generator[None]:
        """A run of the job `name` for those days, begun in a night; the steps inside are its children."""
        self.clock.next_step(night)
        with self._run(name, since, until):
            yield

    @contextmanager
    def step(self, name: str, day: date, since: date | None = None) -> Generator[Step]:
        """A run of the job `name` for that day, or for the days from `since` to it."""
        self.clock.next_step(day)
        with self._run(name, since or day, day) as run:
            yield Step(self, run, day)

    def model(self, version: str) -> Dataset:
        """The handle of a model version."""
        return self.dataset(MODELS, MODEL).at(version=version)

    def make_room(self) -> None:
        """Wait for the broker where half of the queue is taken: a batch job can wait, and nothing is dropped."""
        if self.producer.stats().queued_bytes * 2 > self.producer.settings.queue_bytes:
            self.producer.flush(timeout=60)

    def _run(self, name: str, since: date, until: date) -> Run:
        if name not in self._jobs:
            self._jobs[name] = self.producer.job(JOBS, name, kind="TASK", owners=OWNERS[LAKE])
        nominal = (_microseconds(midnight(since)), _microseconds(midnight(until + timedelta(days=1))))
        return self.producer.run(self._jobs[name], nominal=nominal, clock=self.clock)

    def dataset(self, namespace: str, name: str, frame: pl.DataFrame | None = None) -> Dataset:
        """The handle of a dataset; its columns are those of the frame it is first seen with."""
        key = (namespace, name)
        if key not in self._datasets:
            columns = [] if frame is None else [Column(c, str(t).lower()) for c, t in frame.schema.items()]
            owners = OWNERS.get(namespace, ("team:flight-models",))
            self._datasets[key] = self.producer.dataset(
                namespace, name, kind=KINDS.get(name, "table"), columns=columns, owners=owners
            )
        return self._datasets[key]


@dataclass
class Step:
    """A run in progress."""

    tracked: Tracked
    run: Run
    day: date
    _read: dict[str, list[Dataset]] = field(default_factory=dict[str, "list[Dataset]"])

    def read(self, table: str, day: date | None = None, columns: Sequence[str] = ()) -> pl.DataFrame:
        """A day of a table of the lake, reported as read; `columns` are those that are really looked at."""
        frame, slice_ = self.tracked.lake.read(table, day or self.day)
        dataset = _at(self.tracked.dataset(LAKE, table, frame), slice_)
        self._read.setdefault(table, []).append(dataset)
        self.run.input(dataset.at(columns_read=columns) if columns else dataset)
        return frame

    def input(self, namespace: str, name: str, version: str, frame: pl.DataFrame | None = None) -> None:
        """Something from outside the lake, reported as read; a frame is the day's content, which is profiled."""
        dataset = self.tracked.dataset(namespace, name, frame).at(version=version)
        if frame is not None:
            dataset = self._profile(dataset.at(partitions=[f"day={self.day}"]), frame, "input")
        self._read.setdefault(name, []).append(dataset)
        self.run.input(dataset)

    def write(
        self, table: str, frame: pl.DataFrame, derivations: Iterable[Derivation], made_from: Sequence[str] = ()
    ) -> None:
        """The day of a table of the lake, reported as written with its profile and where its columns come from.

        `made_from`: the inputs behind it, where those are not all that the step reads.
        """
        slice_ = self.tracked.lake.write(table, self.day, frame)
        dataset = _at(self.tracked.dataset(LAKE, table, frame), slice_)
        if table in PROFILED:
            dataset = self._profile(dataset, frame, "output")
        self._output(dataset, derivations)
        if made_from:
            self.run.edges(dataset, [read for name in made_from for read in self._read[name]], complete=True)

    def output(
        self,
        namespace: str,
        name: str,
        version: str,
        derivations: Iterable[Derivation] = (),
        rows: int | None = None,
    ) -> None:
        """Something outside the lake, reported as written; with rows it is one of a day."""
        dataset = self.tracked.dataset(namespace, name).at(version=version)
        if rows is not None:
            dataset = dataset.at(rows=rows, partitions=[f"day={self.day}"])
        self._output(dataset, derivations)

    def parameter(self, name: str, value: object) -> None:
        """A parameter of the run."""
        self.run.parameter(name, value)

    def metric(self, name: str, value: float, about: Dataset, split: str | None = None) -> None:
        """A number that the run measured about a dataset or model version."""
        self.run.metric(name, value, split=split, about=about)

    def predict(
        self,
        versions: Mapping[str, str],
        keys: Sequence[str],
        features: pl.DataFrame,
        predicted: pl.Series,
    ) -> None:
        """Tell one prediction a row. `versions`: of model, deployment and stream, by dataset name."""
        handles = {name: self.tracked.dataset(MODELS, name).at(version=version) for name, version in versions.items()}
        predictor = self.tracked.producer.predictions(
            model=handles[MODEL],
            deployment=handles[DEPLOYMENT],
            stream=handles[STREAM],
            sources=self._read[FEATURES],
            public_keys=True,
            values=True,
        )
        moment = self.tracked.clock()
        for key, row, value in zip(keys, features.iter_rows(named=True), predicted, strict=True):
            predictor.emit(key, features=row, outputs={"air_time": value}, run=self.run, event_time=moment)

    def _output(self, dataset: Dataset, derivations: Iterable[Derivation]) -> None:
        self.run.output(dataset)
        for target, namespace, name, column, subtype, transformation in derivations:
            read = self._read.get(name)
            if not read:
                continue  # what was not delivered is no source
            # Without a version it stands for every version that this run has read.
            source = read[0] if len(read) == 1 else self.tracked.dataset(namespace, name)
            self.run.lineage(dataset, target, source, column, transformation=transformation, subtype=subtype)

    def _profile(self, dataset: Dataset, frame: pl.DataFrame, role: str) -> Dataset:
        columns = [name for name in frame.columns if name not in self.tracked.identifiers]
        return self.run.profile(dataset, frame.select(columns), role=role, partitions=[f"day={self.day}"])


def _at(dataset: Dataset, slice_: Slice) -> Dataset:
    return dataset.at(
        version=slice_.version,
        version_origin="digest",
        rows=slice_.rows,
        bytes=slice_.bytes,
        partitions=[f"day={slice_.day}"],
    )
