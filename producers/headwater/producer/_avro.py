"""Avro's bytes, piece by piece: a record is its fields one after the other, so what is known early is encoded early.

`encoders` builds one encoder for each record type of a schema. `Record.slots` gives a record as a list of its
fields' bytes; a handle keeps that list and replaces single slots of it, an event joins lists.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import index
from typing import Any, Final, NamedTuple, cast

from headwater.errors import ContractError
from headwater.schemas import records

Encode = Callable[[Any], bytes]

_pack_double: Final = struct.Struct("<d").pack
_pack_float: Final = struct.Struct("<f").pack
_ONE_BYTE: Final = tuple(bytes((value,)) for value in range(128))
#: A byte of a varint that is not its last: any seven bits, or the first byte of an even number (zigzag of one ≥ 0).
_MORE: Final = tuple(bytes((value | 128,)) for value in range(128))
_MORE_LOW: Final = _MORE[::2]
_FLOAT_MAX: Final = 3.4028234663852886e38

#: null of a null|T; an array or map without entries.
NULL: Final = b"\x00"
EMPTY: Final = b"\x00"
#: Stands before T of a null|T.
PRESENT: Final = b"\x02"


def long(value: int) -> bytes:
    """A long. Raises ContractError beyond 64 bits, TypeError for what is no whole number."""
    if type(value) is not int:
        # numpy's integers are of few bits, and lose the upper ones without a word.
        value = index(value)
    rest = value << 1 if value >= 0 else ~(value << 1)
    if rest < 128:
        return _ONE_BYTE[rest]
    if rest < 1 << 14:
        return bytes((rest & 127 | 128, rest >> 7))
    if rest < 1 << 21:
        return bytes((rest & 127 | 128, rest >> 7 & 127 | 128, rest >> 14))
    if rest >> 64:
        raise ContractError(f"{value} does not fit 64 bits")
    out = bytearray()
    while rest > 127:
        out.append(rest & 127 | 128)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def integer(value: int) -> bytes:
    """An int. Raises ContractError beyond 32 bits, TypeError for what is no whole number."""
    if not -(1 << 31) <= value < 1 << 31:
        raise ContractError(f"{value} does not fit 32 bits")
    return long(value)


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
    encoded = (value if isinstance(value, str) else str(value)).encode("utf-8", "replace")
    length = len(encoded)
    return (_ONE_BYTE[length << 1] if length < 64 else long(length)) + encoded


def binary(value: bytes) -> bytes:
    """A bytes."""
    return long(len(value)) + value


def double(value: float) -> bytes:
    """A double."""
    return _pack_double(value)


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


def boolean(value: object) -> bytes:
    """A boolean."""
    return b"\x01" if value else b"\x00"


def optional(value: object) -> bytes:
    """A null|string."""
    return NULL if value is None else PRESENT + string(value)


def block(items: Sequence[bytes]) -> bytes:
    """An array or map from its encoded entries."""
    if not items:
        return EMPTY
    count = len(items)
    return b"".join((_ONE_BYTE[count << 1] if count < 64 else long(count), *items, EMPTY))


class Field(NamedTuple):
    """A field of a record. `default`: its default's bytes, None where it must be given."""

    name: str
    encode: Encode
    default: bytes | None


class Record:
    """The encoder of one record type."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.fields: tuple[Field, ...] = ()
        self.position: Mapping[str, int] = {}

    def define(self, fields: Iterable[Field]) -> None:
        """Set the fields; apart from the constructor because a field may refer to the record itself."""
        self.fields = tuple(fields)
        self.position = {field.name: number for number, field in enumerate(self.fields)}

    def field(self, name: str) -> Encode:
        """The encoder of one field."""
        return self.fields[self.position[name]].encode

    def slots(self, value: Mapping[str, Any]) -> list[bytes]:
        """The bytes of each field. Raises ContractError for an unknown or a missing field."""
        found: list[bytes] = []
        for name, encode, default in self.fields:
            if name in value:
                found.append(encode(value[name]))
            elif default is not None:
                found.append(default)
            else:
                raise ContractError(f"{self.name} needs {name}")
        if unknown := set(value) - set(self.position):
            raise ContractError(f"{self.name} has no {', '.join(sorted(unknown))}")
        return found

    def encode(self, value: Mapping[str, Any]) -> bytes:
        """The record's bytes."""
        return b"".join(self.slots(value))


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
    types: dict[str, Record] = {}
    _compile(schema.definition, types, {})
    return Encoders(schema, types[schema.definition["name"]], types)


_PRIMITIVES: Mapping[str, Encode] = {
    "int": integer,
    "long": long,
    "string": string,
    "bytes": binary,
    "double": double,
    "float": single,
    "boolean": boolean,
}


def _compile(kind: Any, types: dict[str, Record], named: dict[str, Encode]) -> Encode:
    if isinstance(kind, str):
        return _PRIMITIVES[kind] if kind in _PRIMITIVES else named[kind]
    if isinstance(kind, list):
        match cast("list[object]", kind):
            case ["null", inner]:
                return _nullable(_compile(inner, types, named))
            case _:
                raise ContractError(f"the contract has no union but null|T, this is {kind}")
    match kind["type"]:
        case "record":
            record = types[kind["name"]] = Record(kind["name"])
            named[kind["name"]] = record.encode
            record.define(_field(field, _compile(field["type"], types, named)) for field in kind["fields"])
            return record.encode
        case "fixed":
            named[kind["name"]] = _fixed(kind["name"], kind["size"])
            return named[kind["name"]]
        case "array":
            return _array(_compile(kind["items"], types, named))
        case "map":
            return _map(_compile(kind["values"], types, named))
        case primitive:
            return _compile(primitive, types, named)


def _field(definition: Mapping[str, Any], encode: Encode) -> Field:
    if "default" not in definition:
        return Field(definition["name"], encode, None)
    default = definition["default"]
    # JSON has no bytes: Avro writes the default of a bytes as text in ISO-8859-1.
    return Field(
        definition["name"], encode, encode(default.encode("latin-1") if definition["type"] == "bytes" else default)
    )


def _nullable(encode: Encode) -> Encode:
    return lambda value: NULL if value is None else PRESENT + encode(value)


def _array(encode: Encode) -> Encode:
    return lambda values: block([encode(value) for value in values])


def _map(encode: Encode) -> Encode:
    return lambda values: block([string(key) + encode(value) for key, value in values.items()])


def _fixed(name: str, size: int) -> Encode:
    def encode(value: bytes) -> bytes:
        if len(value) != size:
            raise ContractError(f"{name} has {size} bytes, not {len(value)}")
        return value

    return encode
