"""Is a body whole? The plain answer, for any schema, one body at a time.

Stricter than Avro's readers are with one another, so that what passes here is read alike by all of them:

- a number takes the fewest bytes it can, at most 10, and lies in the range of int or long (fastavro takes any
  length and wraps; Java refuses some lengths);
- a boolean is 0 or 1 (fastavro takes any byte for true);
- a union's branch and an enum's symbol exist (fastavro counts negative ones from the end);
- text is UTF-8, and a length is not negative (fastavro reads to the end);
- a block with a size in bytes takes just that many (fastavro ignores it; readers that skip do not);
- a schema that holds itself, or a list whose items may take no bytes, is refused: so that the work for a body
  is bounded by its length.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, cast

from headwater.errors import ContractError, InvalidMessage
from headwater.schemas import reasons
from headwater.schemas.records import Schema
from headwater.schemas.types import Types

#: From a body and a position to the position after the value. Raises _Broken.
Walk = Callable[[bytes, int], int]


class _Broken(Exception):
    """A body that is not whole: the reason and what exactly."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def prove(schema: Schema, body: bytes) -> None:
    """Raises InvalidMessage (truncated, surplus_bytes, invalid_value) where the body is not whole, and
    ContractError where the schema is refused.
    """
    try:
        end = _walk(schema)(body, 0)
    except _Broken as error:
        raise InvalidMessage(error.reason, f"{schema.name}, {len(body)} bytes: {error}") from None
    if end != len(body):
        raise InvalidMessage(reasons.SURPLUS_BYTES, f"{schema.name} ends at byte {end} of {len(body)}")


@lru_cache(maxsize=512)
def _walk(schema: Schema) -> Walk:
    try:
        return _Walks(Types(schema)).walk(schema.parsed)[0]
    except (KeyError, TypeError, AttributeError, RecursionError) as error:  # what a stranger sent as a schema
        raise ContractError(f"{schema.name} is not an Avro schema: {error!r}") from error


