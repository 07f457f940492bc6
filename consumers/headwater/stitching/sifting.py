"""What the next messages of a long run say that it has not said yet, compiled: see `grown.py`.

All in one file, because Numba notices a change of a function's own file only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.schemas.codec.compiled import compiled, word

Numbers = NDArray[np.int64]
Words = NDArray[np.uint64]
Bytes = NDArray[np.uint8]
Slots = NDArray[np.int32]

#: A store of texts (`texts.py`): data, where each ends and its first part ends, its hash, the table, count and bytes.
Store = tuple[Bytes, Numbers, Numbers, Words, Slots, Numbers]
#: What is copied of a message to tell whether all but its inputs was said; longer ones are not looked up.
MOST_BYTES = 65_536


@compiled
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


@compiled
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


@compiled
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


@compiled
def number_of(store: Store, buffer: Bytes, length: int) -> int:
    """Which text has the first bytes of `buffer` as its first part; -1 for none."""
    return int(find(store, buffer, 0, length, hash_of(buffer, 0, length)))


@compiled
def add(store: Store, buffer: Bytes, length: int) -> None:
    """Add the first bytes of `buffer`, for which there is room, where they are not there."""
    hashed = hash_of(buffer, 0, length)
    if find(store, buffer, 0, length, hashed) < 0:
        put(store, buffer, 0, length, length, hashed)


@compiled
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


@compiled
def fill(hashes: Words, count: Any, slots: Slots) -> None:
    """Put the first `count` texts into an empty table."""
    mask = len(slots) - 1
    for one in range(count):
        slot = np.int64(hashes[one] & np.uint64(mask))
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = one


@compiled
def _is_shortest(buffer: Bytes, start: Any, end: Any) -> Any:
    """Whether an identity (two texts, null or a text) is written as our own writers do: no number longer than needed.
    Only then equal bytes are equal identities.
    """
    at = start
    for part in range(4):
        value = np.int64(0)
        shift = 0
        while buffer[at] >= 128:
            value |= np.int64(buffer[at] & 127) << shift
            shift += 7
            at += 1
        value |= np.int64(buffer[at]) << shift
        if shift > 0 and buffer[at] == 0:
            return False
        at += 1
        if part == 2:
            if value == 0:
                break
        else:
            at += value >> 1
    return at == end


@compiled
def _copy(out: Bytes, at: Any, buffer: Bytes, start: Any, end: Any) -> Any:
    """Bytes; where they end, -1 where there is no room for them."""
    if at < 0 or at + (end - start) + 16 > len(out):
        return -1
    for i in range(end - start):
        out[at + i] = buffer[start + i]
    return at + end - start


@compiled
def _rest(out: Bytes, buffer: Bytes, number: Any, head: Any, outputs: Any, row: Any) -> Any:
    """All that a message says beside its event, its scope and its inputs, as bytes in `out`; their count, 0 where it is
    looked at by itself: a part of an event, or too long.
    """
    _, _, states, roots, links, link_ends, parts = head
    offsets, starts, kinds, edges, rows = outputs
    if parts[row] > 1:
        return 0
    for i in range(4):
        out[i] = (number >> (8 * i)) & 255
    at = _copy(out, 4, buffer, states[row], roots[row])
    at = _copy(out, at, buffer, links[row], link_ends[row])
    for one in range(offsets[row], offsets[row + 1]):
        at = _copy(out, at, buffer, starts[one], kinds[one])
        at = _copy(out, at, buffer, edges[one], rows[one])
    return max(at, 0)


@compiled
def sift(
    buffer: Bytes,
    columns: Any,
    messages: Any,
    first: int,
    number: int,
    scope: Bytes,
    stores: Any,
    may_grow: bool,
    events: Any,
    scratch: Bytes,
    size: Numbers,
) -> int:
    """Go through messages from `first` on while they say nothing but inputs that are new; where it stopped.

    `messages`: row, offset and digest of each; `number`: of their writer schema. `scope`: the run id and the job's
    name, as bytes. `stores`: rests that were said, names that are looked at by themselves, inputs known otherwise,
    inputs. New inputs go to the last one and what says them to `events`; there must be room for all. `size`: the count
    of events, and the length of what it stopped at in `scratch` (0: not to be remembered).
    """
    head, inputs, outputs = columns
    run_there, run_ids = head[0], head[1]
    jobs, job_ends, ids, times, offsets, starts, names, versions, kinds = inputs
    rows, places, digests = messages
    rests, watched, known, reads = stores
    event_ids, event_times, event_places, event_digests, event_rests, event_firsts = events
    for message in range(first, len(rows)):
        row = rows[message]
        size[1] = 0
        if run_there[row] == 0 or len(scope) != 16 + job_ends[row] - jobs[row]:
            return message
        for i in range(16):
            if scope[i] != buffer[run_ids[row] + i]:
                return message
        for i in range(len(scope) - 16):
            if scope[16 + i] != buffer[jobs[row] + i]:
                return message
        length = _rest(scratch, buffer, number, head, outputs, row)
        if length == 0:
            return message
        rest = find(rests, scratch, 0, length, hash_of(scratch, 0, length))
        if rest < 0:
            size[1] = length
            return message
        new = 0
        for one in range(offsets[row], offsets[row + 1]):
            start, end = starts[one], versions[one]
            hashed = hash_of(buffer, start, end)
            if find(reads, buffer, start, end, hashed) >= 0 or find(known, buffer, start, end, hashed) >= 0:
                continue
            new += 1
            if (
                not may_grow
                or not _is_shortest(buffer, start, end)
                or find(watched, buffer, start, names[one], hash_of(buffer, start, names[one])) >= 0
            ):
                return message
        if new == 0:
            continue
        event = size[0]
        event_firsts[event] = reads[5][0]
        for one in range(offsets[row], offsets[row + 1]):
            start, end = starts[one], versions[one]
            hashed = hash_of(buffer, start, end)
            if find(reads, buffer, start, end, hashed) < 0 and find(known, buffer, start, end, hashed) < 0:
                put(reads, buffer, start, end, kinds[one], hashed)
        for i in range(16):
            event_ids[event, i] = buffer[ids[row] + i]
        event_times[event] = times[row]
        event_places[event] = places[message]
        event_digests[event] = digests[message]
        event_rests[event] = rest
        size[0] = event + 1
    return len(rows)
