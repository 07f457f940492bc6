"""The memory of finished runs: of each the coordinates of its messages, packed, and what tells repeated ones."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headwater.errors import StateError
from headwater.stitching.hashing import IDENTITY, Numbers, Table, Words

#: What blocks on the state topic begin with. A worker refuses another.
VERSION = 1
_HEAD = struct.Struct("<BxHIq")
#: A block's runs, and messages of them, at most: 16 bytes a run and 16 a message stay well below a message's limit.
_RUNS, _MESSAGES = 4096, 24_000
_ROW_BITS = 20


@dataclass(frozen=True)
class Ended:
    """N finished runs with M messages. `counts` int64[N]: messages of each; `offsets` int64[M] in the partition,
    `digests` uint64[M] of their bodies.
    """

    ids: Words
    counts: Numbers
    offsets: Numbers
    digests: Words

    def cut(self) -> Iterator[Ended]:
        """In pieces that fit a block."""
        behind = np.cumsum(self.counts)
        first = done = 0
        while first < len(self.ids):
            last = int(np.searchsorted(behind, done + _MESSAGES, "right"))
            last = min(max(last, first + 1), first + _RUNS)
            upto = int(behind[last - 1])
            yield Ended(self.ids[first:last], self.counts[first:last], self.offsets[done:upto], self.digests[done:upto])
            first, done = last, upto


class _Block(NamedTuple):
    """`arrival`: of its newest message; `firsts`: where each run's messages begin in `offsets` and `digests`."""

    name: bytes
    arrival: int
    firsts: NDArray[np.uint32]
    offsets: Numbers
    digests: Words

    @property
    def nbytes(self) -> int:
        return self.firsts.nbytes + self.offsets.nbytes + self.digests.nbytes + 1024


class Finished:
    """Finished runs of a partition, in blocks as they stand on the state topic. Times are ms since 1970 UTC."""

    def __init__(self) -> None:
        self._table = Table(1)
        self._blocks: dict[int, _Block] = {}
        self._numbers: dict[bytes, int] = {}
        self._bytes = 0
        self._dead = 0
        self._next = 0

    def __len__(self) -> int:
        return self._table.count

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return self._bytes + self._table.nbytes

    def add(self, arrival: int, ended: Ended) -> Iterator[tuple[bytes, bytes]]:
        """Remember runs, different from one another; the blocks to write, each with its name."""
        for part in ended.cut():
            name = os.urandom(IDENTITY)
            self._take(name, arrival, part)
            head = _HEAD.pack(VERSION, 0, len(part.ids), arrival)
            columns = (part.ids, part.counts.astype("<u2"), part.offsets.astype("<i8"), part.digests.astype("<u8"))
            yield name, b"".join((head, *(column.tobytes() for column in columns)))

    def restore(self, name: bytes, block: bytes, below: int) -> Words:
        """Take a block from the state topic, without messages at or behind offset `below`; the runs in it.

        Raises StateError for another version.
        """
        version, _, count, arrival = _HEAD.unpack_from(block)
        if version != VERSION:
            raise StateError(
                f"finished runs on the state topic are written in version {version}, this worker knows {VERSION}: "
                "run the version that wrote them, or a newer one"
            )
        at = _HEAD.size
        ids = np.frombuffer(block, np.uint64, 2 * count, at).reshape(-1, 2)
        counts = np.frombuffer(block, "<u2", count, at + 16 * count).astype(np.int64)
        at += 18 * count
        total = int(counts.sum())
        offsets = np.frombuffer(block, "<i8", total, at).astype(np.int64)
        digests = np.frombuffer(block, "<u8", total, at + 8 * total).astype(np.uint64)
        if total and int(offsets.max()) >= below:
            known = offsets < below
            behind = np.cumsum(known)[np.cumsum(counts) - 1]
            counts = np.diff(behind, prepend=0).astype(np.int64)
            offsets, digests = offsets[known], digests[known]
            ids, counts = ids[counts > 0], counts[counts > 0]
        self.forget(name)
        self._take(name, arrival, Ended(ids, counts, offsets, digests))
        return ids

    def _take(self, name: bytes, arrival: int, ended: Ended) -> None:
        number = self._numbers[name] = self._next
        self._next += 1
        firsts = np.zeros(len(ended.ids) + 1, np.uint32)
        np.cumsum(ended.counts, out=firsts[1:])
        self._blocks[number] = block = _Block(name, arrival, firsts, ended.offsets, ended.digests)
        self._bytes += block.nbytes
        if len(ended.ids):
            self._table.put(ended.ids, ((number << _ROW_BITS) + np.arange(len(ended.ids), dtype=np.int64))[:, None])

    def find(self, ids: Words) -> Numbers:
        """int64[N]: what `coordinates` takes, -1 where a run is not known."""
        found = self._table.get(ids)[:, 0]
        if self._dead:
            for at in np.flatnonzero(found >= 0).tolist():
                if int(found[at]) >> _ROW_BITS not in self._blocks:
                    found[at] = -1
        return found

    def coordinates(self, place: int) -> tuple[Numbers, Words]:
        """Offsets and digests of a run's messages, in order of arrival."""
        block = self._blocks[place >> _ROW_BITS]
        row = place & (1 << _ROW_BITS) - 1
        messages = slice(int(block.firsts[row]), int(block.firsts[row + 1]))
        return block.offsets[messages], block.digests[messages]

    def remove(self, ids: Words) -> None:
        """These runs are kept otherwise now."""
        self._table.remove(ids)

    def forget(self, name: bytes) -> None:
        """Forget the runs of a block."""
        number = self._numbers.pop(name, None)
        if number is None:
            return
        self._bytes -= self._blocks.pop(number).nbytes
        self._dead += 1
        # Entries of blocks that are gone are found by looking through the whole table: now and then.
        if self._dead > 64 + len(self._blocks) // 8:
            self._sweep()

    def _sweep(self) -> None:
        ids, values = self._table.items()
        there = np.fromiter(self._blocks, np.int64, len(self._blocks))
        gone = ~np.isin(values[:, 0] >> _ROW_BITS, there)
        self._table.remove(ids[gone])
        self._dead = 0

    def oldest(self) -> tuple[bytes, int] | None:
        """The name of the oldest block and the arrival of its newest message."""
        block = next(iter(self._blocks.values()), None)
        return None if block is None else (block.name, block.arrival)

    def names(self) -> list[bytes]:
        """Of all blocks."""
        return list(self._numbers)
