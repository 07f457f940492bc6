"""What is kept of many hashes: the smallest, exact counts of few, a fingerprint of all."""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.producer.profiles.hashing import Hashes

COLUMN_KMV: Final = 256
ROW_KMV: Final = 1024
#: Distinct values are counted exactly up to here.
COUNTED: Final = 1000
_GLANCE: Final = 1 << 13


def distinct_of(ordered: Hashes) -> Hashes:
    """The distinct ones of sorted hashes, still sorted."""
    return ordered[_firsts(ordered)]


def _firsts(ordered: Hashes) -> NDArray[np.bool_]:
    """Where in sorted hashes a new one begins."""
    first = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return first


def kmv(hashes: Hashes, size: int) -> Hashes:
    """The `size` smallest distinct hashes, ascending (K minimum values)."""
    share = 4 * size
    while share < len(hashes):
        # Hashes lie evenly, so that about so many are below this bound.
        below = hashes[hashes < np.uint64(share * (2**64 // len(hashes)))]
        smallest = distinct_of(np.sort(below))
        if len(smallest) >= size:
            return smallest[:size]
        share *= 8
    return distinct_of(np.sort(hashes))[:size]


def estimate(minimum_values: Hashes, size: int) -> int:
    """Distinct values behind a sketch: (k-1) over the largest kept as a share of 2⁶⁴ (Bar-Yossef et al., 2002)."""
    if len(minimum_values) < size:
        return len(minimum_values)
    return round((size - 1) * 2.0**64 / float(minimum_values[-1]))


def packed(minimum_values: Hashes) -> bytes:
    """A sketch as the contract holds it: 64-bit, little-endian, ascending."""
    return minimum_values.astype("<u8").tobytes()


class Smallest:
    """K minimum values of hashes that come in batches."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.hashes: Hashes = np.zeros(0, np.uint64)

    def add(self, hashes: Hashes) -> None:
        """Further hashes."""
        if len(self.hashes) == self._size:
            hashes = hashes[hashes < self.hashes[-1]]
        if len(hashes):
            self.hashes = distinct_of(np.sort(np.concatenate([self.hashes, kmv(hashes, self._size)])))[: self._size]


class Fingerprint:
    """Rows, sum and exclusive or of row hashes modulo 2⁶⁴.

    The order of the rows does not matter; the sum shows doubled rows, which cancel in an exclusive or.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0
        self._folded = 0

    def add(self, row_hashes: Hashes) -> None:
        """Further rows."""
        self.rows += len(row_hashes)
        self._sum = (self._sum + int(np.add.reduce(row_hashes, dtype=np.uint64))) % 2**64
        self._folded ^= int(np.bitwise_xor.reduce(row_hashes))

    @property
    def digest(self) -> bytes:
        """Three times 8 bytes, little-endian."""
        return struct.pack("<QQQ", self.rows, self._sum, self._folded)


class Tally:
    """Exact counts of up to 1,000 distinct values by their hashes; K minimum values beyond."""

    def __init__(self) -> None:
        self.hashes: Hashes = np.zeros(0, np.uint64)
        self.counts: NDArray[np.int64] = np.zeros(0, np.int64)
        #: Whether there were more than 1,000, which are counted no longer.
        self.over = False
        self._smallest = Smallest(COLUMN_KMV)

    def add(self, hashes: Hashes) -> Hashes:
        """Further values' hashes, no nulls among them; returns those that it counts and has not seen before."""
        none = np.zeros(0, np.uint64)
        if not self.over and len(distinct_of(np.sort(hashes[:_GLANCE]))) > COUNTED:
            self._give_up()
        if self.over:
            self._smallest.add(hashes)
            return none
        ordered = np.sort(hashes)
        starts = np.flatnonzero(_firsts(ordered))
        found, counts = ordered[starts], np.diff(starts, append=len(ordered))
        union = distinct_of(np.sort(np.concatenate([self.hashes, found])))
        if len(union) > COUNTED:
            self._give_up()
            self._smallest.add(found)
            return none
        summed = np.zeros(len(union), np.int64)
        summed[np.searchsorted(union, self.hashes)] = self.counts
        summed[np.searchsorted(union, found)] += counts
        new = np.setdiff1d(found, self.hashes, assume_unique=True)
        self.hashes, self.counts = union, summed
        return new

    def _give_up(self) -> None:
        self.over = True
        self._smallest.add(self.hashes)
        self.hashes, self.counts = np.zeros(0, np.uint64), np.zeros(0, np.int64)

    @property
    def kmv(self) -> Hashes:
        """The 256 smallest distinct hashes."""
        return self._smallest.hashes if self.over else self.hashes[:COLUMN_KMV]

    @property
    def distinct(self) -> int:
        """Exact up to 1,000, else the estimate."""
        return estimate(self.kmv, COLUMN_KMV) if self.over else len(self.hashes)


def places(wanted: Hashes, hashes: Hashes) -> NDArray[np.int64]:
    """For each of some distinct hashes the place of one that is equal to it; each is there."""
    found: dict[int, int] = {}
    start, size = 0, _GLANCE
    # Values that are few occur early; what is left is searched for in ever larger pieces.
    while len(found) < len(wanted):
        distinct, first = np.unique(hashes[start : start + size], return_index=True)
        at = np.searchsorted(distinct, wanted)
        at[at == len(distinct)] = 0
        for number in np.flatnonzero(distinct[at] == wanted).tolist():
            found.setdefault(number, start + int(first[at[number]]))
        start += size
        size *= 4
    return np.array([found[number] for number in range(len(wanted))], np.int64)
