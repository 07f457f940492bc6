"""Parts of a record's schema, each encoded by itself: Avro has no field tags, so a record's bytes are its parts' bytes,
one after the other, and a part that is said again and again is encoded once.

The encoders are Python functions, put together from the schema: of small records fastavro spends most of its time on
unions, whose branches it looks for by validating the value; null|T has only one to choose.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple, cast

from headwater.errors import ContractError
from headwater.schemas.records import Schema
from headwater.schemas.types import Types
from headwater.schemas.varints import encode as varint

_Encode = Callable[[Any], bytes]

_NULL: Final = b"\x00"
_PRESENT: Final = b"\x02"
_EMPTY: Final = b"\x00"
_MISSING: Final = object()
#: From here on eight bytes: µs since 1970 of the years 1978 to 3111, of which each event has some.
_TIMES: Final = 1 << 48
_SHORT: Final = tuple(varint(length) for length in range(4096))


class _Field(NamedTuple):
    name: str
    encode: _Encode
    #: The default's bytes; None where it must be given.
    default: bytes | None


class Piece:
    """Some fields of a record; see `run_of`, `record_in` and `fields_in`."""

    def __init__(self, fields: Sequence[_Field]) -> None:
        self._fields = tuple(fields)

    def encode(self, value: Mapping[str, Any]) -> bytes:
        """The bytes of these fields; others in `value` are left out. Raises ContractError for what does not fit."""
        try:
            return _fields(self._fields, value)
        except (ValueError, TypeError, KeyError, OverflowError, AttributeError, struct.error) as error:
            raise ContractError(f"not {self._fields[0].name} to {self._fields[-1].name}: {error}") from error


@cache
def run_of(schema: Schema, first: str | None, last: str | None) -> Piece:
    """The fields of the message from `first` (None: its first) to before `last` (None: to its end)."""
    return Piece(_some(_compiled(schema, schema.name), first, last))


@cache
def fields_in(schema: Schema, name: str, first: str | None, last: str | None) -> Piece:
    """The same of a record type within the message, by its name without namespace."""
    return Piece(_some(_compiled(schema, f"{schema.name.rpartition('.')[0]}.{name}"), first, last))


def record_in(schema: Schema, name: str) -> Piece:
    """All of a record type within the message."""
    return fields_in(schema, name, None, None)


def _some(fields: Sequence[_Field], first: str | None, last: str | None) -> Sequence[_Field]:
    names = [field.name for field in fields]
    return fields[names.index(first) if first else 0 : names.index(last) if last else len(fields)]


def block(items: Sequence[bytes]) -> bytes:
    """An array from its encoded entries, as fastavro writes it."""
    return b"".join((varint(len(items)), *items, _EMPTY)) if items else _EMPTY


def _fields(fields: Sequence[_Field], value: Mapping[str, Any]) -> bytes:
    get = value.get
    found: list[bytes] = []
    for name, encode, default in fields:
        of = get(name, _MISSING)
        if of is not _MISSING:
            found.append(encode(of))
        elif default is not None:
            found.append(default)
        else:
            raise ValueError(f"no {name}")
    return b"".join(found)


def _compiled(schema: Schema, name: str) -> tuple[_Field, ...]:
    types = Types(schema)
    known: dict[str, _Encode] = {}

    def encoder(kind: Any) -> _Encode:
        null, inner = types.resolve(kind)
        if null:
            return _nullable(encoder(inner))
        match types.name(inner):
            case "record":
                return known.get(inner["name"]) or record(inner)
            case "fixed":
                return _fixed(inner["size"])
            case "array":
                return _array(encoder(inner["items"]))
            case "map":
                return _map(encoder(inner["values"]))
            case primitive if primitive in _PRIMITIVES:
                return _PRIMITIVES[primitive]
            case other:
                raise ContractError(f"{other} is not a type of the contract")

    def record(definition: Mapping[str, Any]) -> _Encode:
        fields: list[_Field] = []

        def encode(value: Mapping[str, Any]) -> bytes:
            if not value.keys() <= names:
                raise ValueError(f"{definition['name']} has no {', '.join(sorted(value.keys() - names))}")
            return _fields(fields, value)

        # Before its fields: one of them may be of its own type.
        known[definition["name"]] = encode
        fields += of(definition)
        names = {field.name for field in fields}
        return encode

    def of(definition: Mapping[str, Any]) -> list[_Field]:
        return [field(one, encoder(one["type"])) for one in definition["fields"]]

    def field(definition: Mapping[str, Any], encode: _Encode) -> _Field:
        if "default" not in definition:
            return _Field(definition["name"], encode, None)
        default = definition["default"]
        # JSON has no bytes: Avro writes the default of a bytes as text in ISO-8859-1.
        return _Field(
            definition["name"], encode, encode(default.encode("latin-1") if definition["type"] == "bytes" else default)
        )

    return tuple(of(types.definition(name)))


def _long(value: int) -> bytes:
    if 0 <= value < 4096:
        return _SHORT[value]
    if not -(1 << 63) <= value < 1 << 63:
        raise OverflowError(f"{value} does not fit 64 bits")
    if _TIMES <= value < _TIMES << 7:
        rest = value << 1
        return bytes(
            (
                rest & 127 | 128,
                rest >> 7 & 127 | 128,
                rest >> 14 & 127 | 128,
                rest >> 21 & 127 | 128,
                rest >> 28 & 127 | 128,
                rest >> 35 & 127 | 128,
                rest >> 42 & 127 | 128,
                rest >> 49,
            )
        )
    return varint(value)


def _int(value: int) -> bytes:
    if not -(1 << 31) <= value < 1 << 31:
        raise OverflowError(f"{value} does not fit 32 bits")
    return varint(value)


def _string(value: str) -> bytes:
    encoded = value.encode()
    length = len(encoded)
    return (_SHORT[length] if length < 4096 else varint(length)) + encoded


def _bytes(value: bytes) -> bytes:
    return varint(len(value)) + value


def _boolean(value: object) -> bytes:
    return b"\x01" if value else b"\x00"


def _nullable(encode: _Encode) -> _Encode:
    return lambda value: _NULL if value is None else _PRESENT + encode(value)


def _array(encode: _Encode) -> _Encode:
    return lambda values: block([encode(value) for value in values]) if values else _EMPTY


def _map(encode: _Encode) -> _Encode:
    def entries(values: Mapping[str, Any]) -> bytes:
        return block([_string(name) + encode(value) for name, value in values.items()]) if values else _EMPTY

    return entries


def _fixed(size: int) -> _Encode:
    def encode(value: bytes) -> bytes:
        if len(value) != size:
            raise ValueError(f"{len(value)} bytes where {size} are wanted")
        return value

    return encode


_PRIMITIVES: Final[Mapping[str, _Encode]] = {
    "int": _int,
    "long": _long,
    "string": _string,
    "bytes": _bytes,
    "double": cast("_Encode", struct.Struct("<d").pack),
    "float": cast("_Encode", struct.Struct("<f").pack),
    "boolean": _boolean,
}
