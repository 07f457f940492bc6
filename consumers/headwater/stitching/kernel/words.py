"""Small things that the kernel does with bytes: compare, copy, count, hash."""

from __future__ import annotations

from typing import Any

import numpy as np

from headwater.schemas.codec.compiled import copy_bytes, word
from headwater.stitching.kernel.together import Bytes, together

#: A whole number, Python's or NumPy's: type checkers take an element of an array for an array.
Place = Any


@together
def same(buffer: Bytes, first: Place, first_end: Place, second: Place, second_end: Place) -> bool:
    """Whether two slices hold the same bytes."""
    length = first_end - first
    if length != second_end - second:
        return False
    at = 0
    while at + 8 <= length:
        if word(buffer, first + at) != word(buffer, second + at):
            return False
        at += 8
    while at < length:
        if buffer[first + at] != buffer[second + at]:
            return False
        at += 1
    return True


@together
def put_number(out: Bytes, at: Place, number: Place) -> int:
    """A zigzag number; the place after it."""
    value = (np.uint64(number) << np.uint64(1)) ^ np.uint64(np.int64(number) >> np.int64(63))
    while value >= np.uint64(128):
        out[at] = np.uint8((value & np.uint64(127)) | np.uint64(128))
        value >>= np.uint64(7)
        at += 1
    out[at] = np.uint8(value)
    return int(at + 1)


@together
def put_slice(out: Bytes, at: Place, buffer: Bytes, start: Place, end: Place) -> int:
    """Bytes as they are; the place after them."""
    return copy_bytes(out, at, buffer, start, end - start)


@together
def put_text(out: Bytes, at: Place, text: bytes) -> int:
    """Bytes written here; the place after them."""
    for i in range(len(text)):
        out[at + i] = text[i]
    return int(at + len(text))


@together
def _mix(value: np.uint64) -> np.uint64:
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xFF51AFD7ED558CCD)
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))


@together
def _turn(value: np.uint64, bits: np.uint64) -> np.uint64:
    return (value << bits) | (value >> (np.uint64(64) - bits))


@together
def digest(out: Bytes, start: Place, end: Place, to: Place) -> None:
    """MurmurHash3_x64_128, seed 0, of out[start:end], written at `to`. 16 bytes behind `end` are overwritten."""
    first = np.uint64(0)
    second = np.uint64(0)
    c1 = np.uint64(0x87C37B91114253D5)
    c2 = np.uint64(0x4CF5AD432745937F)
    length = end - start
    for i in range(16):
        out[end + i] = 0
    at = start
    while at < end:
        k1 = word(out, at)
        k2 = word(out, at + 8)
        last = end - at < 16
        second_mix = _turn(k2 * c2, np.uint64(33)) * c1
        first_mix = _turn(k1 * c1, np.uint64(31)) * c2
        first ^= first_mix
        if last:
            second ^= second_mix
            break
        first = (_turn(first, np.uint64(27)) + second) * np.uint64(5) + np.uint64(0x52DCE729)
        second ^= second_mix
        second = (_turn(second, np.uint64(31)) + first) * np.uint64(5) + np.uint64(0x38495AB5)
        at += 16
    first ^= np.uint64(length)
    second ^= np.uint64(length)
    first += second
    second += first
    first = _mix(first)
    second = _mix(second)
    first += second
    second += first
    for i in range(8):
        out[to + i] = np.uint8((first >> np.uint64(8 * i)) & np.uint64(255))
        out[to + 8 + i] = np.uint8((second >> np.uint64(8 * i)) & np.uint64(255))


@together
def earlier(buffer: Bytes, first: Place, second: Place) -> bool:
    """Whether 16 bytes come before 16 others."""
    for i in range(16):
        if buffer[first + i] != buffer[second + i]:
            return bool(buffer[first + i] < buffer[second + i])
    return False


@together
def standing_of(buffer: Bytes, start: Place, end: Place) -> int:
    """A run's state as a rank: terminal 0; else what stands over the others first."""
    length = end - start
    letter = buffer[start] if length else 0
    if (
        (length == 8 and letter == 67 and same_text(buffer, start, b"COMPLETE"))
        or (length == 4 and letter == 70 and same_text(buffer, start, b"FAIL"))
        or (length == 5 and letter == 65 and same_text(buffer, start, b"ABORT"))
    ):
        return 0
    if length == 7 and same_text(buffer, start, b"RUNNING"):
        return 1
    if length == 5 and same_text(buffer, start, b"START"):
        return 2
    return 3


@together
def same_text(buffer: Bytes, start: Place, text: bytes) -> bool:
    """Whether `text` stands at `start`."""
    for i in range(len(text)):  # noqa: SIM110 — Numba compiles no generators
        if buffer[start + i] != text[i]:
            return False
    return True


@together
def put_hex(out: Bytes, at: Place, buffer: Bytes, start: Place) -> int:
    """A UUID's text, from its 16 bytes."""
    for i in range(16):
        if i in (4, 6, 8, 10):
            out[at] = 45
            at += 1
        whole = np.int64(buffer[start + i])
        for half in (whole >> 4, whole & 15):
            out[at] = half + (48 if half < 10 else 87)
            at += 1
    return int(at)
