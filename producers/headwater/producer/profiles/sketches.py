"""What is kept of many hashes or numbers: minimum values, a fingerprint, quantiles."""

from __future__ import annotations

import struct
from typing import Final

import numpy as np

from headwater.producer.profiles.hashing import Floats, Hashes

#: Quantiles of a numeric column: at 0/128 … 128/128.
QUANTILES: Final = 129
COLUMN_KMV: Final = 256
ROW_KMV: Final = 1024


def distinct_of(ordered: Hashes) -> Hashes:
    """The distinct ones of sorted hashes, still sorted."""
    if len(ordered) == 0:
        return ordered
    keep = np.empty(len(ordered), np.bool_)
    keep[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=keep[1:])
    return ordered[keep]


def kmv(hashes: Hashes, size: int) -> Hashes:
    """The `size` smallest distinct hashes, ascending (K minimum values)."""
    taken = 4 * size
    while taken < len(hashes):
        smallest = distinct_of(np.sort(np.partition(hashes, taken)[:taken]))
        if len(smallest) >= size:
            return smallest[:size]
        taken *= 8
    return distinct_of(np.sort(hashes))[:size]


def estimate(minimum_values: Hashes, size: int) -> int:
    """Distinct values behind a sketch: (k-1) over the largest kept as a share of 2⁶⁴ (Bar-Yossef et al., 2002)."""
    if len(minimum_values) < size:
        return len(minimum_values)
    return round((size - 1) * 2.0**64 / float(minimum_values[-1]))


def packed(minimum_values: Hashes) -> bytes:
    """A sketch as the contract holds it: 64-bit, little-endian, ascending."""
    return minimum_values.astype("<u8").tobytes()


def fingerprint(row_hashes: Hashes) -> bytes:
    """Rows, sum and exclusive or of the row hashes modulo 2⁶⁴: three times 8 bytes, little-endian.

    The order of the rows does not matter; the sum shows doubled rows, which cancel in an exclusive or.
    """
    total = int(np.add.reduce(row_hashes, dtype=np.uint64)) if len(row_hashes) else 0
    folded = int(np.bitwise_xor.reduce(row_hashes)) if len(row_hashes) else 0
    return struct.pack("<QQQ", len(row_hashes), total, folded)


def quantiles(ordered: Floats) -> Floats:
    """129 values of the sorted numbers, the nearest in rank to 0/128 … 128/128."""
    positions = np.rint(np.linspace(0, len(ordered) - 1, QUANTILES)).astype(np.int64)
    return ordered[positions]
