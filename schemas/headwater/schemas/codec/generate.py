"""From a schema and the wanted captures to the kernel's operations."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from headwater.errors import ContractError
from headwater.schemas import records
from headwater.schemas.codec import kernel
from headwater.schemas.codec.batch import Capture, Form
from headwater.schemas.codec.captures import ITEM, KEY, VALUE, Wanted, read
from headwater.schemas.codec.operations import PLAIN, WIDTHS, Generated, Operation, Place, layout
from headwater.schemas.records import Schema
from headwater.schemas.types import Types


def generate(schema: Schema, paths: Sequence[str], reader: Schema | None) -> Generated:
    """The program. Raises ContractError as `compile_schema` says."""
    wanted = read(paths)
    generator = _Generator(schema, reader or _current(schema))
    generator.record(schema.parsed, wanted, Place(), generator.reader.top if generator.reader else None)
    generator.done.code = layout(generator.sequences)
    missing = [path for path in paths if path not in generator.done.captures]
    if missing:
        raise ContractError(f"{schema.name} has no {', '.join(missing)}")
    return generator.done


def _current(schema: Schema) -> Schema | None:
    for record in records.RECORDS:
        if records.current(record).name == schema.name:
            return records.current(record)
    return None


def _part(kind: Any, name: str) -> Any:
    """A part of the reader's type; None where the reader has none there."""
    return cast("Mapping[str, Any]", kind).get(name) if isinstance(kind, Mapping) else None


class _Absent(NamedTuple):
    """Where something stands that the writer lacks: level, lane of validity (-1: always there), the default."""

    level: int
    valid: int
    default: Any


