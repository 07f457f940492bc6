"""Run events in, edge sets out: the stitching step."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.schemas import plain, records
from headwater.schemas.codec import Bodies, Program
from headwater.schemas.framing import CONFLUENT_HEADER, SINGLE_OBJECT_HEADER, read_header
from headwater.schemas.records import Schema
from headwater.schemas.topics import EDGES, RUNS
from headwater.settings import Settings
from headwater.stitching import kernel, ordinary
from headwater.stitching.edge_sets import edge_sets
from headwater.stitching.facts import read_facts
from headwater.stitching.runs import Run, Runs
from headwater.stitching.unit import Unit
from headwater.streams import Batch, Group, Output, Round, instance_id

_PADDING = bytes(16)


def _now_us() -> int:
    return time.time_ns() // 1000


@dataclass(frozen=True)
class _Part:
    """The rows of a batch that can take the compiled path together: one writer schema, each key in it only."""

    program: Program
    schema: Schema
    #: Rows of each key, in order of arrival.
    rows: dict[bytes, list[int]]


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
        self._programs: dict[Schema, Program | None] = {}
        self._places: dict[int, tuple[Schema, bytes]] = {}

    def process(self, batch: Batch) -> Sequence[Output]:
        """Edge sets of what this chunk makes known or withdraws."""
        runs = self._partitions.get(batch.partition)
        if runs is None:
            runs = self._partitions[batch.partition] = Runs(
                int(self._settings.stitching_horizon_seconds * 1000), int(self._settings.stitching_open_seconds * 1000)
            )
        parts, rest = self._divide(batch, runs)
        outputs: list[Output] = []
        for part in parts:
            outputs += self._ordinary(batch, part, runs, rest)
        for key, rows in rest.items():
            outputs += self._folded(batch, key, rows, runs)
        runs.forget()
        return outputs

    def flush(self) -> None:
        """Nothing is put away elsewhere."""

    def tick(self, now_us: int) -> Sequence[Output]:  # noqa: ARG002 — edges follow from events, never from time
        """Nothing: edges follow from events, never from time."""
        return ()

    def revoked(self, partitions: set[tuple[str, int]]) -> None:
        """Forget partitions that another worker has now."""
        for _topic, partition in partitions:
            self._partitions.pop(partition, None)

    def _divide(self, batch: Batch, runs: Runs) -> tuple[list[_Part], dict[bytes, list[tuple[Schema, int]]]]:
        """What takes the compiled path, and the rows of the other keys with their schemas, in order of arrival."""
        by_group: list[tuple[Group, dict[bytes, list[int]]]] = []
        for group in batch.groups:
            rows_of: dict[bytes, list[int]] = {}
            for row in group.rows.tolist():
                key = batch.keys[row] or b""
                known = rows_of.get(key)
                if known is None:
                    rows_of[key] = [row]
                else:
                    known.append(row)
            by_group.append((group, rows_of))
        rest: dict[bytes, list[tuple[Schema, int]]] = {}
        parts: list[_Part] = []
        for group, rows_of in by_group:
            program = self._program(group.schema)
            others = [other for _, other in by_group if other is not rows_of]
            for key in list(rows_of):
                run = runs.get(key)
                if (
                    program is None
                    or not key
                    or (run is not None and (run.units is not None or run.schema != group.schema))
                    or any(key in other for other in others)
                ):
                    rest.setdefault(key, []).extend((group.schema, row) for row in rows_of.pop(key))
            if rows_of and program is not None:
                parts.append(_Part(program, group.schema, rows_of))
        for rows in rest.values():
            rows.sort(key=lambda one: one[1])
        return parts, rest

    def _program(self, schema: Schema) -> Program | None:
        if schema not in self._programs:
            self._programs[schema] = ordinary.program(schema)
        return self._programs[schema]

    def _ordinary(
        self, batch: Batch, part: _Part, runs: Runs, rest: dict[bytes, list[tuple[Schema, int]]]
    ) -> list[Output]:
        """Stitch ordinary runs; those that turn out not to be go to `rest`."""
        kept = [runs.get(key) for key in part.rows]
        messages: list[bytes] = []
        old = np.zeros(len(kept), np.int64)
        ends = np.zeros(len(kept) + 1, np.int64)
        values = batch.values
        for place, (run, rows) in enumerate(zip(kept, part.rows.values(), strict=True)):
            if run is not None:
                messages += run.messages
                old[place] = len(run.messages)
            for row in rows:
                messages.append(values[row])
            ends[place + 1] = len(messages)
        stitched = ordinary.stitch(part.program, _join(messages), ends, old, instance_id(), self._now_us())
        outputs: list[Output] = []
        made = iter(stitched.messages)
        doubled = stitched.doubled.tolist() if stitched.doubled.any() else None
        outcomes = stitched.outcome.tolist()
        ended = stitched.ended.tolist()
        first = 0
        for place, (key, rows) in enumerate(part.rows.items()):
            last = first + len(rows) + (len(kept[place].messages) if kept[place] else 0)  # type: ignore[union-attr]
            outcome = outcomes[place]
            if outcome == kernel.ODD:
                rest[key] = [(part.schema, row) for row in rows]
                first = last
                continue
            if outcome == kernel.MESSAGE:
                outputs.append(Output(EDGES.name, key, next(made)))
            run = kept[place]
            if run is None:
                run = Run(part.schema)
            said = messages[last - len(rows) : last]
            if doubled is not None:
                said = [m for at, m in enumerate(said, last - len(rows)) if not doubled[at]]
            run.messages += said
            run.ended = bool(ended[place])
            runs.put(key, run, int(batch.timestamps[rows[-1]]))
            first = last
        return [] if batch.replaying else outputs

    def _folded(self, batch: Batch, key: bytes, rows: list[tuple[Schema, int]], runs: Runs) -> list[Output]:
        """The plain path: the run's events are folded into units, one for each of its jobs."""
        run = runs.get(key) or Run(None)
        if run.units is None:
            run.units = {}
            for message in run.messages:
                _add(run.units, run.schema, message)
            for unit in run.units.values():
                unit.changes.take()
            run.messages, run.schema = [], None
        touched: dict[Any, Unit] = {}
        for schema, row in rows:
            unit = _add(run.units, schema, batch.values[row])
            touched[unit.scope] = unit
        run.ended = all(unit.ended for unit in run.units.values())
        runs.put(key, run, int(batch.timestamps[rows[-1][1]]))
        outputs: list[Output] = []
        for unit in touched.values():
            changes = unit.changes.take()
            if changes and not batch.replaying:
                outputs += [
                    Output(EDGES.name, key, message)
                    for message in edge_sets(
                        unit.scope,
                        unit.state,
                        changes,
                        unit.described,
                        producer_id=instance_id(),
                        now_us=self._now_us(),
                    )
                ]
        return outputs


def _join(messages: list[bytes]) -> Bodies:
    buffer = np.frombuffer(b"".join([*messages, _PADDING]), np.uint8)
    lengths: NDArray[np.int64] = np.fromiter(map(len, messages), np.int64, len(messages))
    ends = np.cumsum(lengths)
    starts = ends - lengths
    # Both forms of framing may stand side by side.
    return Bodies(buffer, starts + np.where(buffer[starts] == 0, CONFLUENT_HEADER, SINGLE_OBJECT_HEADER), ends)


def _add(units: dict[Any, Unit], schema: Schema | None, message: bytes) -> Unit:
    current = records.current("run_event")
    writer = schema or current
    body = message[read_header(message).length :]
    facts = read_facts(plain.decode(writer, body, None if writer == current else current))
    unit = units.get(facts.scope)
    if unit is None:
        unit = units[facts.scope] = Unit(facts.scope)
    unit.add(facts)
    return unit
