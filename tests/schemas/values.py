"""Random values of any schema of the allowed types, from a seeded source: wide records are slow to draw otherwise."""

from __future__ import annotations

import random
import struct
from typing import Any

from headwater.schemas.records import Schema
from headwater.schemas.types import Types

TEXTS = ("", "", "a", "orders", "postgres://warehouse:5432", "naïve – µs", "日本語", "🌊 headwater", "\x00", "x" * 200)
NUMBERS = (0, 0, 1, -1, 63, 64, -64, -65, 300, 2**31 - 1, -(2**31))
LONGS = (*NUMBERS, 2**31, 1_767_225_600_000_000, 2**63 - 1, -(2**63))
DOUBLES = (0.0, -0.0, 1.5, -1e300, 5e-324, float("inf"), float("-inf"), float("nan"))


class Values:
    """Makes values of one schema.

    `fullness`: how likely an optional value is there, and a list goes on; `longest`: items of a list, about.
    """

    def __init__(self, schema: Schema, source: random.Random, fullness: float = 0.3, longest: int = 200) -> None:
        self.types = Types(schema)
        self.source = source
        self.fullness = fullness
        self.longest = longest

    def record(self) -> dict[str, Any]:
        """A value of the whole schema."""
        value: dict[str, Any] = self.of(self.types.top)
        return value

    def of(self, kind: Any, depth: int = 0) -> Any:
        """A value of a type."""
        null, kind = self.types.resolve(kind)
        if null and self.source.random() >= self.fullness:
            return None
        name = self.types.name(kind)
        if name == "record":
            return {one["name"]: self.of(one["type"], depth + 1) for one in kind["fields"]}
        if name == "array":
            return [self.of(kind["items"], depth + 1) for _ in range(self.count(depth))]
        if name == "map":
            return {self.text(): self.of(kind["values"], depth + 1) for _ in range(self.count(depth))}
        if name == "fixed":
            return self.source.randbytes(kind["size"])
        return self.plain(name)

    def count(self, depth: int) -> int:
        count = 0
        while count < min(self.longest, 200 if depth < 3 else 3) and self.source.random() < self.fullness:
            count += 1
        return count * 40 if count and depth < 3 < self.longest and self.source.random() < 0.01 else count

    def text(self) -> str:
        return self.source.choice(TEXTS) + (str(self.source.randrange(1000)) if self.source.random() < 0.5 else "")

    def plain(self, name: str) -> Any:
        source = self.source
        if name == "boolean":
            return source.random() < 0.5
        if name == "int":
            return source.choice(NUMBERS)
        if name == "long":
            return source.choice(LONGS) if source.random() < 0.5 else source.randrange(-(2**40), 2**40)
        if name == "double":
            return source.choice(DOUBLES) if source.random() < 0.5 else source.gauss(0, 1)
        if name == "float":
            return struct.unpack("<f", struct.pack("<f", source.gauss(0, 100)))[0]
        return self.text() if name == "string" else source.randbytes(source.choice((0, 0, 1, 7, 8, 9, 130)))


def mutated(body: bytes, other: bytes, source: random.Random) -> bytes:
    """A body damaged in one of the ways in which bodies get damaged, or made by somebody who means it."""
    damaged = bytearray(body)
    for _ in range(source.choice((1, 1, 1, 2, 4))):
        at = source.randrange(len(damaged)) if damaged else 0
        way = source.randrange(9)
        if way == 0 and damaged:
            damaged[at] ^= 1 << source.randrange(8)
        elif way == 1 and damaged:
            damaged[at] = source.choice((0, 1, 2, 3, 0x7F, 0x80, 0xFF, 0xC0, 0xED, source.randrange(256)))
        elif way == 2:
            del damaged[at : at + source.choice((1, 1, 2, 8, 16, 100))]
        elif way == 3:
            damaged[at:at] = source.randbytes(source.choice((1, 1, 2, 8, 16)))
        elif way == 4:
            del damaged[at:]
        elif way == 5:  # a long number: a length, a count, a branch that is out of all range
            number = source.choice((b"\xff" * 9 + b"\x01", b"\xfe" * 9 + b"\x01", b"\x80" * 8 + b"\x20", b"\x80\x00"))
            damaged[at : at + source.choice((0, 1))] = number
        elif way == 6:
            damaged += other if source.random() < 0.5 else other[: source.randrange(len(other) + 1)]
        elif way == 7 and len(damaged) > 1:
            low, high = sorted(source.sample(range(len(damaged)), 2))
            damaged[low], damaged[high] = damaged[high], damaged[low]
        else:
            start = source.randrange(len(other) + 1)
            damaged[at : at + 20] = other[start : start + source.randrange(40)]
    return bytes(damaged)
