"""Identities and tables of them, compiled: what the packed state of runs stands on.

All in one file, because Numba notices a change of a function's own file only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.schemas.codec.compiled import compiled, word

Numbers = NDArray[np.int64]
Words = NDArray[np.uint64]
Bytes = NDArray[np.uint8]

#: Length of an identity, bytes.
IDENTITY = 16


def identity(key: bytes) -> bytes:
    """Of a run's key: itself where it is 16 bytes long, as run ids are; else a digest."""
    return key if len(key) == IDENTITY else hashlib.blake2b(key, digest_size=IDENTITY, person=b"headwater-key").digest()


def identities(keys: Sequence[bytes]) -> Words:
    """uint64[N, 2] of N keys."""
    joined = b"".join(keys)
    if len(joined) != IDENTITY * len(keys) or any(len(key) != IDENTITY for key in keys):
        joined = b"".join([identity(key) for key in keys])
    return np.frombuffer(joined, np.uint64).reshape(-1, 2)


@compiled
def spread(low: Any, high: Any) -> Any:
    """A well mixed number of an identity, whose bits may be a clock's."""
    value = np.uint64(low) ^ (np.uint64(high) * np.uint64(0x9E3779B97F4A7C15))
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xFF51AFD7ED558CCD)
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))


@compiled
def digests(buffer: Bytes, starts: Numbers, ends: Numbers, head: bool, found: Words) -> None:
    """A digest of 64 bits of each body. `head`: leave out emit time, producer id and sequence, which stand first, so
    that what a sender repeats has the digest of the first. Needs 16 bytes behind the last body.
    """
    for body in range(len(starts)):
        at = starts[body]
        end = ends[body]
        if head:
            at = min(_behind_number(buffer, at, end) + 16, end)
            at = _behind_number(buffer, at, end)
        length = np.uint64(end - at)
        one = np.uint64(0x243F6A8885A308D3) ^ length
        two = np.uint64(0x13198A2E03707344)
        while at < end:
            value = np.uint64(word(buffer, at))
            left = end - at
            if left < 8:
                value &= (np.uint64(1) << np.uint64(8 * left)) - np.uint64(1)
            one = (one ^ value) * np.uint64(0x9E3779B97F4A7C15)
            one = (one << np.uint64(29)) | (one >> np.uint64(35))
            two = (two + value) * np.uint64(0xC2B2AE3D27D4EB4F)
            two ^= two >> np.uint64(31)
            at += 8
        found[body] = spread(one, two)


@compiled
def _behind_number(buffer: Bytes, at: Any, end: Any) -> Any:
    while at < end and buffer[at] >= 128:
        at += 1
    return min(at + 1, end)


@compiled
def _home(low: Any, high: Any, capacity: Any) -> Any:
    """Where an identity would stand in a table."""
    return np.int64(((spread(low, high) >> np.uint64(32)) * np.uint64(capacity)) >> np.uint64(32))


@compiled
def _behind(slot: Any, capacity: Any) -> Any:
    return slot + 1 if slot + 1 < capacity else 0


@compiled
def table_find(keys: Words, values: Numbers, ids: Words, slots: Numbers) -> None:
    """The slot of each identity; -1 where there is none. A slot whose first value is negative is free."""
    capacity = len(keys)
    for one in range(len(ids)):
        slot = _home(ids[one, 0], ids[one, 1], capacity)
        slots[one] = -1
        while values[slot, 0] >= 0:
            if keys[slot, 0] == ids[one, 0] and keys[slot, 1] == ids[one, 1]:
                slots[one] = slot
                break
            slot = _behind(slot, capacity)


@compiled
def table_put(keys: Words, values: Numbers, ids: Words, given: Numbers) -> int:
    """Put or replace; how many are new. There must be room."""
    capacity = len(keys)
    new = 0
    for one in range(len(ids)):
        slot = _home(ids[one, 0], ids[one, 1], capacity)
        while values[slot, 0] >= 0 and (keys[slot, 0] != ids[one, 0] or keys[slot, 1] != ids[one, 1]):
            slot = _behind(slot, capacity)
        new += values[slot, 0] < 0
        keys[slot, 0] = ids[one, 0]
        keys[slot, 1] = ids[one, 1]
        for column in range(values.shape[1]):
            values[slot, column] = given[one, column]
    return new


@compiled
def table_remove(keys: Words, values: Numbers, ids: Words) -> int:
    """Take out what is there of them; how many. Those behind move up, so that no gap is left."""
    capacity = len(keys)
    gone = 0
    for one in range(len(ids)):
        slot = _home(ids[one, 0], ids[one, 1], capacity)
        while values[slot, 0] >= 0 and (keys[slot, 0] != ids[one, 0] or keys[slot, 1] != ids[one, 1]):
            slot = _behind(slot, capacity)
        if values[slot, 0] < 0:
            continue
        gone += 1
        hole = slot
        slot = _behind(slot, capacity)
        while values[slot, 0] >= 0:
            home = _home(keys[slot, 0], keys[slot, 1], capacity)
            if (slot - home) % capacity >= (slot - hole) % capacity:
                keys[hole, 0] = keys[slot, 0]
                keys[hole, 1] = keys[slot, 1]
                for column in range(values.shape[1]):
                    values[hole, column] = values[slot, column]
                hole = slot
            slot = _behind(slot, capacity)
        values[hole, 0] = -1
    return gone


class Table:
    """Identities with numbers, each entry 16 bytes and 8 a number; between half and two thirds of it are full."""

    def __init__(self, columns: int, capacity: int = 1024) -> None:
        self._columns = columns
        self.count = 0
        self._make(capacity)

    def _make(self, capacity: int) -> None:
        self._keys = np.zeros((capacity, 2), np.uint64)
        self._values = np.full((capacity, self._columns), -1, np.int64)

    @property
    def nbytes(self) -> int:
        """What it takes."""
        return int(self._keys.nbytes + self._values.nbytes)

    def get(self, ids: Words) -> Numbers:
        """int64[N, columns]: their numbers, the first -1 where an identity is not there."""
        if not self.count:
            return np.full((len(ids), self._columns), -1, np.int64)
        slots = np.empty(len(ids), np.int64)
        table_find(self._keys, self._values, ids, slots)
        found = self._values[slots]
        found[slots < 0] = -1
        return found

    def put(self, ids: Words, numbers: Numbers) -> None:
        """Put or replace; the first number of each must not be negative. The last of equal identities stands."""
        needed = self.count + len(ids)
        if 3 * needed > 2 * len(self._keys):
            capacity = max(2 * needed, 1024)
            ids_there, numbers_there = self.items()
            self._make(capacity)
            table_put(self._keys, self._values, ids_there, numbers_there)
        self.count += table_put(self._keys, self._values, ids, numbers)

    def remove(self, ids: Words) -> None:
        """Take out what is there of them."""
        if self.count:
            self.count -= table_remove(self._keys, self._values, ids)

    def items(self) -> tuple[Words, Numbers]:
        """All identities with their numbers, in no order."""
        there = self._values[:, 0] >= 0
        return self._keys[there], self._values[there]
