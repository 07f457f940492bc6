"""May a schema follow the released ones? FULL_TRANSITIVE: each version reads what each other wrote.

The rules are those of the Avro specification, "Schema Resolution", without aliases (the contract has none), and
without reading bytes as string: not all bytes are text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from headwater.schemas.records import Schema
from headwater.schemas.types import Types, is_union

#: What a reader may hold in place of what the writer wrote, besides the same.
PROMOTIONS: Mapping[str, tuple[str, ...]] = {
    "int": ("long", "float", "double"),
    "long": ("float", "double"),
    "float": ("double",),
    "string": ("bytes",),
}


def unreadable(writer: Schema, reader: Schema) -> tuple[str, ...]:
    """Why the reader cannot read all that the writer may write, each with its place; empty where it can."""
    return tuple(_Resolution(Types(writer), Types(reader)).problems(writer.parsed, reader.parsed, reader.name))


def incompatible(candidate: Schema, versions: Iterable[Schema]) -> tuple[str, ...]:
    """Why a schema is not FULL_TRANSITIVE to the versions (the oldest first); empty where it is."""
    found: list[str] = []
    for number, version in enumerate(versions, 1):
        found += (f"cannot read version {number}: {problem}" for problem in unreadable(version, candidate))
        found += (f"version {number} cannot read it: {problem}" for problem in unreadable(candidate, version))
    return tuple(found)


def unreadable_type(writer: Types, reader: Types, name: str) -> tuple[str, ...]:
    """As `unreadable`, for one named type of two schemas."""
    return tuple(_Resolution(writer, reader).problems(name, name, name))


class _Resolution:
    def __init__(self, writer: Types, reader: Types) -> None:
        self.writer = writer
        self.reader = reader
        self.seen: set[tuple[str, str]] = set()

    def problems(self, writer: Any, reader: Any, place: str) -> list[str]:
        """What stands in the way; `place` is the path of names to here."""
        if is_union(writer):
            return [problem for branch in writer for problem in self.problems(branch, reader, place)]
        if is_union(reader):
            tried = [self.problems(writer, branch, place) for branch in reader]
            if not all(tried):
                return []
            same = [found for found, branch in zip(tried, reader, strict=True) if self._alike(writer, branch)]
            return same[0] if same else [f"{place}: {self.writer.name(writer)} is no branch of the union"]
        ours, theirs = self.writer.name(writer), self.reader.name(reader)
        if ours != theirs:
            return [] if theirs in PROMOTIONS.get(ours, ()) else [f"{place}: {ours} is not read as {theirs}"]
        if ours == "array":
            return self.problems(writer["items"], reader["items"], f"{place}[]")
        if ours == "map":
            return self.problems(writer["values"], reader["values"], f"{place}[]")
        if ours in ("record", "fixed", "enum"):
            return self._named(ours, self.writer.definition(writer), self.reader.definition(reader), place)
        return []

    def _alike(self, writer: Any, reader: Any) -> bool:
        return self.writer.name(writer) == self.reader.name(reader)

    def _named(self, kind: str, writer: Mapping[str, Any], reader: Mapping[str, Any], place: str) -> list[str]:
        if writer["name"] != reader["name"]:
            return [f"{place}: {writer['name']} is not read as {reader['name']}"]
        if kind == "fixed":
            same = writer["size"] == reader["size"]
            return [] if same else [f"{place}: {writer['size']} bytes are not read as {reader['size']}"]
        if kind == "enum":
            missing = set(writer["symbols"]) - set(reader["symbols"])
            return [] if not missing or "default" in reader else [f"{place}: unknown symbols {sorted(missing)}"]
        pair = (writer["name"], place)
        if pair in self.seen:
            return []
        self.seen.add(pair)
        written = {one["name"]: one for one in writer["fields"]}
        found: list[str] = []
        for one in reader["fields"]:
            name = one["name"]
            if name in written:
                found += self.problems(written[name]["type"], one["type"], f"{place}.{name}")
            elif "default" not in one:
                found.append(f"{place}.{name}: not written, and without a default")
        self.seen.remove(pair)
        return found
