"""Avro's bytes, piece by piece: what is known early is encoded early, and a host's odd value is made to fit.

`Record.slots` gives a record as a list of its fields' bytes; a handle keeps that list and replaces single slots of it,
an event joins lists.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final, NamedTuple

from headwater.schemas import records
from headwater.schemas.encoding import NULL, PRESENT, PRIMITIVES, Record, binary, compiled, long

_pack_float: Final = struct.Struct("<f").pack
#: A byte of a varint that is not its last: any seven bits, or the first byte of an even number (zigzag of one ≥ 0).
_MORE: Final = tuple(bytes((value | 128,)) for value in range(128))
_MORE_LOW: Final = _MORE[::2]
_FLOAT_MAX: Final = 3.4028234663852886e38


def rising() -> Callable[[int], bytes]:
    """An encoder of longs, fast where one call's number is near the last one's: times, sequence numbers.

    The first two bytes hold the lowest 13 bits, the others are kept from call to call.
    """
    last: tuple[int, bytes] = (-1, b"")

    def encode(value: int) -> bytes:
        nonlocal last
        # One read: another thread may replace it meanwhile.
        high, rest = last
        if value >> 13 == high:
            return _MORE_LOW[value & 63] + _MORE[value >> 6 & 127] + rest
        whole = long(value)
        if value >= 1 << 13:
            last = (value >> 13, whole[2:])
        return whole

    return encode


#: A time in µs.
time: Final = rising()


def string(value: object) -> bytes:
    """A string. What is not text is turned into text; what UTF-8 cannot hold (lone surrogates) becomes '?'."""
    return binary((value if isinstance(value, str) else str(value)).encode("utf-8", "replace"))


def single(value: float) -> bytes:
    """A float; what is beyond its range becomes infinite."""
    value = float(value)
    if abs(value) > _FLOAT_MAX and math.isfinite(value):
        # The range ends half a step above the largest float: there struct refuses, and IEEE rounds to infinity.
        try:
            return _pack_float(value)
        except OverflowError:
            return _pack_float(math.copysign(math.inf, value))
    return _pack_float(value)


def optional(value: object) -> bytes:
    """A null|string."""
    return NULL if value is None else PRESENT + string(value)


class Encoders(NamedTuple):
    """A schema's encoders."""

    schema: records.Schema
    #: The message itself.
    message: Record
    #: Every record type in it, by its name without namespace.
    types: Mapping[str, Record]


@cache
def encoders(record: str) -> Encoders:
    """The encoders of the current version of a record."""
    schema = records.current(record)
    types = compiled(schema.definition, {**PRIMITIVES, "string": string, "float": single})
    return Encoders(schema, types[schema.definition["name"]], types)
