"""A writer schema's program and how it is run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from headwater.schemas.codec import kernel
from headwater.schemas.codec.batch import Batch, Capture
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
        rows = np.zeros(self.levels, np.int64)
        capacity = np.array([count] + [int(count * seen * 1.1) + 64 for seen in self._seen], np.int64)
        room = self._room(capacity)
        first = 0
        while True:
            out, valid, lane_base, valid_base = room
            first, full, needed = kernel.run(
                self.code,
                bodies.buffer,
                bodies.starts,
                bodies.ends,
                first,
                error,
                self.lanes,
                lane_base,
                self.valids,
                valid_base,
                capacity,
                rows,
                out,
                valid,
            )
            if first == count:
                break
            used, capacity = capacity, capacity.copy()
            share = (first + 1) / count
            capacity[full] = max(needed * 2, int(needed / share * 1.1))
            room = self._grow(room, used, capacity)
        for level in range(1, self.levels):
            if count:
                self._seen[level - 1] = max(self._seen[level - 1] * 0.9, float(rows[level]) / count)
        return self._batch(bodies, error, capacity, rows, room)

    def _room(self, capacity: Numbers) -> tuple[Numbers, NDArray[np.uint8], Numbers, Numbers]:
        """Zeroed lanes, one after another. A base is that of the first row; one cell stands before it, so that
        a list's counts, summed up, are its offsets.
        """
        sizes = capacity[self.lanes] + 1
        valid_sizes = capacity[self.valids]
        return (
            np.zeros(int(sizes.sum()), np.int64),
            np.zeros(int(valid_sizes.sum()), np.uint8),
            np.cumsum(sizes) - sizes + 1,
            np.cumsum(valid_sizes) - valid_sizes,
        )

    def _grow(
        self, room: tuple[Numbers, NDArray[np.uint8], Numbers, Numbers], used: Numbers, capacity: Numbers
    ) -> tuple[Numbers, NDArray[np.uint8], Numbers, Numbers]:
        out, valid, lane_base, valid_base = room
        grown = self._room(capacity)
        for lane, level in enumerate(self.lanes):
            length = used[level] + 1
            grown[0][grown[2][lane] - 1 :][:length] = out[lane_base[lane] - 1 :][:length]
        for lane, level in enumerate(self.valids):
            grown[1][grown[3][lane] :][: used[level]] = valid[valid_base[lane] :][: used[level]]
        return grown

    def _batch(
        self,
        bodies: Bodies,
        error: Numbers,
        capacity: Numbers,
        rows: Numbers,
        room: tuple[Numbers, NDArray[np.uint8], Numbers, Numbers],
    ) -> Batch:
        out, valid, lane_base, valid_base = room
        used = [len(bodies), *(int(count) for count in rows[1:])]
        lanes = [out[base - 1 : base + capacity[level]] for base, level in zip(lane_base, self.lanes, strict=True)]
        valids = [valid[base : base + capacity[level]] for base, level in zip(valid_base, self.valids, strict=True)]
        for capture in self.captures.values():
            if capture.form == "list" and not capture.absent:
                counts = lanes[capture.lane]
                np.cumsum(counts, out=counts)
        return Batch(error=error, buffer=bodies.buffer, rows=used, captures=self.captures, lanes=lanes, valids=valids)


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
