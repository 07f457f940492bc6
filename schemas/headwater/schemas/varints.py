"""Avro's variable-length integers: zigzag, seven bits a byte, the low ones first."""

from __future__ import annotations

from operator import index
from typing import Final

from headwater.errors import ContractError

_ONE: Final = tuple(bytes((value,)) for value in range(0x80))
#: Of 0 to 4095: most lengths and counts.
SHORT: Final = tuple(
    _ONE[value << 1] if value < 64 else bytes((value << 1 & 0x7F | 0x80, value >> 6)) for value in range(4096)
)
#: From here on eight bytes: µs since 1970 of the years 1978 to 3111, of which each event has some.
_TIMES: Final = 1 << 49


def encode(value: int) -> bytes:
    """A long as Avro writes it. Raises ContractError beyond 64 bits, TypeError for what is no whole number."""
    if 0 <= value < 4096:
        return SHORT[value]
    # numpy's integers are of few bits, and lose the upper ones without a word.
    value = index(value)
    rest = (value << 1) ^ (value >> 63)
    if _TIMES <= rest < _TIMES << 7:
        return bytes(
            (
                rest & 0x7F | 0x80,
                rest >> 7 & 0x7F | 0x80,
                rest >> 14 & 0x7F | 0x80,
                rest >> 21 & 0x7F | 0x80,
                rest >> 28 & 0x7F | 0x80,
                rest >> 35 & 0x7F | 0x80,
                rest >> 42 & 0x7F | 0x80,
                rest >> 49,
            )
        )
    if rest < 0x80:
        return _ONE[rest]
    if rest >> 64:
        raise ContractError(f"{value} does not fit 64 bits")
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
