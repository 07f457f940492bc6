"""Avro's variable-length integers: zigzag, seven bits a byte, the low ones first."""

from __future__ import annotations

_ONE = tuple(bytes((value,)) for value in range(0x80))


def encode(value: int) -> bytes:
    """A long as Avro writes it. value: -2^63 … 2^63 - 1."""
    rest = (value << 1) ^ (value >> 63)
    if rest < 0x80:
        return _ONE[rest]
    if rest < 0x4000:
        return bytes((rest & 0x7F | 0x80, rest >> 7))
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def end(body: bytes, start: int) -> int:
    """The index behind the integer that begins at `start`. Raises IndexError where it does not end."""
    while body[start] > 0x7F:
        start += 1
    return start + 1


def decode(body: bytes, start: int) -> int:
    """The integer that begins at `start`. Raises IndexError where it does not end."""
    value = shift = 0
    while body[start] > 0x7F:
        value |= (body[start] & 0x7F) << shift
        shift += 7
        start += 1
    value |= body[start] << shift
    return (value >> 1) ^ -(value & 1)
