"""The kernel: runs a schema's program over many bodies, proves each whole and writes the captures.

Compiled once and for all schemas. Everything that is compiled stands in this file (see `compiled`).

An operation is STRIDE numbers: what it reads, and where to write it. Operations of one record stand one after
another, one a field; items of arrays and records that may be null stand apart and end in END. ZEROS is how
many operations from this one on take a single zero byte (null, empty, 0, false): most optional fields are
such a byte, so runs of them are skipped by the word. What is written was zero before, so a skip writes nothing.
"""

# ruff: noqa: SIM109, PLR1714 — a chain of plain comparisons is what compiles to a jump table
from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from headwater.schemas.codec.compiled import compiled, inlined, trailing_zeros, word

STRIDE = 8
#: Fields of an operation.
OPERATION, NULLABLE, ARGUMENT, LANE, VALID, LEVEL, ZEROS, ITEMS = range(STRIDE)
#: Operations. ARGUMENT: bytes of FIXED, DOUBLE and FLOAT, first operation of a RECORD's or LIST's parts.
END, FIXED, LONG, INT, BOOLEAN, STRING, BYTES, DOUBLE, FLOAT, RECORD, LIST, SPAN_START, SPAN_END = range(13)

#: Outcomes of a body.
WHOLE, TRUNCATED, SURPLUS_BYTES, INVALID_VALUE = range(4)
#: Within the kernel: a level has no room for more rows.
FULL = 4

#: A frame of the stack: where its parts begin, parts left in this block (0: a record), where the block says it
#: ends (-1: it does not), the operation to go on with, the level whose rows its parts are (-1: none).
FRAME = 5
DEPTH = 64
#: Bytes that must follow the last body, so that words can be read.
PADDING = 8

#: Arrays uint8[:] and int64[:] (int32[:] for code) as compiled code indexes them; Numba checks the types here.
Bytes = Any
Numbers = Any

int64 = cast("Callable[[Any], int]", np.int64)
uint64 = cast("Callable[[Any], int]", np.uint64)

_HIGH_BITS = uint64(0x8080808080808080)


@compiled
def varint(buffer: Bytes, position: int, end: int) -> tuple[int, int]:
    """A zigzag number and the position after it, or the negated outcome as position. Least form only."""
    value = uint64(0)
    shift = uint64(0)
    for at in range(position, position + 10):
        if at >= end:
            return 0, -TRUNCATED
        byte = uint64(buffer[at])
        value |= (byte & uint64(0x7F)) << shift
        if byte < uint64(0x80):
            if (byte == uint64(0) and at > position) or (at == position + 9 and byte > uint64(1)):
                return 0, -INVALID_VALUE
            return int64(value >> uint64(1)) ^ -int64(value & uint64(1)), at + 1
        shift += uint64(7)
    return 0, -INVALID_VALUE


@compiled
def utf8(buffer: Bytes, position: int, end: int) -> bool:
    """Whether the bytes are UTF-8 (RFC 3629: no surrogates, nothing longer than needed)."""
    while position < end:
        first = int64(buffer[position])
        if first < 0x80:
            position += 1
            continue
        low, high = 0x80, 0xBF
        if first < 0xC2:
            return False
        if first < 0xE0:
            more = 1
        elif first < 0xF0:
            more = 2
            if first == 0xE0:
                low = 0xA0
            if first == 0xED:
                high = 0x9F
        elif first < 0xF5:
            more = 3
            if first == 0xF0:
                low = 0x90
            if first == 0xF4:
                high = 0x8F
        else:
            return False
        if position + more >= end or buffer[position + 1] < low or buffer[position + 1] > high:
            return False
        for at in range(position + 2, position + more + 1):
            if buffer[at] & 0xC0 != 0x80:
                return False
        position += more + 1
    return True


@inlined
def text(buffer: Bytes, position: int, end: int) -> bool:
    """Whether the bytes are UTF-8; quick where they are ASCII."""
    at = position
    while at + 8 <= end:
        if word(buffer, at) & _HIGH_BITS:
            return utf8(buffer, at, end)
        at += 8
    if at < end and word(buffer, at) & (_HIGH_BITS >> uint64(8 * (8 - (end - at)))):
        return utf8(buffer, at, end)
    return True


@compiled
def clear(body: int, lanes: Numbers, before: Numbers, rows: Numbers, cells: Any) -> None:
    """Take back what one body wrote to some lanes: its row of level 0 and its rows of the others."""
    for lane in range(lanes.shape[1]):
        level = lanes[0, lane]
        start, stop = (body, body + 1) if level == 0 else (before[level], rows[level])
        cells[lanes[1, lane] + start : lanes[1, lane] + stop] = 0


@compiled
def block(buffer: Bytes, position: int, end: int) -> tuple[int, int, int, int]:
    """A block's items, the position of the first, where it says it ends (-1: it does not), and the outcome."""
    count, position = varint(buffer, position, end)
    if position < 0:
        return 0, 0, 0, -position
    stop = -1
    if count < 0:
        size, position = varint(buffer, position, end)
        if position < 0 or size < 0 or -count < 0:
            return 0, 0, 0, -position if position < 0 else INVALID_VALUE
        if size > end - position:
            return 0, 0, 0, TRUNCATED
        count = -count
        stop = position + size
    # Each item has a byte at least.
    return count, position, stop, WHOLE if count <= end - position else TRUNCATED


