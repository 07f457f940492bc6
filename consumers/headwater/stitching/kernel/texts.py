"""Texts, each once, in one piece of memory with a table beside it: see `headwater.stitching.texts`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.schemas.codec.compiled import word
from headwater.stitching.kernel.together import Bytes, Numbers, together

Words = NDArray[np.uint64]
Slots = NDArray[np.int32]

#: A store of texts (`texts.py`): data, where each ends and its first part ends, its hash, the table, count and bytes.
Store = tuple[Bytes, Numbers, Numbers, Words, Slots, Numbers]


@together
def hash_of(buffer: Bytes, start: Any, end: Any) -> Any:
    """A number of 64 bits of some bytes; eight bytes behind them are read."""
    one = np.uint64(0x243F6A8885A308D3) ^ np.uint64(end - start)
    at = start
    while at < end:
        value = np.uint64(word(buffer, at))
        left = end - at
        if left < 8:
            value &= (np.uint64(1) << np.uint64(8 * left)) - np.uint64(1)
        one = (one ^ value) * np.uint64(0x9E3779B97F4A7C15)
        one ^= one >> np.uint64(29)
        at += 8
    one *= np.uint64(0xC4CEB9FE1A85EC53)
    return one ^ (one >> np.uint64(32))


@together
def find(store: Store, buffer: Bytes, start: Any, end: Any, hashed: Any) -> Any:
    """Which text of a store has these bytes as its first part; -1 for none."""
    data, ends, marks, hashes, slots, _ = store
    mask = len(slots) - 1
    slot = np.int64(hashed & np.uint64(mask))
    while slots[slot] >= 0:
        one = np.int64(slots[slot])
        if hashes[one] == hashed:
            begin = ends[one - 1] if one > 0 else 0
            if marks[one] - begin == end - start:
                at = 0
                while at < end - start and data[begin + at] == buffer[start + at]:
                    at += 1
                if at == end - start:
                    return one
        slot = (slot + 1) & mask
    return np.int64(-1)


@together
def put(store: Store, buffer: Bytes, start: Any, mark: Any, end: Any, hashed: Any) -> None:
    """Add a text that is not there, for which there is room; `mark`: where its first part ends, which has this hash."""
    data, ends, marks, hashes, slots, size = store
    one, at = size[0], size[1]
    for i in range(end - start):
        data[at + i] = buffer[start + i]
    ends[one] = at + end - start
    marks[one] = at + mark - start
    hashes[one] = hashed
    size[0] = one + 1
    size[1] = at + end - start
    mask = len(slots) - 1
    slot = np.int64(hashed & np.uint64(mask))
    while slots[slot] >= 0:
        slot = (slot + 1) & mask
    slots[slot] = one


@together
def number_of(store: Store, buffer: Bytes, length: int) -> int:
    """Which text has the first bytes of `buffer` as its first part; -1 for none."""
    return int(find(store, buffer, 0, length, hash_of(buffer, 0, length)))


@together
def add(store: Store, buffer: Bytes, length: int) -> None:
    """Add the first bytes of `buffer`, for which there is room, where they are not there."""
    hashed = hash_of(buffer, 0, length)
    if find(store, buffer, 0, length, hashed) < 0:
        put(store, buffer, 0, length, length, hashed)


@together
def beginning(store: Store, buffer: Bytes, length: Any, found: Numbers) -> int:
    """Which texts begin with the first bytes of `buffer`; their count."""
    data, ends, _, _, _, size = store
    count = 0
    for one in range(size[0]):
        begin = ends[one - 1] if one > 0 else 0
        if ends[one] - begin < length:
            continue
        at = 0
        while at < length and data[begin + at] == buffer[at]:
            at += 1
        if at == length:
            found[count] = one
            count += 1
    return count


@together
def fill(hashes: Words, count: Any, slots: Slots) -> None:
    """Put the first `count` texts into an empty table."""
    mask = len(slots) - 1
    for one in range(count):
        slot = np.int64(hashes[one] & np.uint64(mask))
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = one
