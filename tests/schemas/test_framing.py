"""What stands before a body, and what is no message."""

from __future__ import annotations

import pytest

from headwater.errors import InvalidMessage
from headwater.schemas.framing import confluent_header, read_header, single_object_header
from headwater.schemas.records import RECORDS, current


def test_single_object_header_is_the_specification_s() -> None:
    """C3 01 and the CRC-64-AVRO of the canonical form, little-endian, worked out here by the specification."""
    import fastavro.schema

    table: list[int] = []
    for index in range(256):
        entry = index
        for _ in range(8):
            entry = (entry >> 1) ^ (0xC15D213AA4D7A795 & -(entry & 1))
        table.append(entry)
    for record in RECORDS:
        schema = current(record)
        crc = 0xC15D213AA4D7A795
        for byte in fastavro.schema.to_parsing_canonical_form(dict(schema.definition)).encode():
            crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
        assert schema.fingerprint == crc
        assert single_object_header(schema) == b"\xc3\x01" + crc.to_bytes(8, "little")


def test_confluent_header() -> None:
    """A zero byte and the id in four bytes, most significant first."""
    assert confluent_header(258) == b"\x00\x00\x00\x01\x02"
    assert read_header(b"\x00\x00\x00\x01\x02") == (None, 258, 5)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b"hello, world", "wrong_magic"),
        (b"\xc3\x01\x01\x02\x03\x04\x05\x06\x07", "wrong_magic"),
        (b"\xc3\x02\x01\x02\x03\x04\x05\x06\x07\x08", "wrong_magic"),
        (b"\x00\x00\x00\x01", "wrong_magic"),
        (b"Obj\x01", "wrong_magic"),
    ],
)
def test_what_is_no_message(message: bytes | None, reason: str) -> None:
    """Nothing, text, half a header, a container file: each with the reason of its dead letter."""
    with pytest.raises(InvalidMessage) as refused:
        read_header(message)
    assert refused.value.reason == reason
