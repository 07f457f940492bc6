"""A writer schema's program and how it is run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from headwater.schemas.codec import kernel
from headwater.schemas.codec.batch import Batch, Capture, Cells
from headwater.schemas.codec.bodies import Bodies
from headwater.schemas.codec.generate import generate
from headwater.schemas.records import Schema

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Program:
    """A schema as the kernel runs it. Threads may share it."""

    schema: Schema
    captures: Mapping[str, Capture]
    code: NDArray[np.int32]
    #: Of each lane of numbers, and of each of validity: the level whose rows it has.
    lanes: Numbers
    valids: Numbers
    #: Levels of lists, the record itself included as level 0.
    levels: int
    #: Rows of each level for a body, as seen so far: how much room a batch is given at first.
    _seen: list[float] = field(default_factory=list[float], compare=False, repr=False)

    def decode(self, bodies: Bodies) -> Batch:
        """Prove each body whole and read the captures."""
        count = len(bodies)
        error = np.zeros(count, np.int64)
        used = np.zeros(self.levels, np.int64)
        capacity = np.array([count] + [int(count * seen * 1.1) + 64 for seen in self._seen], np.int64)
        room = _Room(self.lanes, self.valids, capacity)
        first = 0
        while True:
            first, full, needed = kernel.run(
                self.code,
                (bodies.buffer, bodies.starts, bodies.ends),
                first,
                error,
                (room.capacity, used),
                (room.lanes, room.out),
                (room.valids, room.valid),
                (np.zeros_like(used), np.empty_like(used), np.empty((kernel.DEPTH, kernel.FRAME), np.int64)),
            )
            if first == count:
                break
            capacity = capacity.copy()
            capacity[full] = max(needed * 2, int(needed * count / (first + 1) * 1.1))
            room = room.grown(capacity)
        used[0] = count
        rows: list[int] = used.tolist()
        for level, seen in enumerate(self._seen, 1):
            self._seen[level - 1] = max(seen * 0.9, rows[level] / count) if count else seen
        cells = room.cells()
        for capture in self.captures.values():
            if capture.form == "list" and not capture.absent:
                base = cells.lanes[capture.lane]
                counts = cells.numbers[base - 1 : base + rows[capture.level]]
                np.cumsum(counts, out=counts)
        return Batch(error=error, buffer=bodies.buffer, rows=rows, captures=self.captures, cells=cells)


class _Room:
    """Zeroed cells for all lanes, one lane after another.

    Before a lane's first row stands one cell more, so that a list's counts, summed up, are its offsets.
    """

    def __init__(self, lanes: Numbers, valids: Numbers, capacity: Numbers) -> None:
        self.capacity = capacity
        self.lanes, cells = _placed(lanes, capacity[lanes] + 1)
        self.lanes[1] += 1
        self.valids, flags = _placed(valids, capacity[valids])
        self.out = np.zeros(cells, np.int64)
        self.valid = np.zeros(flags, np.uint8)

    def cells(self) -> Cells:
        """What was written."""
        return Cells(self.out, self.valid, self.lanes[1].tolist(), self.valids[1].tolist())

    def columns(self) -> tuple[list[Numbers], list[NDArray[np.uint8]]]:
        """Each lane's cells, the one before its rows included, and each validity's."""
        return (
            [self.out[base - 1 : base + self.capacity[level]] for level, base in self.lanes.T],
            [self.valid[base : base + self.capacity[level]] for level, base in self.valids.T],
        )

    def grown(self, capacity: Numbers) -> _Room:
        """The same with more room."""
        room = _Room(self.lanes[0], self.valids[0], capacity)
        (lanes, valids), (more_lanes, more_valids) = self.columns(), room.columns()
        for numbers, more in zip(lanes, more_lanes, strict=True):
            more[: len(numbers)] = numbers
        for flags, more_flags in zip(valids, more_valids, strict=True):
            more_flags[: len(flags)] = flags
        return room


def _placed(levels: Numbers, sizes: Numbers) -> tuple[Numbers, int]:
    """The levels with where each begins, one behind the other, int64[2, L]; and where the last one ends."""
    placed = np.empty((2, len(levels)), np.int64)
    placed[0] = levels
    if not len(levels):
        return placed, 0
    np.cumsum(sizes, out=placed[1])
    end = int(placed[1, -1])
    placed[1] -= sizes
    return placed, end


def compile_schema(schema: Schema, captures: Iterable[str] = (), reader: Schema | None = None) -> Program:
    """The program of a writer schema. `captures`: paths (see `captures`); `reader`: the schema that says what
    a path holds that the writer does not have, by default the current version of that record.

    Raises ContractError where the schema has a type that the contract does not allow (take the plain path), or
    a path that neither schema has.
    """
    return _compile(schema, tuple(captures), reader)


@lru_cache(maxsize=512)
def _compile(schema: Schema, captures: tuple[str, ...], reader: Schema | None) -> Program:
    generated = generate(schema, captures, reader)
    return Program(
        schema,
        generated.captures,
        np.array(generated.code, np.int32),
        np.array(generated.lanes, np.int64),
        np.array(generated.valids, np.int64),
        generated.levels,
        [4.0] * (generated.levels - 1),
    )
