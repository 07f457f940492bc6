"""Encoders of a schema's records, put together from their definition: Avro has no field tags, so a record's bytes are
its fields' bytes, one after the other.

Of small records fastavro spends most of its time on unions, whose branches it looks for by validating the value; the
contract's unions are null|T, with only one to choose. `PRIMITIVES` take what fastavro takes; a caller may give others.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from headwater.errors import ContractError
from headwater.schemas import varints
from headwater.schemas.varints import SHORT

Encode = Callable[[Any], bytes]

#: null of a null|T; an array or map without entries.
NULL: Final = b"\x00"
EMPTY: Final = b"\x00"
#: Stands before T of a null|T.
PRESENT: Final = b"\x02"
_SHORTS: Final = len(SHORT)
_MISSING: Final = object()

long = varints.encode
double: Final = cast("Encode", struct.Struct("<d").pack)


def integer(value: int) -> bytes:
    """An int. Raises ContractError beyond 32 bits, TypeError for what is no whole number."""
    if not -(1 << 31) <= value < 1 << 31:
        raise ContractError(f"{value} does not fit 32 bits")
    return long(value)


def string(value: str) -> bytes:
    """A string. Raises UnicodeEncodeError for what UTF-8 cannot hold, AttributeError for what is no text."""
    encoded = value.encode()
    length = len(encoded)
    return (SHORT[length] if length < _SHORTS else long(length)) + encoded


def binary(value: bytes) -> bytes:
    """A bytes; a string from its UTF-8."""
    length = len(value)
    return (SHORT[length] if length < _SHORTS else long(length)) + value


def boolean(value: object) -> bytes:
    """A boolean."""
    return b"\x01" if value else b"\x00"


#: Of each primitive type of the contract. float: raises OverflowError beyond its range.
PRIMITIVES: Final[Mapping[str, Encode]] = {
    "int": integer,
    "long": long,
    "string": string,
    "bytes": binary,
    "double": double,
    "float": cast("Encode", struct.Struct("<f").pack),
    "boolean": boolean,
}


def block(items: Sequence[bytes]) -> bytes:
    """An array or map from its encoded entries."""
    if not items:
        return EMPTY
    count = len(items)
    return b"".join((SHORT[count] if count < _SHORTS else long(count), *items, EMPTY))


class Field(NamedTuple):
    """A field of a record. `default`: its default's bytes, None where it must be given."""

    name: str
    encode: Encode
    default: bytes | None


def slots(name: str, fields: Iterable[Field], value: Mapping[str, Any]) -> list[bytes]:
    """The bytes of each field of record `name`, others in `value` left out. Raises ContractError for a missing one."""
    get = value.get
    found: list[bytes] = []
    for field, encode, default in fields:
        of = get(field, _MISSING)
        if of is not _MISSING:
            found.append(encode(of))
        elif default is not None:
            found.append(default)
        else:
            raise ContractError(f"{name} needs {field}")
    return found


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
        if not value.keys() <= self.position.keys():
            raise ContractError(f"{self.name} has no {', '.join(sorted(value.keys() - self.position.keys()))}")
        return slots(self.name, self.fields, value)

    def encode(self, value: Mapping[str, Any]) -> bytes:
        """The record's bytes."""
        return b"".join(self.slots(value))


def compiled(definition: Mapping[str, Any], primitives: Mapping[str, Encode] = PRIMITIVES) -> Mapping[str, Record]:
    """The encoder of each record type of a schema, by its name without namespace; the message's is the first.

    Raises ContractError for a union other than null|T, and for types that the contract has not.
    """
    records: dict[str, Record] = {}
    _compile(definition, primitives, records, {})
    return records


def _compile(
    kind: Any, primitives: Mapping[str, Encode], records: dict[str, Record], named: dict[str, Encode]
) -> Encode:
    def of(inner: Any) -> Encode:
        return _compile(inner, primitives, records, named)

    if isinstance(kind, str):
        if (known := primitives.get(kind) or named.get(_bare(kind))) is None:
            raise ContractError(f"{kind} is not a type of the contract")
        return known
    if isinstance(kind, list):
        match cast("list[object]", kind):
            case ["null", inner]:
                return _nullable(of(inner))
            case _:
                raise ContractError(f"the contract has no union but null|T, this is {kind}")
    match kind["type"]:
        case "record":
            name = _bare(kind["name"])
            record = records[name] = Record(name)
            named[name] = record.encode
            record.define(_field(field, of(field["type"])) for field in kind["fields"])
            return record.encode
        case "fixed":
            name = _bare(kind["name"])
            named[name] = _fixed(name, kind["size"])
            return named[name]
        case "array":
            return _array(of(kind["items"]))
        case "map":
            return _map(of(kind["values"]), primitives["string"])
        case other:
            return of(other)


def _bare(name: str) -> str:
    return name.rpartition(".")[2]


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
    return lambda values: block([encode(value) for value in values]) if len(values) else EMPTY


def _map(encode: Encode, key: Encode) -> Encode:
    return lambda values: block([key(name) + encode(of) for name, of in values.items()]) if len(values) else EMPTY


def _fixed(name: str, size: int) -> Encode:
    def encode(value: bytes) -> bytes:
        if len(value) != size:
            raise ContractError(f"{name} has {size} bytes, not {len(value)}")
        return value

    return encode
