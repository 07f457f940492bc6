"""Run events in, edge sets out: the stitching step."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, cast

import numpy as np

from headwater.schemas.codec import Program
from headwater.schemas.records import Schema
from headwater.schemas.topics import EDGES, RUNS
from headwater.settings import Settings
from headwater.stitching import kernel, ordinary
from headwater.stitching.folding import fold, said
from headwater.stitching.runs import HEAD, Folded, Ordinary, Runs
from headwater.streams import Batch, Output, Round, instance_id

#: Rows of a key in a batch: one, or several in order of arrival.
_Rows = int | list[int]
#: Rows with their writer schema, in order of arrival.
_Rest = dict[bytes, list[tuple[Schema, int]]]


def _now_us() -> int:
    return time.time_ns() // 1000


class StitchingStep:
    """State: the messages of each run, forgotten beyond the horizons that `consumers/README.md` states."""

    name = "stitching"
    inputs = (RUNS.name,)
    round = Round()

    def __init__(self, settings: Settings, now_us: Callable[[], int] = _now_us) -> None:
        self._settings = settings
        self._now_us = now_us
        self.lookback: timedelta | None = timedelta(seconds=settings.stitching_lookback_seconds)
        self._partitions: dict[int, Runs] = {}
        #: Writer schemas by number, with the programs of those whose runs can take the compiled path.
        self._schemas: list[Schema] = []
        self._programs: list[Program | None] = []

    def process(self, batch: Batch) -> Sequence[Output]:
        """Edge sets of what this chunk makes known or withdraws."""
        if not batch.groups:
            return ()
        runs = self._partitions.get(batch.partition)
        if runs is None:
            horizon, still_open = self._settings.stitching_horizon_seconds, self._settings.stitching_open_seconds
            runs = self._partitions[batch.partition] = Runs(int(horizon * 1000), int(still_open * 1000))
        arrival = runs.arrive(int(batch.timestamps.max()))
        by_schema = [(self._number(group.schema), _rows_by_key(batch, group.rows.tolist())) for group in batch.groups]
        rest = self._set_apart(by_schema, runs)
        outputs: list[Output] = []
        for number, rows_of in by_schema:
            if rows_of:
                outputs += self._stitch(batch, number, rows_of, runs, rest, arrival)
        for key, rows in rest.items():
            outputs += self._fold(batch, key, rows, runs, arrival)
        runs.touch([key for _, rows_of in by_schema for key in rows_of] + list(rest))
        return () if batch.replaying else outputs

    def flush(self) -> None:
        """Nothing is put away elsewhere."""

    def tick(self, now_us: int) -> Sequence[Output]:  # noqa: ARG002 — a step's shape
        """Nothing: edges follow from events, never from time."""
        return ()

    def revoked(self, partitions: set[tuple[str, int]]) -> None:
        """Forget partitions that another worker has now."""
        for _topic, partition in partitions:
            self._partitions.pop(partition, None)

    def _number(self, schema: Schema) -> int:
        if schema not in self._schemas:
            self._schemas.append(schema)
            self._programs.append(ordinary.program(schema))
        return self._schemas.index(schema)

    def _set_apart(self, by_schema: list[tuple[int, dict[bytes, _Rows]]], runs: Runs) -> _Rest:
        """Take out of the rows by key what cannot take the compiled path: runs of several schemas, and others."""
        rest: _Rest = {}
        for number, rows_of in by_schema:
            apart: set[bytes] = {b""} & rows_of.keys()
            if self._programs[number] is None:
                apart = set(rows_of)
            for other, others in by_schema:
                if other != number or others is not rows_of:
                    apart |= rows_of.keys() & others.keys()
            self._take(rows_of, apart | (rest.keys() & rows_of.keys()), number, rest)
        if len(self._schemas) > 1 or runs.folded:
            for number, rows_of in by_schema:
                kept = ((key, runs.kept.get(key)) for key in rows_of)
                apart = {key for key, run in kept if run is not None and (isinstance(run, Folded) or run[2] != number)}
                self._take(rows_of, apart, number, rest)
        for rows in rest.values():
            rows.sort(key=lambda one: one[1])
        return rest

    def _take(self, rows_of: dict[bytes, _Rows], keys: set[bytes], number: int, rest: _Rest) -> None:
        for key in keys:
            rows = rows_of.pop(key)
            schema = self._schemas[number]
            rest.setdefault(key, []).extend((schema, row) for row in ([rows] if isinstance(rows, int) else rows))

    def _stitch(
        self, batch: Batch, number: int, rows_of: dict[bytes, _Rows], runs: Runs, rest: _Rest, arrival: int
    ) -> list[Output]:
        """Stitch ordinary runs together; those that turn out not to be ordinary go to `rest`."""
        messages: list[bytes] = []
        firsts: list[int] = []
        news: list[int] = []
        values, kept = batch.values, runs.kept
        get = kept.get
        for key, rows in rows_of.items():
            firsts.append(len(messages))
            run = get(key)
            if run is not None:
                messages += cast("tuple[bytes, ...]", run)[HEAD:]
            news.append(len(messages))
            if type(rows) is int:
                messages.append(values[rows])
            else:
                messages += [values[row] for row in cast("list[int]", rows)]
        firsts.append(len(messages))
        starts = np.array(firsts, np.int64)
        program = cast("Program", self._programs[number])
        bodies = ordinary.join(messages)
        stitched = ordinary.stitch(
            program, bodies, starts, np.array(news, np.int64) - starts[:-1], instance_id(), self._now_us()
        )
        doubled = stitched.doubled.tolist() if stitched.doubled.any() else None
        ended = stitched.ended.tolist()
        odd = stitched.outcome == kernel.ODD
        keys = list(rows_of)
        if odd.any():
            for place in np.flatnonzero(odd).tolist():
                self._take(rows_of, {keys[place]}, number, rest)
        for place, key in enumerate(keys):
            if key not in rows_of:
                continue
            said_now = messages[firsts[place] : firsts[place + 1]]
            if doubled is not None:
                said_now = [m for at, m in enumerate(said_now, firsts[place]) if not doubled[at]]
            kept[key] = (arrival, ended[place], number, *said_now)
        topic = EDGES.name
        makers = np.flatnonzero(stitched.outcome == kernel.MESSAGE).tolist()
        return [Output(topic, keys[place], made) for place, made in zip(makers, stitched.messages, strict=True)]

    def _fold(self, batch: Batch, key: bytes, rows: list[tuple[Schema, int]], runs: Runs, arrival: int) -> list[Output]:
        """The plain path: the run's events are folded into units, one for each of its jobs."""
        run = runs.kept.get(key)
        if not isinstance(run, Folded):
            before: Ordinary = run or (0, 0, 0)
            run = Folded()
            fold(run, [(self._schemas[cast("int", before[2])], cast("bytes", m)) for m in before[HEAD:]])
            said(run, key, instance_id(), self._now_us())
            runs.kept[key] = run
            runs.folded += 1
        run.arrival = arrival
        fold(run, [(schema, batch.values[row]) for schema, row in rows])
        return said(run, key, instance_id(), self._now_us())


def _rows_by_key(batch: Batch, rows: list[int]) -> dict[bytes, _Rows]:
    """The rows of each key, in order of arrival; messages without a key are under the empty one."""
    keys: Any = batch.keys
    found: dict[bytes, _Rows] = {}
    for row in rows:
        key = keys[row] or b""
        before = found.get(key)
        if before is None:
            found[key] = row
        elif type(before) is int:
            found[key] = [before, row]
        else:
            cast("list[int]", before).append(row)
    return found
