"""Young ordinary runs as columns, compiled: grouping a chunk's rows by run, laying runs out for the kernel, keeping
what they were told, and judging which may move on.

All in one file, because Numba notices a change of a function's own file only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from headwater.schemas.codec.compiled import compiled, copy_bytes, word
from headwater.stitching.hashing import Bytes, Numbers, Words

#: A run, one row of numbers: the serial number of the chunk that touched it last; twice the offset before which its
#: messages are on the state topic, plus 1 where it ended; its writer schema's number; how many messages; the first and
#: the last of them. `COUNT` is 0 in a free row, `FIRST` the next free one.
SERIAL, STANDING, SCHEMA, COUNT, FIRST, LAST, SEEN = range(7)
RUN_FIELDS = 7
#: A message: its offset, the segment that holds its bytes (-1: a free row), where they begin, their length, the next
#: message of its run (of a free row the next free one).
OFFSET, SEGMENT, BEGIN, LENGTH, NEXT = range(5)
MESSAGE_FIELDS = 5
#: The first free rows (-1: none), how many rows were ever used, and how many are in use: of runs, of messages.
FREE_RUN, FREE_MESSAGE, USED_RUNS, USED_MESSAGES, RUNS, MESSAGES = range(6)
MARKS = 6
#: What `judge` says of a run.
STAYS, ENDS, PARKS, IS_MARKED = range(4)
_ODD = 2


@compiled
def read_ids(buffer: Bytes, starts: Numbers, which: Numbers, ids: Words) -> None:
    """The 16 bytes at each start, where `which` is not negative."""
    for row in range(len(starts)):
        if which[row] >= 0:
            ids[row, 0] = word(buffer, starts[row])
            ids[row, 1] = word(buffer, starts[row] + 8)


@compiled
def group_rows(
    ids: Words, which: Numbers, scratch: Numbers, run_of: Numbers, first: Numbers, count: Numbers, mixed: Bytes
) -> int:
    """Number the runs in order of their first rows; how many. `which`: the group of each row, -1: left out. `scratch`:
    zeros, a power of two and twice the rows at least. `mixed`: 1 where rows of a run are of several groups.
    """
    mask = len(scratch) - 1
    runs = 0
    for row in range(len(ids)):
        run_of[row] = -1
        if which[row] < 0:
            continue
        mixed_up = (ids[row, 0] ^ (ids[row, 1] * np.uint64(0x9E3779B97F4A7C15))) * np.uint64(0xC2B2AE3D27D4EB4F)
        at = np.int64(mixed_up >> np.uint64(33)) & mask
        while scratch[at]:
            other = first[scratch[at] - 1]
            if ids[other, 0] == ids[row, 0] and ids[other, 1] == ids[row, 1]:
                break
            at = (at + 1) & mask
        if scratch[at] == 0:
            first[runs] = row
            count[runs] = 0
            mixed[runs] = 0
            runs += 1
            scratch[at] = runs
        run = scratch[at] - 1
        run_of[row] = run
        count[run] += 1
        if which[row] != which[first[run]]:
            mixed[run] = 1
    return runs


@compiled
def lay_out(
    picked: Numbers,
    position: Numbers,
    run_of: Numbers,
    count: Numbers,
    slots: Numbers,
    place: Numbers,
    base: int,
    runs: Numbers,
    messages: Numbers,
    order: Numbers,
    starts: Numbers,
    old: Numbers,
    held: Numbers,
    row_at: Numbers,
    cursor: Numbers,
) -> None:
    """The runs `picked` as the kernel takes them: those messages that are kept, then the chunk's. `position`: of each
    run of the chunk its place in `picked`, -1: not in it. `held`: which messages are kept, `row_at`: the chunk's row
    that stands at each place of `order`, -1 for a kept message. `cursor`: a number a run, to work with.
    """
    at = 0
    kept = 0
    for one in range(len(picked)):
        run = picked[one]
        slot = slots[run]
        starts[one] = at
        old[one] = 0
        if slot >= 0:
            message = runs[slot, FIRST]
            old[one] = runs[slot, COUNT]
            for _ in range(runs[slot, COUNT]):
                order[at] = base + kept
                row_at[at] = -1
                held[kept] = message
                message = messages[message, NEXT]
                at += 1
                kept += 1
        cursor[one] = at
        at += count[run]
    starts[len(picked)] = at
    for row in range(len(run_of)):
        run = run_of[row]
        if run >= 0 and position[run] >= 0:
            at = cursor[position[run]]
            order[at] = place[row]
            row_at[at] = row
            cursor[position[run]] = at + 1


@compiled
def copy_held(segment: Bytes, number: int, held: Numbers, messages: Numbers, ends: Numbers, out: Bytes) -> None:
    """Copy those of the messages whose bytes are in this segment; each ends in `out` at its `ends`."""
    for one in range(len(held)):
        message = held[one]
        if messages[message, SEGMENT] == number:
            begin = messages[message, BEGIN]
            length = messages[message, LENGTH]
            copy_bytes(out, ends[one] - length, segment, begin, length)


@compiled
def keep(
    picked: Numbers,
    slots: Numbers,
    starts: Numbers,
    old: Numbers,
    row_at: Numbers,
    outcome: Numbers,
    doubled: Bytes,
    ended: Bytes,
    offsets: Numbers,
    begins: Numbers,
    ends: Numbers,
    buffer: Bytes,
    segment: Bytes,
    number: int,
    at: Any,
    serial: int,
    schema: int,
    runs: Numbers,
    messages: Numbers,
    marks: Numbers,
) -> tuple[int, int]:
    """Keep what runs were told, odd ones left as they are; where the segment is filled to, and how many more runs are
    open. `slots` of new runs (-1) are filled in. `begins`, `ends`: of the chunk's messages in `buffer`.
    """
    opened = 0
    for one in range(len(picked)):
        if outcome[one] == _ODD:
            continue
        run = picked[one]
        slot = slots[run]
        opened += 1 - ended[one]
        if slot < 0:
            slot = marks[FREE_RUN]
            if slot >= 0:
                marks[FREE_RUN] = runs[slot, FIRST]
            else:
                slot = marks[USED_RUNS]
                marks[USED_RUNS] += 1
            marks[RUNS] += 1
            slots[run] = slot
            runs[slot, STANDING] = 0
            runs[slot, COUNT] = 0
            runs[slot, FIRST] = -1
            runs[slot, LAST] = -1
            runs[slot, SEEN] = 0
        else:
            opened -= 1 - (runs[slot, STANDING] & 1)
        runs[slot, SERIAL] = serial
        runs[slot, STANDING] = (runs[slot, STANDING] & ~1) | ended[one]
        runs[slot, SCHEMA] = schema
        for place in range(starts[one] + old[one], starts[one + 1]):
            if doubled[place]:
                continue
            row = row_at[place]
            message = marks[FREE_MESSAGE]
            if message >= 0:
                marks[FREE_MESSAGE] = messages[message, NEXT]
            else:
                message = marks[USED_MESSAGES]
                marks[USED_MESSAGES] += 1
            marks[MESSAGES] += 1
            length = ends[row] - begins[row]
            messages[message, OFFSET] = offsets[row]
            messages[message, SEGMENT] = number
            messages[message, BEGIN] = at
            messages[message, LENGTH] = length
            messages[message, NEXT] = -1
            at = copy_bytes(segment, at, buffer, begins[row], length)
            if runs[slot, COUNT] == 0:
                runs[slot, FIRST] = message
            else:
                messages[runs[slot, LAST], NEXT] = message
            runs[slot, LAST] = message
            runs[slot, COUNT] += 1
    return at, opened


@compiled
def judge(
    slots: Numbers,
    chunk_of: Numbers,
    serials: Numbers,
    ends: Numbers,
    fewest: Numbers,
    committed: int,
    most: int,
    runs: Numbers,
    messages: Numbers,
    verdict: Numbers,
) -> None:
    """What becomes of runs that chunks touched which move on: STAYS, ENDS, PARKS or IS_MARKED, each run once."""
    for one in range(len(slots)):
        slot = slots[one]
        verdict[one] = STAYS
        if slot < 0 or runs[slot, SEEN]:
            continue
        chunk = chunk_of[one]
        covered = runs[slot, STANDING] >> 1
        newest = -1
        is_marked = False
        message = runs[slot, FIRST]
        for _ in range(runs[slot, COUNT]):
            offset = messages[message, OFFSET]
            newest = max(newest, offset)
            is_marked = is_marked or covered <= offset < ends[chunk]
            message = messages[message, NEXT]
        if runs[slot, STANDING] & 1 and newest < committed and fewest[chunk] <= runs[slot, COUNT] <= most:
            verdict[one] = ENDS
        elif runs[slot, SERIAL] == serials[chunk]:
            verdict[one] = PARKS
        elif is_marked:
            verdict[one] = IS_MARKED
            continue
        else:
            continue
        runs[slot, SEEN] = 1
    # One that is marked by an older chunk may end or be parked by a newer one, or be marked again.
    for one in range(len(slots)):
        if verdict[one] == IS_MARKED:
            if runs[slots[one], SEEN]:
                verdict[one] = STAYS
            else:
                runs[slots[one], SEEN] = 1
    for one in range(len(slots)):
        if verdict[one] != STAYS:
            runs[slots[one], SEEN] = 0


@compiled
def messages_of(slots: Numbers, runs: Numbers, messages: Numbers, found: Numbers) -> None:
    """The messages of these runs, in order of arrival."""
    at = 0
    for one in range(len(slots)):
        message = runs[slots[one], FIRST]
        for _ in range(runs[slots[one], COUNT]):
            found[at] = message
            message = messages[message, NEXT]
            at += 1


@compiled
def release(slots: Numbers, runs: Numbers, messages: Numbers, marks: Numbers, live: Numbers) -> None:
    """Give the rows of these runs and of their messages back. `live`: bytes that count in each segment."""
    for one in range(len(slots)):
        slot = slots[one]
        message = runs[slot, FIRST]
        for _ in range(runs[slot, COUNT]):
            behind = messages[message, NEXT]
            live[messages[message, SEGMENT]] -= messages[message, LENGTH]
            messages[message, SEGMENT] = -1
            messages[message, NEXT] = marks[FREE_MESSAGE]
            marks[FREE_MESSAGE] = message
            marks[MESSAGES] -= 1
            message = behind
        runs[slot, COUNT] = 0
        runs[slot, FIRST] = marks[FREE_RUN]
        marks[FREE_RUN] = slot
        marks[RUNS] -= 1
