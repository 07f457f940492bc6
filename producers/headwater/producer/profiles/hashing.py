"""Hashes of values and rows: 64 bits, our own definition, so that they are the same in every version of any library.

The algorithm `headwater-hash-2`. mix(x) is the finalizer of splitmix64 (Steele, Lea, Flood, "Fast splittable
pseudorandom number generators", 2014) applied to x plus its increment, modulo 2⁶⁴. A value is hashed by what it is,
whatever column, type or library holds it:

    a number that a float64 holds    mix(tag of numbers ⊕ bits of the float64), -0 taken as 0; booleans are 0 and 1,
                  durations and times of day are their µs; a decimal of at most 15 significant digits is taken as the
                  nearest float64, which no other such decimal has
    an integer that none holds       mix(tag of integers ⊕ its magnitude), with a tag of their own for negative ones;
                  of a magnitude of 2⁶⁴ and more the hash of its hexadecimal digits as a text
    another decimal                  mix(tag of decimals ⊕ hash of the text "<digits>E<exponent>" without zeros at the
                  digits' end, with "-" before it where it is negative)
    a time        mix(tag of times ⊕ µs since 1970 UTC); a date is its midnight
    a text        h = mix(tag of texts ⊕ its length in bytes); for each 8 bytes of its UTF-8, little-endian, the last
                  padded with zeros:  h = mix(h ⊕ word); bytes are hashed alike
                  one longer than 256 bytes: mix(h ⊕ its BLAKE2b of 8 bytes, little-endian)
    anything else the hash of its JSON as a text
    null, NaN     mix(tag of nulls): pandas and numpy cannot tell the two apart
    personal      the first 8 bytes of the keyed digest of its text (headwater.schemas.digests)
    a row         mix(Σ over columns of mix(hash of the value ⊕ hash of the column's name as a text)); nulls add
                  nothing, so columns may change their order, and a column of nulls may be there or not
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.schemas import digests

HASHING: Final = "headwater-hash-2"

Hashes = NDArray[np.uint64]
Floats = NDArray[np.float64]
Offsets = NDArray[np.integer[Any]]

_INCREMENT: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)
_NUMBER: Final = np.uint64(0x6E756D6265720001)
_INTEGER: Final = np.uint64(0x696E746567720001)
_NEGATIVE: Final = np.uint64(0x6E65676174760001)
_DECIMAL: Final = np.uint64(0x646563696D6C0001)
_TIME: Final = np.uint64(0x74696D6500000001)
_TEXT: Final = np.uint64(0x7465787400000001)
_NULL_TAG: Final = np.uint64(0x6E756C6C00000001)
#: Every integer up to here has a float64.
LARGEST_EXACT: Final = 1 << 53
#: Texts longer than this (bytes) go through BLAKE2b: word by word is for many short ones.
LONGEST_BY_WORDS: Final = 256
#: Rows hashed at a time, so that what is in work stays in the processor's cache.
CHUNK: Final = 1 << 14
#: Which of a word's bytes count, by how many do (0: all).
_MASKS: Final = np.array([2**64 - 1] + [256**count - 1 for count in range(1, 8)], np.uint64)


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


def numbers(values: NDArray[np.floating[Any]]) -> Hashes:
    """Hashes of floats of any width."""
    out = np.empty(len(values), np.uint64)
    for start in range(0, len(values), CHUNK):
        # Adding 0 makes -0 a 0; it also gives each chunk an array of its own.
        chunk = values[start : start + CHUNK].astype(np.float64, copy=False) + 0.0
        absent = np.isnan(chunk)
        bits = chunk.view(np.uint64)
        bits ^= _NUMBER
        mix(bits)
        if absent.any():
            bits[absent] = NULL
        out[start : start + CHUNK] = bits
    return out


def integers(values: NDArray[np.integer[Any]]) -> Hashes:
    """Hashes of integers of up to 64 bits."""
    out = numbers(values.astype(np.float64))
    if values.dtype.itemsize < 8 or len(values) == 0:
        return out
    if int(values.max()) <= LARGEST_EXACT and int(values.min()) >= -LARGEST_EXACT:
        return out
    negative = values < 0
    magnitude = values.astype(np.uint64)
    magnitude[negative] = np.uint64(0) - magnitude[negative]
    lowest_bit = magnitude & (np.uint64(0) - magnitude)
    beyond = magnitude // np.maximum(lowest_bit, np.uint64(1)) > LARGEST_EXACT
    out[beyond] = mix(magnitude[beyond] ^ np.where(negative[beyond], _NEGATIVE, _INTEGER))
    return out


def integer(value: int) -> np.uint64:
    """The hash of an integer of any size."""
    magnitude = abs(value)
    try:
        if int(float(magnitude)) == magnitude:
            return _one(np.float64(value).view(np.uint64) ^ _NUMBER if value else _NUMBER)
    except OverflowError:
        pass
    code = np.uint64(magnitude) if magnitude < 1 << 64 else texts([f"{magnitude:x}"])[0]
    return _one(code ^ (_NEGATIVE if value < 0 else _INTEGER))


def decimal(negative: bool, digits: str, exponent: int) -> np.uint64:
    """The hash of a decimal of more than 15 significant digits; `digits` without zeros at either end."""
    return _one(texts([f"{'-' if negative else ''}{digits}E{exponent}"])[0] ^ _DECIMAL)


def _one(value: np.uint64) -> np.uint64:
    mixed: np.uint64 = mix(np.array([value]))[0]
    return mixed


def times(values: NDArray[np.int64]) -> Hashes:
    """Hashes of times in µs since 1970."""
    out = values.view(np.uint64) ^ _TIME
    for start in range(0, len(out), CHUNK):
        mix(out[start : start + CHUNK])
    return out


def texts(values: Sequence[str]) -> Hashes:
    """Hashes of texts."""
    out = np.empty(len(values), np.uint64)
    for start in range(0, len(values), CHUNK):
        chunk = values[start : start + CHUNK]
        joined = "".join(chunk)
        if joined.isascii():
            hashes = slices(joined.encode(), np.fromiter(map(len, chunk), np.int64, len(chunk)))
        else:
            hashes = _joined([value.encode("utf-8", "replace") for value in chunk])
        out[start : start + CHUNK] = hashes
    return out


def binaries(values: Sequence[bytes]) -> Hashes:
    """Hashes of bytes."""
    out = np.empty(len(values), np.uint64)
    for start in range(0, len(values), CHUNK):
        out[start : start + CHUNK] = _joined(values[start : start + CHUNK])
    return out


def _joined(values: Sequence[bytes]) -> Hashes:
    return slices(b"".join(values), np.fromiter(map(len, values), np.int64, len(values)))


def buffer(data: NDArray[np.uint8], offsets: Offsets) -> Hashes:
    """Hashes of the slices of one buffer between each offset and the next, as Arrow holds texts."""
    out = np.empty(len(offsets) - 1, np.uint64)
    for start in range(0, len(out), CHUNK):
        bounds = offsets[start : start + CHUNK + 1].astype(np.int64)
        out[start : start + CHUNK] = slices(data[bounds[0] : bounds[-1]].tobytes(), np.diff(bounds))
    return out


def slices(data: bytes, lengths: NDArray[np.int64]) -> Hashes:
    """Hashes of texts that lie end to end; for at most some ten thousand, which then stay in the cache."""
    starts = np.cumsum(lengths) - lengths
    counts = (np.minimum(lengths, LONGEST_BY_WORDS + 1) + 7) >> 3
    hashes = mix(lengths.astype(np.uint64) ^ _TEXT)
    long = np.flatnonzero(lengths > LONGEST_BY_WORDS)
    if len(long):
        counts[long] = 0
        hashes[long] = mix(hashes[long] ^ _digests(data, starts[long], lengths[long]))
    most = int(counts.max(initial=0))
    if most == 0:
        return hashes
    # Eight bytes from every position on: texts begin anywhere.
    words = np.ndarray((len(data) + 1,), np.dtype("<u8"), data + bytes(8), strides=(1,))
    if int(counts.min()) == most:
        _by_words(hashes, words, starts, lengths, [len(hashes)] * most)
        return hashes
    # The longest first: then those that have an nth word stand together, and so do those that end with it.
    order = np.argsort((most - counts).astype(np.uint8), kind="stable")
    ordered = hashes[order]
    at_least = np.cumsum(np.bincount(counts, minlength=most + 1)[::-1])[::-1]
    _by_words(ordered, words, starts[order], lengths[order], at_least[1:].tolist())
    hashes[order] = ordered
    return hashes


def _by_words(
    hashes: Hashes, words: Hashes, starts: NDArray[np.int64], lengths: NDArray[np.int64], having: Sequence[int]
) -> None:
    """Mix in the words of texts, longest first, in place; `having`: how many have a first word, a second, …"""
    masks = _MASKS[lengths & 7]
    for number, count in enumerate(having):
        word = words[starts[:count] + 8 * number]
        going_on = having[number + 1] if number + 1 < len(having) else 0
        word[going_on:] &= masks[going_on:count]
        word ^= hashes[:count]
        hashes[:count] = mix(word)


def _digests(data: bytes, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> Hashes:
    view = memoryview(data)
    found = b"".join(
        hashlib.blake2b(view[start : start + length], digest_size=8).digest()
        for start, length in zip(starts.tolist(), lengths.tolist(), strict=True)
    )
    return np.frombuffer(found, np.dtype("<u8")).astype(np.uint64)


def personal(values: Sequence[str], digest_key: str) -> tuple[Hashes, list[bytes]]:
    """Hashes of personal values, and the keyed digests that they come from."""
    found = [digests.digest(digest_key, digests.VALUE, value) for value in values]
    taken = b"".join(digest[:8] for digest in found)
    return np.frombuffer(taken, np.dtype("<u8")).astype(np.uint64), found


class Rows:
    """Hashes of rows, column by column."""

    def __init__(self, count: int) -> None:
        self._sum = np.zeros(count, np.uint64)

    def add(self, name: str, hashes: Hashes) -> None:
        """A column's hashes, one a row."""
        of_name = texts([name])[0]
        for start in range(0, len(hashes), CHUNK):
            chunk = hashes[start : start + CHUNK]
            mixed = mix(chunk ^ of_name)
            absent = chunk == NULL
            if absent.any():
                mixed[absent] = 0
            self._sum[start : start + CHUNK] += mixed

    def hashes(self) -> Hashes:
        """The rows' hashes."""
        for start in range(0, len(self._sum), CHUNK):
            mix(self._sum[start : start + CHUNK])
        return self._sum
