"""How a body becomes a message, in both forms, and back.

Single-object encoding (Avro specification): C3 01, the schema's CRC-64-AVRO fingerprint in 8 bytes
little-endian, the body. Confluent wire format: 00, the registry's schema id in 4 bytes big-endian, the body.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from headwater.errors import InvalidMessage
from headwater.schemas import reasons
from headwater.schemas.records import Schema

SINGLE_OBJECT_MAGIC = b"\xc3\x01"
SINGLE_OBJECT_HEADER = 10
CONFLUENT_MAGIC = b"\x00"
CONFLUENT_HEADER = 5


class Header(NamedTuple):
    """What a message says of its schema: one of the two is set. `length`: bytes before the body."""

    fingerprint: int | None
    registry_id: int | None
    length: int


def single_object_header(schema: Schema) -> bytes:
    """The ten bytes before a body."""
    return SINGLE_OBJECT_MAGIC + schema.fingerprint_bytes


def confluent_header(registry_id: int) -> bytes:
    """The five bytes before a body."""
    return CONFLUENT_MAGIC + struct.pack(">I", registry_id)


def header_length(message: bytes) -> int:
    """Bytes of a message's header, of one whose header was read before."""
    return SINGLE_OBJECT_HEADER if message[:2] == SINGLE_OBJECT_MAGIC else CONFLUENT_HEADER


def read_header(message: bytes | None) -> Header:
    """What a message says of its schema.

    Raises InvalidMessage (empty, wrong_magic).
    """
    if not message:
        raise InvalidMessage(reasons.EMPTY, "the message has no value")
    if message[:2] == SINGLE_OBJECT_MAGIC and len(message) >= SINGLE_OBJECT_HEADER:
        return Header(int.from_bytes(message[2:10], "little"), None, SINGLE_OBJECT_HEADER)
    if message[:1] == CONFLUENT_MAGIC and len(message) >= CONFLUENT_HEADER:
        return Header(None, int.from_bytes(message[1:5], "big"), CONFLUENT_HEADER)
    raise InvalidMessage(reasons.WRONG_MAGIC, f"begins with {message[:10].hex(' ')}, {len(message)} bytes in all")
