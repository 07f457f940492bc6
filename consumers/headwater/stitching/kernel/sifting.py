"""What the next messages of a long run say that it has not said yet: see `headwater.stitching.grown`."""

from __future__ import annotations

from typing import Any

import numpy as np

from headwater.stitching.kernel.texts import Store, find, hash_of, put
from headwater.stitching.kernel.together import Bytes, Numbers, together

#: What is copied of a message to tell whether all but its inputs was said; longer ones are not looked up.
MOST_BYTES = 65_536


@together
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


@together
def _copy(out: Bytes, at: Any, buffer: Bytes, start: Any, end: Any) -> Any:
    """Bytes; where they end, -1 where there is no room for them."""
    if at < 0 or at + (end - start) + 16 > len(out):
        return -1
    for i in range(end - start):
        out[at + i] = buffer[start + i]
    return at + end - start


@together
def _is_plain(buffer: Bytes, start: Any, end: Any) -> Any:
    """Whether an output says nothing of what it was made from: empty lists, false."""
    at = start
    while at < end and buffer[at] == 0:
        at += 1
    return at == end


@together
def _rest(out: Bytes, buffer: Bytes, number: Any, head: Any, outputs: Any, row: Any) -> Any:
    """All that a message says beside its event, its scope, its inputs and its plain outputs, as bytes in `out`; their
    count, 0 where it is looked at by itself: a part of an event, or too long.
    """
    _, _, states, roots, links, link_ends, parts = head
    offsets, starts, _, _, _, kinds, edges, rows = outputs
    if parts[row] > 1:
        return 0
    for i in range(4):
        out[i] = (number >> (8 * i)) & 255
    at = _copy(out, 4, buffer, states[row], roots[row])
    at = _copy(out, at, buffer, links[row], link_ends[row])
    for one in range(offsets[row], offsets[row + 1]):
        if not _is_plain(buffer, edges[one], rows[one]):
            at = _copy(out, at, buffer, starts[one], kinds[one])
            at = _copy(out, at, buffer, edges[one], rows[one])
    return max(at, 0)


@together
def _output(out: Bytes, buffer: Bytes, own: Bytes, own_mark: Any, outputs: Any, one: Any) -> Any:
    """An output's bytes in `out`, with the run's own version where it has none: where its identity ends, and they; -1
    where there is no room.
    """
    _, starts, names, versions, origins, kinds, _, _ = outputs
    at = _copy(out, 0, buffer, starts[one], names[one])
    if buffer[names[one]] != 0:
        mark = at + versions[one] - names[one]
        return mark, _copy(out, at, buffer, names[one], kinds[one])
    mark = at + own_mark
    at = _copy(out, at, own, 0, len(own))
    return mark, _copy(out, at, buffer, origins[one], kinds[one])


@together
def _is_there(store: Store, other: Store, buffer: Bytes, start: Any, end: Any, hashed: Any) -> Any:
    return find(store, buffer, start, end, hashed) >= 0 or find(other, buffer, start, end, hashed) >= 0


@together
def _new_inputs(buffer: Bytes, inputs: Any, row: Any, stores: Any, may_read: Any) -> Any:
    """How many inputs of a message are new; -1 where one is to be looked at by itself."""
    _, _, _, _, offsets, starts, names, versions, _ = inputs
    _, sources, known_reads, known_writes, reads, writes = stores
    new = 0
    for one in range(offsets[row], offsets[row + 1]):
        start, end = starts[one], versions[one]
        hashed = hash_of(buffer, start, end)
        if _is_there(reads, known_reads, buffer, start, end, hashed):
            continue
        new += 1
        if (
            not may_read
            or not _is_shortest(buffer, start, end)
            or _is_there(writes, known_writes, buffer, start, end, hashed)
            or find(sources, buffer, start, names[one], hash_of(buffer, start, names[one])) >= 0
        ):
            return -1
    return new


@together
def _new_outputs(
    buffer: Bytes, outputs: Any, row: Any, own: Bytes, own_mark: Any, stores: Any, may_write: Any, entry: Bytes
) -> Any:
    """How many plain outputs of a message are new; -1 where one is to be looked at by itself."""
    offsets, edges, rows = outputs[0], outputs[6], outputs[7]
    _, _, known_reads, known_writes, reads, writes = stores
    new = 0
    for one in range(offsets[row], offsets[row + 1]):
        if not _is_plain(buffer, edges[one], rows[one]):
            continue
        mark, end = _output(entry, buffer, own, own_mark, outputs, one)
        if end < 0:
            return -1
        hashed = hash_of(entry, 0, mark)
        if _is_there(writes, known_writes, entry, 0, mark, hashed):
            continue
        new += 1
        if not may_write or not _is_shortest(entry, 0, mark) or _is_there(reads, known_reads, entry, 0, mark, hashed):
            return -1
    return new


@together
def sift(
    buffer: Bytes,
    columns: Any,
    messages: Any,
    first: int,
    number: int,
    scope: Bytes,
    own: Bytes,
    own_mark: int,
    stores: Any,
    may: Any,
    events: Any,
    scratch: Bytes,
    entry: Bytes,
    size: Numbers,
) -> int:
    """Go through messages from `first` on while they say nothing but inputs that are new, or outputs; where it stopped.

    `messages`: row, offset and digest of each; `number`: of their writer schema. `scope`: the run id and the job's
    name, as bytes; `own`: version and origin of outputs that name none, the version up to `own_mark`. `stores`: rests
    that were said, names of what is a source, inputs and outputs known otherwise, inputs, outputs. New ones go to the
    last two and what says them to `events`; there must be room for all. `may`: whether new inputs, and new outputs, are
    taken at all. `size`: the count of events, and the length of what it stopped at in `scratch` (0: not to be
    remembered).
    """
    head, inputs, outputs = columns
    run_there, run_ids = head[0], head[1]
    jobs, job_ends, ids, times, offsets, starts, _, versions, kinds = inputs
    rows, places, digests = messages
    rests, _, known_reads, known_writes, reads, writes = stores
    event_ids, event_times, event_places, event_digests, event_rests, event_reads, event_writes = events
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
        read = _new_inputs(buffer, inputs, row, stores, may[0])
        written = _new_outputs(buffer, outputs, row, own, own_mark, stores, may[1], entry)
        if read < 0 or written < 0 or (read > 0 and written > 0):
            return message
        if read == 0 and written == 0:
            continue
        event = size[0]
        event_reads[event] = reads[5][0]
        event_writes[event] = writes[5][0]
        if read > 0:
            for one in range(offsets[row], offsets[row + 1]):
                start, end = starts[one], versions[one]
                hashed = hash_of(buffer, start, end)
                if not _is_there(reads, known_reads, buffer, start, end, hashed):
                    put(reads, buffer, start, end, kinds[one], hashed)
        else:
            for one in range(outputs[0][row], outputs[0][row + 1]):
                if _is_plain(buffer, outputs[6][one], outputs[7][one]):
                    mark, end = _output(entry, buffer, own, own_mark, outputs, one)
                    hashed = hash_of(entry, 0, mark)
                    if not _is_there(writes, known_writes, entry, 0, mark, hashed):
                        put(writes, entry, 0, mark, end, hashed)
        for i in range(16):
            event_ids[event, i] = buffer[ids[row] + i]
        event_times[event] = times[row]
        event_places[event] = places[message]
        event_digests[event] = digests[message]
        event_rests[event] = rest
        size[0] = event + 1
    return len(rows)