class _Generator:
    def __init__(self, schema: Schema, reader: Schema | None) -> None:
        self.types = Types(schema)
        self.reader = Types(reader) if reader else None
        self.done = Generated()
        self.sequences: list[list[Operation]] = []
        self.shared: dict[str, int] = {}
        self.open: list[str] = []
        self.depth = 0

    def record(self, definition: Mapping[str, Any], wanted: Wanted | None, place: Place, other: Any) -> int:
        """The number of the sequence of a record's fields."""
        number = len(self.sequences)
        self.sequences.append([])
        self.fields(definition, wanted, place, other, self.sequences[number])
        self.sequences[number].append(Operation(kernel.END))
        return number

    def fields(
        self, definition: Mapping[str, Any], wanted: Wanted | None, place: Place, other: Any, out: list[Operation]
    ) -> None:
        name = definition["name"]
        if name in self.open:
            raise ContractError(f"{name} holds itself: records may not")
        if not definition["fields"]:
            raise ContractError(f"{name} has no fields")
        self.open.append(name)
        theirs: dict[str, Any] = {one["name"]: one for one in _part(other, "fields") or ()}
        names = [f["name"] for f in definition["fields"]]
        ends: dict[str, list[Operation]] = {}
        for one in definition["fields"]:
            name = one["name"]
            for last, path in wanted.spans.get(name, ()) if wanted else ():
                self._neighbours(path, names, list(theirs), name, last)
                lane = self._lanes(2, place.level)
                valid = self._valid(place)
                self.done.captures[path] = Capture(path, "span", place.level, lane, valid)
                out.append(Operation(kernel.SPAN_START, lane=lane, level=place.level))
                ends.setdefault(last, []).append(
                    Operation(kernel.SPAN_END, lane=lane + 1, valid=valid, level=place.level)
                )
            part = wanted.parts.get(name) if wanted else None
            self.value(one["type"], part, place, _part(theirs.get(name), "type"), out)
            out += ends.pop(name, ())
        for name, part in wanted.parts.items() if wanted else ():
            if name not in names and name in theirs and self.reader:
                if "default" not in theirs[name]:
                    raise ContractError(f"the writer lacks {part.path}, which has no default")
                # Where a record above is null there is no default either: say where it is not.
                valid = self._valid(place)
                if valid >= 0:
                    out.append(Operation(kernel.SPAN_START, valid=valid, level=place.level))
                self.absent(theirs[name]["type"], part, _Absent(place.level, valid, theirs[name]["default"]))
        self.open.pop()

    def value(self, kind: Any, wanted: Wanted | None, place: Place, other: Any, out: list[Operation]) -> None:
        """The operations of one value."""
        self.depth += 1
        if self.depth > kernel.DEPTH // 2:  # a list that may be null takes two frames
            raise ContractError(f"types are nested more than {kernel.DEPTH // 2} deep")
        self._value(kind, wanted, place, other, out)
        self.depth -= 1

    def _value(self, kind: Any, wanted: Wanted | None, place: Place, other: Any, out: list[Operation]) -> None:
        null, kind = self.types.optional(kind)
        if self.reader and other is not None:
            _, other = self.reader.resolve(other)
        name = self.types.name(kind)
        inner = Place(place.level, place.nullable or null)
        if name == "record":
            definition = self.types.definition(kind)
            if null:
                valid = -1
                if wanted and wanted.itself:
                    valid = self._valid(inner)
                    self.done.captures[wanted.path] = Capture(wanted.path, "presence", place.level, valid=valid)
                parts = self._shared(definition["name"], wanted, lambda: self.record(definition, wanted, inner, other))
                out.append(Operation(kernel.RECORD, True, valid=valid, level=place.level, parts=parts))
            else:
                if wanted and wanted.itself:
                    raise ContractError(f"{wanted.path} is always there, there is nothing to capture")
                self.fields(definition, wanted, inner, other, out)
        elif name in ("array", "map"):
            if null:
                number = len(self.sequences)
                self.sequences.append([])
                self.items(kind, wanted, inner, other, self.sequences[number])
                self.sequences[number].append(Operation(kernel.END))
                out.append(Operation(kernel.RECORD, True, level=place.level, parts=number))
            else:
                self.items(kind, wanted, inner, other, out)
        else:
            self.plain(kind, null, wanted, inner, out)

    def items(self, kind: Any, wanted: Wanted | None, place: Place, other: Any, out: list[Operation]) -> None:
        """A list or map: its operation, and its parts apart."""
        name = self.types.name(kind)
        part = wanted.parts.get("[]") if wanted else None
        operation = Operation(kernel.LIST, level=place.level)
        inner = Place()
        if part:
            inner = Place(self._level())
            operation.lane, operation.items = self._lanes(1, place.level), inner.level
            self.done.captures[part.path] = Capture(part.path, "list", place.level, operation.lane)
        out.append(operation)

        def parts() -> int:
            number = len(self.sequences)
            sequence: list[Operation] = []
            self.sequences.append(sequence)
            if name == "map":
                self.value("string", part.parts.get(KEY) if part else None, inner, None, sequence)
                self.value(
                    kind["values"],
                    part.parts.get(VALUE) if part else None,
                    inner,
                    _part(other, "values"),
                    sequence,
                )
            else:
                named = self.types.name(self.types.resolve(kind["items"])[1]) == "record" or (
                    part and "[]" in part.parts
                )
                item = part if named else part.parts.get(ITEM) if part else None
                self.value(kind["items"], item, inner, _part(other, "items"), sequence)
            sequence.append(Operation(kernel.END))
            return number

        operation.parts = self._shared(json.dumps(["list", name, self.types.key(kind)]), part, parts)

    def plain(self, kind: Any, null: bool, wanted: Wanted | None, place: Place, out: list[Operation]) -> None:
        name = self.types.name(kind)
        if name not in PLAIN:
            raise ContractError(f"{name} is not a type of the contract")
        code, form = PLAIN[name]
        size = int(self.types.definition(kind)["size"]) if name == "fixed" else WIDTHS.get(name, 0)
        if name == "fixed" and not 1 <= size < 1 << 31:
            raise ContractError(f"a fixed of {size} bytes is not a type of the contract")
        operation = Operation(code, null, size, level=place.level)
        if wanted and wanted.itself:
            operation.lane = self._lanes(2 if form == "span" else 1, place.level)
            operation.valid = self._valid(place)
            self.done.captures[wanted.path] = Capture(wanted.path, form, place.level, operation.lane, operation.valid)
        elif size:
            operation = Operation(kernel.FIXED, null, size, level=place.level)
            before = out[-1] if out else None
            if before and before.operation == kernel.FIXED and before.lane < 0 and not before.nullable and not null:
                before.argument += size
                return
        out.append(operation)

    def absent(self, kind: Any, wanted: Wanted, place: _Absent) -> None:
        """Columns of defaults for what the writer does not have."""
        reader = cast("Types", self.reader)
        kind = reader.resolve(kind)[1]
        name = reader.name(kind)
        default = place.default
        if wanted.spans:
            raise ContractError(f"the writer has not all of {next(iter(wanted.spans.values()))[0][1]}")
        if name == "record":
            if wanted.itself:
                self._defaults(wanted, "presence", place)
            for one in reader.definition(kind)["fields"]:
                if part := wanted.parts.get(one["name"]):
                    value = None if default is None else default.get(one["name"], one.get("default"))
                    self.absent(one["type"], part, _Absent(place.level, place.valid, value))
        elif name in ("array", "map"):
            if default:
                raise ContractError(f"{wanted.path} has a default that is not empty")
            if part := wanted.parts.get("[]"):
                self._defaults(part, "list", place)
                self._absent_items(reader, kind, name, part, _Absent(self._level(), -1, None))
        elif wanted.itself:
            if default is not None and name in ("bytes", "fixed"):
                place = _Absent(place.level, place.valid, str(default).encode("latin-1"))
            self._defaults(wanted, PLAIN[name][1], place)

    def _defaults(self, wanted: Wanted, form: Form, place: _Absent) -> None:
        self.done.captures[wanted.path] = Capture(
            wanted.path, form, place.level, valid=place.valid, absent=True, default=place.default
        )

    def _absent_items(self, reader: Types, kind: Any, name: str, part: Wanted, place: _Absent) -> None:
        if name == "map":
            parts = {KEY: "string", VALUE: kind["values"]}
            for key, one in parts.items():
                if key in part.parts:
                    self.absent(one, part.parts[key], place)
        elif reader.name(reader.resolve(kind["items"])[1]) == "record" or "[]" in part.parts:
            self.absent(kind["items"], part, place)
        elif ITEM in part.parts:
            self.absent(kind["items"], part.parts[ITEM], place)

    def _neighbours(self, path: str, names: list[str], theirs: list[str], first: str, last: str) -> None:
        """A span's bytes are used as they are: between its ends must stand what the reader has there."""
        if last not in names[names.index(first) :]:
            raise ContractError(f"{path}: the writer has no {last} after {first}")
        stretch = names[names.index(first) : names.index(last) + 1]
        if theirs and first in theirs and stretch != theirs[theirs.index(first) :][: len(stretch)]:
            raise ContractError(f"{path}: the writer has {', '.join(stretch)} there, other than the reader")

    def _shared(self, key: str, wanted: Wanted | None, make: Any) -> int:
        """A sequence that captures nothing is kept once, however often its type is used."""
        if wanted:
            return cast("int", make())
        if key not in self.shared:
            self.shared[key] = cast("int", make())
        return self.shared[key]

    def _level(self) -> int:
        self.done.levels += 1
        return self.done.levels - 1

    def _lanes(self, count: int, level: int) -> int:
        self.done.lanes += [level] * count
        return len(self.done.lanes) - count

    def _valid(self, place: Place) -> int:
        if not place.nullable:
            return -1
        self.done.valids.append(place.level)
        return len(self.done.valids) - 1
