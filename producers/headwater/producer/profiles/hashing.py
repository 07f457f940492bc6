"""Hashes of values and rows: 64 bits, our own definition, so that they are the same in every version of any library.

The algorithm `headwater-hash-1`. mix(x) is the finalizer of splitmix64 (Steele, Lea, Flood, "Fast splittable
pseudorandom number generators", 2014) applied to x plus its increment, modulo 2⁶⁴.

    a number      mix(tag of numbers ⊕ bits of the float64), -0 taken as 0, every NaN as one; booleans are 0 and 1
    an integer that no float64 holds (beyond ±2⁵³)    mix(tag of integers ⊕ its two's complement)
    a time        mix(tag of times ⊕ µs since 1970)
    a text        h = mix(tag of texts ⊕ its length in bytes); for each 8 bytes of its UTF-8, little-endian, the
                  last padded with zeros:  h = mix(h ⊕ word)
    null          mix(tag of nulls)
    personal      the first 8 bytes of the keyed digest of its text (headwater.schemas.digests)
    a row         mix(Σ over columns of mix(hash of the value ⊕ hash of the column's name as a text)),
                  so columns may change their order
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.schemas import digests

HASHING: Final = "headwater-hash-1"

Hashes = NDArray[np.uint64]
Floats = NDArray[np.float64]

_INCREMENT: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)
_NUMBER: Final = np.uint64(0x6E756D6265720001)
_INTEGER: Final = np.uint64(0x696E746567720001)
_TIME: Final = np.uint64(0x74696D6500000001)
_TEXT: Final = np.uint64(0x7465787400000001)
_NULL_TAG: Final = np.uint64(0x6E756C6C00000001)
_LARGEST_EXACT: Final = 1 << 53
#: Rows hashed at a time, so that what is in work stays in the processor's cache.
_CHUNK: Final = 1 << 15


def mix(values: Hashes) -> Hashes:
    """The finalizer, in place; returns its argument."""
    shifted = np.empty_like(values)
    values += _INCREMENT
    np.right_shift(values, np.uint64(30), out=shifted)
    values ^= shifted
    values *= _FIRST
    np.right_shift(values, np.uint64(27), out=shifted)
    values ^= shifted
    values *= _SECOND
    np.right_shift(values, np.uint64(31), out=shifted)
    values ^= shifted
    return values


NULL: Final = mix(np.array([_NULL_TAG]))[0]


def numbers(values: Floats) -> Hashes:
    """Hashes of float64."""
    out = np.empty(len(values), np.uint64)
    for start in range(0, len(values), _CHUNK):
        # Adding 0 makes -0 a 0; it also gives each chunk an array of its own.
        chunk = values[start : start + _CHUNK] + 0.0
        chunk[np.isnan(chunk)] = np.nan
        bits = chunk.view(np.uint64)
        bits ^= _NUMBER
        out[start : start + _CHUNK] = mix(bits)
    return out


def integers(values: NDArray[np.integer]) -> Hashes:
    """Hashes of integers of any width."""
    out = numbers(values.astype(np.float64))
    if values.dtype.itemsize == 8:
        beyond = (
            (values > _LARGEST_EXACT) | (values < -_LARGEST_EXACT)
            if values.dtype.kind == "i"
            else (values > _LARGEST_EXACT)
        )
        if beyond.any():
            out[beyond] = mix(values[beyond].astype(np.uint64) ^ _INTEGER)
    return out


def times(values: NDArray[np.int64]) -> Hashes:
    """Hashes of times in µs since 1970."""
    return mix(values.view(np.uint64) ^ _TIME)


def texts(values: Sequence[str]) -> Hashes:
    """Hashes of texts; give each distinct text once."""
    encoded = [value.encode("utf-8", "replace") for value in values]
    lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
    ends = np.cumsum(lengths)
    return buffer(b"".join(encoded), ends - lengths, lengths)


def buffer(data: bytes, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> Hashes:
    """Hashes of slices of one buffer of UTF-8."""
    padded = np.frombuffer(data + bytes(8), np.uint8)
    # Eight bytes from every position on: texts begin anywhere.
    words = np.ndarray((len(data) + 1,), np.dtype("<u8"), padded.data, strides=(1,))
    hashes = mix(lengths.astype(np.uint64) ^ _TEXT)
    left = lengths.copy()
    active = np.flatnonzero(left > 0)
    position = 0
    while len(active):
        rest = left[active]
        word = words[starts[active] + position]
        short = rest < 8
        word[short] &= (np.uint64(1) << (rest[short].astype(np.uint64) * np.uint64(8))) - np.uint64(1)
        hashes[active] = mix(hashes[active] ^ word)
        left[active] = rest - 8
        position += 8
        active = active[rest > 8]
    return hashes


def personal(values: Sequence[str], digest_key: str) -> Hashes:
    """Hashes of personal values, from their keyed digests."""
    taken = b"".join(digests.digest(digest_key, digests.VALUE, value)[:8] for value in values)
    return np.frombuffer(taken, np.dtype("<u8")).astype(np.uint64)


class Rows:
    """Hashes of rows, column by column."""

    def __init__(self, count: int) -> None:
        self._sum = np.zeros(count, np.uint64)

    def add(self, name: str, hashes: Hashes) -> None:
        """A column's hashes, one a row."""
        of_name = texts([name])[0]
        for start in range(0, len(hashes), _CHUNK):
            self._sum[start : start + _CHUNK] += mix(hashes[start : start + _CHUNK] ^ of_name)

    def hashes(self) -> Hashes:
        """The rows' hashes."""
        for start in range(0, len(self._sum), _CHUNK):
            mix(self._sum[start : start + _CHUNK])
        return self._sum
