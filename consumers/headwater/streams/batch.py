"""What a step gets: the proved records of one fetched chunk of a partition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headwater.schemas import plain, records
from headwater.schemas.codec import Batch as Decoded
from headwater.schemas.codec import Bodies, Program
from headwater.schemas.decoding import reader
from headwater.schemas.records import Schema
from headwater.streams.slices import Slices

if TYPE_CHECKING:
    from headwater.streams.step import Output

_RECORD_OF: Mapping[str, str] = {records.current(record).name: record for record in records.RECORDS}


@dataclass(frozen=True)
class Group:
    """Records of one writer schema. `rows` int64[N]: their places in the batch; `bodies`: N, all proved whole.

    `proved_by`, `decoded`: the step's own program, where it has one for that schema, and what it read.
    """

    schema: Schema
    rows: NDArray[np.int64]
    bodies: Bodies
    proved_by: Program | None = None
    decoded: Decoded | None = None

    def dicts(self, parts: Iterable[str] = ()) -> list[dict[str, Any]]:
        """Each record in the shape of its record's current version. `parts`: what of it must be there (paths of
        `headwater.schemas.decoding`); all else may be left out.
        """
        current = records.current(_RECORD_OF[self.schema.name])
        same = current == self.schema
        if same and parts:
            read, raw = reader(current, parts), self.bodies.buffer.tobytes()
            starts, ends = self.bodies.starts.tolist(), self.bodies.ends.tolist()
            return [read(raw[start:end]) for start, end in zip(starts, ends, strict=True)]
        shape = None if same else current
        return [plain.decode_proved(self.schema, self.bodies[i], shape) for i in range(len(self.bodies))]


@dataclass(frozen=True)
class Batch:
    """One fetched chunk of one partition, without what went to dead letters (that has a place, and no group).

    `topic` without the prefix; `keys`, `values` (whole messages, header included), `offsets` int64[N] and
    `timestamps` int64[N] (the broker's, ms since 1970 UTC) have a place for each message of the chunk.
    `generation` names the life of a broker whose offsets restart with it. `replaying`: fed again to re-derive
    state, outputs are dropped. `made`: of messages that a step reads itself, what it made of them.
    """

    topic: str
    partition: int
    keys: Sequence[bytes | None]
    offsets: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    groups: list[Group]
    values: Sequence[bytes]
    replaying: bool = False
    generation: str | None = None
    made: Sequence[Output] = ()

    @property
    def bytes(self) -> int:
        """Bytes of all messages."""
        return int(Slices.of(self.values).lengths.sum())