@compiled
def run(
    code: Numbers,
    bodies: tuple[Bytes, Numbers, Numbers],
    first: int,
    error: Numbers,
    rows: tuple[Numbers, Numbers],
    lanes: tuple[Numbers, Numbers],
    valids: tuple[Numbers, Bytes],
    scratch: tuple[Numbers, Numbers, Numbers],
) -> tuple[int, int, int]:
    """Run the program over the bodies (buffer, starts, ends) from `first` on.

    `rows`: how many each level has room for, and how many are used, carried on. `lanes`, `valids`: for each
    lane its level and where its first row is, int64[2, L], and the cells of them all, zero at first. `scratch`: two of
    a number a level, the first zero, and int64[DEPTH, FRAME].
    Returns the body where it stopped (their count: done), the level that is full and the rows it needs.
    """
    buffer, starts, ends = bodies
    capacity, used = rows
    lane_of, out = lanes
    valid_of, valid = valids
    row, before, frames = scratch
    full = needed = 0
    for body in range(first, len(starts)):
        position = starts[body]
        end = ends[body]
        row[0] = body
        for level in range(len(used)):  # a slice assigned to a slice takes Numba seconds to compile
            before[level] = used[level]
        at = depth = 0
        outcome = -1
        while outcome < 0:
            skip = int64(code[at + ZEROS])
            if skip > 0:
                zeros = min(trailing_zeros(word(buffer, position)) >> 3, skip, end - position)
                if zeros > 0:
                    position += zeros
                    at += STRIDE * zeros
                    continue
            if code[at + NULLABLE] != 0:
                if position >= end or buffer[position] != 2:
                    _, after = varint(buffer, position, end)
                    outcome = -after if after < 0 else INVALID_VALUE
                    break
                position += 1
            operation = code[at]
            here = position
            number = position
            if operation == STRING or operation == BYTES:
                if position < end and buffer[position] < 0x80:
                    number = int64(buffer[position])
                    number = (number >> 1) ^ -(number & 1)
                    position += 1
                else:
                    number, position = varint(buffer, position, end)
                    if position < 0:
                        outcome = -position
                        break
                if number < 0 or number > end - position:
                    outcome = INVALID_VALUE if number < 0 else TRUNCATED
                    break
                here = position
                position += number
                if operation == STRING and not text(buffer, here, position):
                    outcome = INVALID_VALUE
                    break
            elif operation == LONG or operation == INT:
                number, position = varint(buffer, position, end)
                if position < 0 or (operation == INT and (number < -0x80000000 or number > 0x7FFFFFFF)):
                    outcome = -position if position < 0 else INVALID_VALUE
                    break
            elif operation == FIXED or operation == DOUBLE or operation == FLOAT:
                position += code[at + ARGUMENT]
                if position > end:
                    outcome = TRUNCATED
                    break
                number = int64(word(buffer, here))
            elif operation == LIST:
                number, position, stop, problem = block(buffer, position, end)
                if problem != WHOLE:
                    outcome = problem
                    break
                if number == 0:
                    at += STRIDE
                    continue
                level = int64(code[at + ITEMS])
                if level >= 0:
                    if used[level] + number > capacity[level]:
                        full = level
                        needed = used[level] + number
                        outcome = FULL
                        break
                    out[lane_of[1, code[at + LANE]] + row[code[at + LEVEL]]] += number
                    row[level] = used[level]
                    used[level] += 1
                frames[depth, 0] = code[at + ARGUMENT]
                frames[depth, 1] = number
                frames[depth, 2] = stop
                frames[depth, 3] = at
                frames[depth, 4] = level
                depth += 1
                at = int64(code[at + ARGUMENT])
                continue
            elif operation == END:
                if depth == 0:
                    outcome = WHOLE if position == end else SURPLUS_BYTES
                    break
                left = frames[depth - 1, 1]
                if left > 1:
                    frames[depth - 1, 1] = left - 1
                    level = frames[depth - 1, 4]
                    if level >= 0:
                        row[level] = used[level]
                        used[level] += 1
                    at = frames[depth - 1, 0]
                    continue
                depth -= 1
                if left == 1 and frames[depth, 2] >= 0 and frames[depth, 2] != position:
                    outcome = INVALID_VALUE
                    break
                # A list's operation again, for its next block; a record is over.
                at = frames[depth, 3]
                continue
            elif operation == BOOLEAN:
                if position >= end or buffer[position] > 1:
                    outcome = TRUNCATED if position >= end else INVALID_VALUE
                    break
                number = int64(buffer[position])
                position += 1
            lane = int64(code[at + VALID])
            if lane >= 0:
                valid[valid_of[1, lane] + row[code[at + LEVEL]]] = 1
            lane = int64(code[at + LANE])
            if lane >= 0:
                cell = row[code[at + LEVEL]]
                if operation == STRING or operation == FIXED or operation == BYTES:
                    out[lane_of[1, lane] + cell] = here
                    out[lane_of[1, lane + 1] + cell] = position
                else:
                    out[lane_of[1, lane] + cell] = number
            if operation == RECORD:
                frames[depth, 1] = 0
                frames[depth, 3] = at + STRIDE
                depth += 1
                at = int64(code[at + ARGUMENT])
            else:
                at += STRIDE
        if outcome != WHOLE:
            clear(body, lane_of, before, used, out)
            clear(body, valid_of, before, used, valid)
            for level in range(len(used)):
                used[level] = before[level]
            if outcome == FULL:
                return body, full, needed
        error[body] = outcome
    return len(starts), full, needed