def _number(body: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(10):
        if at + place >= len(body):
            raise _Broken(reasons.TRUNCATED, f"ends within a number at byte {at}")
        byte = body[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            if (byte == 0 and place) or value >= 1 << 64:
                break
            return (value >> 1) ^ -(value & 1), at + place + 1
    raise _Broken(reasons.INVALID_VALUE, f"no number of 64 bits in its shortest form at byte {at}")


def _long(body: bytes, at: int) -> int:
    return _number(body, at)[1]


def _int(body: bytes, at: int) -> int:
    value, end = _number(body, at)
    if not -(1 << 31) <= value < 1 << 31:
        raise _Broken(reasons.INVALID_VALUE, f"{value} is no int, at byte {at}")
    return end


def _boolean(body: bytes, at: int) -> int:
    if at >= len(body):
        raise _Broken(reasons.TRUNCATED, f"ends before a boolean at byte {at}")
    if body[at] > 1:
        raise _Broken(reasons.INVALID_VALUE, f"{body[at]} is no boolean, at byte {at}")
    return at + 1


def _bytes(body: bytes, at: int) -> int:
    length, start = _number(body, at)
    if length < 0:
        raise _Broken(reasons.INVALID_VALUE, f"a length of {length} at byte {at}")
    if length > len(body) - start:
        raise _Broken(reasons.TRUNCATED, f"{length} bytes are announced at byte {at}, {len(body) - start} are left")
    return start + length


def _string(body: bytes, at: int) -> int:
    end = _bytes(body, at)
    try:
        body[_number(body, at)[1] : end].decode()
    except UnicodeDecodeError as error:
        raise _Broken(reasons.INVALID_VALUE, f"text at byte {at} is not UTF-8: {error.reason}") from None
    return end


def _fixed(size: int) -> Walk:
    def walk(body: bytes, at: int) -> int:
        if size > len(body) - at:
            raise _Broken(reasons.TRUNCATED, f"{size} bytes are due at byte {at}, {len(body) - at} are left")
        return at + size

    return walk


def _choice(count: int, branches: list[Walk] | None) -> Walk:
    def walk(body: bytes, at: int) -> int:
        chosen, after = _number(body, at)
        if not 0 <= chosen < count:
            raise _Broken(reasons.INVALID_VALUE, f"choice {chosen} of {count} at byte {at}")
        return branches[chosen](body, after) if branches else after

    return walk


def _blocks(item: Walk) -> Walk:
    def walk(body: bytes, at: int) -> int:
        while True:
            begin = at
            count, at = _number(body, at)
            if count == 0:
                return at
            stop = None
            if count < 0:
                size, at = _number(body, at)
                if size < 0 or count == -(1 << 63):
                    raise _Broken(reasons.INVALID_VALUE, f"a block of {count} items, {size} bytes at byte {begin}")
                if size > len(body) - at:
                    raise _Broken(
                        reasons.TRUNCATED, f"a block of {size} bytes at byte {begin}, {len(body) - at} are left"
                    )
                count, stop = -count, at + size
            if count > len(body) - at:
                raise _Broken(
                    reasons.TRUNCATED, f"{count} items are announced at byte {begin}, {len(body) - at} are left"
                )
            for _ in range(count):
                at = item(body, at)
            if stop not in (None, at):
                raise _Broken(reasons.INVALID_VALUE, f"the block at byte {begin} ends at {at}, not at {stop}")

    return walk


def _sequence(parts: list[Walk]) -> Walk:
    def walk(body: bytes, at: int) -> int:
        for part in parts:
            at = part(body, at)
        return at

    return walk


_PLAIN: Mapping[str, Walk] = {
    "long": _long,
    "int": _int,
    "boolean": _boolean,
    "bytes": _bytes,
    "string": _string,
    "float": _fixed(4),
    "double": _fixed(8),
    "null": _fixed(0),
}


class _Walks:
    """Makes the walks of one schema. Each comes with the fewest bytes that its value takes."""

    def __init__(self, types: Types) -> None:
        self.types = types
        self.made: dict[str, tuple[Walk, int]] = {}
        self.open: set[str] = set()

    def walk(self, kind: Any) -> tuple[Walk, int]:
        name = self.types.name(kind)
        if name in _PLAIN:
            return _PLAIN[name], {"float": 4, "double": 8, "null": 0}.get(name, 1)
        if name == "union":
            branches = [self.walk(branch) for branch in cast("list[Any]", kind)]
            return _choice(len(branches), [walk for walk, _ in branches]), 1
        if name in ("array", "map"):
            items = [self.walk(kind["items"])] if name == "array" else [self.walk("string"), self.walk(kind["values"])]
            if not sum(least for _, least in items):
                raise ContractError("a list whose items may take no bytes is refused: its length is not bounded")
            return _blocks(items[0][0] if name == "array" else _sequence([walk for walk, _ in items])), 1
        definition = self.types.definition(kind)
        full = str(definition["name"])
        if full in self.open:
            raise ContractError(f"{full} holds itself: records may not")
        if full not in self.made:
            self.open.add(full)
            self.made[full] = self._named(name, definition)
            self.open.remove(full)
        return self.made[full]

    def _named(self, name: str, definition: Mapping[str, Any]) -> tuple[Walk, int]:
        if name == "fixed":
            size = definition["size"]
            if not isinstance(size, int) or size < 0:
                raise ContractError(f"a fixed of {size} bytes is not a type of Avro")
            return _fixed(size), size
        if name == "enum":
            return _choice(len(definition["symbols"]), None), 1
        if name in ("record", "error"):
            parts = [self.walk(one["type"]) for one in definition["fields"]]
            return _sequence([walk for walk, _ in parts]), sum(least for _, least in parts)
        raise ContractError(f"{name} is not a type of Avro")
