"""Ordinary runs: their bodies decoded together by the codec and stitched by the kernel."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ContractError
from headwater.schemas import records
from headwater.schemas.codec import Batch as Decoded
from headwater.schemas.codec import Bodies, Program, compile_schema
from headwater.schemas.framing import CONFLUENT_HEADER, SINGLE_OBJECT_HEADER, single_object_header
from headwater.schemas.records import Schema
from headwater.stitching import kernel
from headwater.stitching.layout import neighbours
from headwater.streams.batch import Group

Numbers = NDArray[np.int64]
Bytes = NDArray[np.uint8]

_PADDING = bytes(16)
#: Of what the kernel writes into no more is held between chunks.
_ROOM_BYTES = 16 * 1024 * 1024
_NODE = ("namespace", "name", "version", "version_origin", "kind")
_ROW = (
    "column", "target_column", "transformation", "subtype", "description", "masking", "confidence", "captured",
)  # fmt: skip
_REF = ("run_id", "job_namespace", "job_name")
_COLUMNS = "outputs[].column_lineage[]"
_CAPTURES = (
    "event_id", "event_time", "parts",
    "run", "run.run_id", "run.state", "run.links[]",
    "run.parent", "run.parent.run_id..job_name", "run.root", "run.root.run_id..job_name",
    "job", "job.namespace..name",
    "inputs[]", "inputs[].namespace..name", "inputs[].namespace..version", "inputs[].namespace..kind",
    "outputs[]", "outputs[].namespace..name", "outputs[].namespace..version", "outputs[].namespace..kind",
    "outputs[].version", "outputs[].edges[]", "outputs[].edges_complete",
    _COLUMNS, f"{_COLUMNS}.namespace..name", f"{_COLUMNS}.namespace..version", f"{_COLUMNS}.version",
    f"{_COLUMNS}.column..captured",
)  # fmt: skip


@lru_cache(maxsize=512)
def program(schema: Schema) -> Program | None:
    """The program of a writer schema whose bytes can be copied into an edge set as they are; None for another."""
    ours = records.current("run_event")
    shapes = ((("inputs",), _NODE), (("outputs", "column_lineage"), _ROW), (("run", "parent"), _REF))
    for path, fields in shapes:
        if neighbours(schema, path, fields) != neighbours(ours, path, fields):
            return None
    try:
        return compile_schema(schema, _CAPTURES)
    except ContractError:
        return None


class _Rooms(threading.local):
    """One room a thread, in which the kernel works without the GIL, and one for what it writes: memory that is had
    anew for each chunk costs more than what is written into it.
    """

    def __init__(self) -> None:
        self.room = kernel.room()
        self._out: Bytes = np.empty(1 << 20, np.uint8)

    def out(self, size: int) -> Bytes:
        """So many bytes at least."""
        if size <= len(self._out):
            return self._out
        made: Bytes = np.empty(size, np.uint8)
        if size <= _ROOM_BYTES:
            self._out = made
        return made


_rooms = _Rooms()


@dataclass(frozen=True)
class Stitched:
    """Of R runs whose bodies stand at N places. `outcome` int64[R] of kernel.NOTHING …; `doubled` uint8[N]: says
    nothing that earlier bodies of its run did not; `ended` uint8[R]; `messages`: of each run with outcome MESSAGE.
    """

    outcome: Numbers
    doubled: Bytes
    ended: Bytes
    messages: list[bytes]


@dataclass(frozen=True)
class Told:
    """Bodies with what they say. Row n is body n."""

    decoded: Decoded
    ends: Numbers

    @staticmethod
    def of(program: Program, group: Group) -> Told:
        """What a group says; all is decoded already where it was proved by this program."""
        decoded = group.decoded if group.decoded is not None and group.proved_by is program else None
        return Told(decoded or program.decode(group.bodies), group.bodies.ends)


def stitch(
    program: Program,
    new: Told,
    kept: list[bytes],
    order: Numbers,
    runs: Numbers,
    old: Numbers,
    producer_id: bytes,
    now_us: int,
) -> Stitched:
    """Stitch runs. `new`: the chunk's bodies; `kept`: messages from before, whose rows are behind the chunk's.

    Bodies of run r are rows order[runs[r]] to order[runs[r + 1]], in order of arrival, the first old[r] of which were
    stitched before. All must be proved.
    """
    lengths: Numbers = np.fromiter(map(len, kept), np.int64, len(kept))
    behind: tuple[Bytes, Numbers] | None = None
    if kept:
        begin = len(new.decoded.buffer)
        joined = np.frombuffer(b"".join((new.decoded.buffer.data, *kept, _PADDING)), np.uint8)
        behind = joined, begin + np.cumsum(lengths)
    return stitch_laid(program, new, behind, lengths, order, runs, old, producer_id, now_us)


def stitch_laid(
    program: Program,
    new: Told,
    kept: tuple[Bytes, Numbers] | None,
    lengths: Numbers,
    order: Numbers,
    runs: Numbers,
    old: Numbers,
    producer_id: bytes,
    now_us: int,
) -> Stitched:
    """As `stitch`. `kept`: the chunk's buffer with the messages from before behind it, padded, and where each ends;
    `lengths`: of each. None where there are none.
    """
    buffer, body_ends, said = _together(program, new, kept, lengths)
    count = len(runs) - 1
    outcome = np.zeros(count, np.int64)
    doubled = np.zeros(len(order), np.uint8)
    ended = np.zeros(count, np.uint8)
    starts, ends = np.zeros(count, np.int64), np.zeros(count, np.int64)
    head = np.frombuffer(_head(producer_id, now_us), np.uint8)
    size = 1024 * count + 4096
    messages: list[bytes] = []
    first = 0
    while True:
        out = _rooms.out(size)
        upto, length = kernel.stitch(
            buffer, body_ends, order, runs, old, said, _rooms.room, head,
            outcome, doubled, ended, out, starts, ends, first,
        )  # fmt: skip
        whole = out[:length].tobytes()
        made = np.flatnonzero(outcome[first:upto] == kernel.MESSAGE) + first
        messages += [whole[a:b] for a, b in zip(starts[made].tolist(), ends[made].tolist(), strict=True)]
        if upto == count:
            return Stitched(outcome, doubled, ended, messages)
        size = max(size, 1 << 20) if upto > first else size * 4
        first = upto


def _together(
    program: Program, new: Told, kept: tuple[Bytes, Numbers] | None, lengths: Numbers
) -> tuple[Bytes, Numbers, Numbers]:
    """One buffer, where its bodies end, and the columns of all of them."""
    if kept is None:
        return new.decoded.buffer, new.ends, kernel.pack(_columns(new.decoded))
    buffer, ends = kept
    starts = ends - lengths
    starts += np.where(buffer[starts] == 0, CONFLUENT_HEADER, SINGLE_OBJECT_HEADER)
    before = program.decode(Bodies(buffer, starts, ends))
    columns = kernel.pack(_columns(new.decoded), _columns(before))
    return before.buffer, np.concatenate((new.ends, ends)), columns


def _head(producer_id: bytes, now_us: int) -> bytes:
    value = now_us << 1
    number = bytearray()
    while value >= 128:
        number.append(value & 127 | 128)
        value >>= 7
    number.append(value)
    return b"".join((single_object_header(records.current("edge_set")), number, producer_id, b"\0"))


def _columns(decoded: Decoded) -> Sequence[NDArray[Any]]:
    """What the kernel takes."""

    def span(path: str) -> tuple[Numbers, Numbers]:
        found = decoded.spans(path)
        return found.starts, found.ends

    def valid(path: str) -> Bytes:
        found = decoded.spans(path)
        return np.ones(len(found.starts), np.uint8) if found.valid is None else found.valid

    def dataset(path: str) -> tuple[Numbers, Numbers, Numbers]:
        begins, names = span(f"{path}.namespace..name")
        return begins, names, span(f"{path}.namespace..version")[1]

    return (
        span("event_id")[0],
        decoded.integers("event_time").values,
        decoded.integers("parts").values,
        decoded.presence("run"),
        span("run.run_id")[0],
        *span("run.state"),
        decoded.presence("run.parent"),
        *span("run.parent.run_id..job_name"),
        decoded.presence("run.root"),
        *span("run.root.run_id..job_name"),
        decoded.offsets("run.links[]"),
        decoded.presence("job"),
        *span("job.namespace..name"),
        decoded.offsets("inputs[]"),
        *dataset("inputs[]"),
        span("inputs[].namespace..kind")[1],
        decoded.offsets("outputs[]"),
        *dataset("outputs[]"),
        span("outputs[].namespace..kind")[1],
        valid("outputs[].version"),
        decoded.offsets("outputs[].edges[]"),
        decoded.integers("outputs[].edges_complete").values,
        decoded.offsets(_COLUMNS),
        *dataset(_COLUMNS),
        valid(f"{_COLUMNS}.version"),
        *span(f"{_COLUMNS}.column..captured"),
    )
