"""What the codec's columns must hold, worked out from fastavro's values, and the comparison."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, cast

import fastavro
import numpy as np
from numpy.typing import NDArray

from headwater.schemas.codec import ERRORS, Batch
from headwater.schemas.records import Schema
from headwater.schemas.types import Types

_fastavro = cast("Any", fastavro)


def outcomes(error: NDArray[np.int64]) -> list[str]:
    """The reason of each body; empty for a whole one."""
    numbers: list[int] = error.tolist()
    return [ERRORS[number] for number in numbers]


class Expected:
    """The rows of every path of a schema, for a sequence of values (None: a body with an error)."""

    def __init__(self, schema: Schema, values: Sequence[dict[str, Any] | None]) -> None:
        self.types = Types(schema)
        self.rows: dict[str, list[Any]] = {}
        #: Paths of maps. fastavro keeps the last of a key's values, the columns hold each.
        self.maps: set[str] = set()
        self.kinds = dict(paths(self.types))
        for path in self.kinds:
            self.rows[path] = []
        for value in values:
            self._walk(self.types.top, value, "")

    def _walk(self, kind: Any, value: Any, path: str) -> None:
        name = self.types.name(kind)
        if name == "record":
            for one in kind["fields"]:
                _, inner = self.types.resolve(one["type"])
                place = f"{path}.{one['name']}" if path else one["name"]
                self._value(inner, None if value is None else value[one["name"]], place)
        elif name in ("array", "map"):
            self.rows[f"{path}[]"].append(len(value or ()))
            for item in value or ():
                if name == "map":
                    self.maps.add(f"{path}[]")
                    self.rows[f"{path}[].key"].append(item.encode())
                    self._value(self.types.resolve(kind["values"])[1], value[item], f"{path}[].value")
                else:
                    inner = self.types.resolve(kind["items"])[1]
                    record = self.types.name(inner) in ("record", "array", "map")
                    self._value(inner, item, f"{path}[]" if record else f"{path}[].item")
        else:
            self.rows[path].append(value.encode() if isinstance(value, str) else value)

    def _value(self, kind: Any, value: Any, path: str) -> None:
        if self.types.name(kind) == "record" and path in self.rows and not path.endswith("]"):
            self.rows[path].append(value is not None)
        self._walk(kind, value, path)

    def check(self, batch: Batch, wanted: Sequence[str], *, maps: bool = True) -> None:
        """Assert that each path's column is as expected; without maps where keys may be repeated."""
        for path in wanted:
            if not maps and any(path.startswith(prefix) for prefix in self.maps):
                continue
            rows = self.rows[path]
            form = self.kinds[path]
            if form == "list":
                offsets = batch.offsets(path).tolist()
                assert offsets[0] == 0, path
                assert [b - a for a, b in pairwise(offsets)] == rows, path
            elif form == "presence":
                assert [bool(there) for there in batch.presence(path)] == rows, path
            elif form == "span":
                spans = batch.spans(path)
                assert len(spans.starts) == len(rows), path
                if spans.valid is not None:
                    assert [bool(valid) for valid in spans.valid] == [row is not None for row in rows], path
                content = batch.buffer.tobytes()
                found = [content[a:b] for a, b in zip(spans.starts.tolist(), spans.ends.tolist(), strict=True)]
                assert found == [row or b"" for row in rows], path
            else:
                column = batch.integers(path) if form == "integer" else batch.doubles(path)
                if column.valid is not None:
                    assert [bool(valid) for valid in column.valid] == [row is not None for row in rows], path
                pattern = "q" if form == "integer" else "d"
                expected = struct.pack(f"{len(rows)}{pattern}", *(0 if row is None else row for row in rows))
                assert column.values.tobytes() == expected, path


def paths(types: Types) -> Iterator[tuple[str, str]]:
    """Every path that can be captured, but for neighbours, and its form."""
    yield from _paths(types, types.top, "")


def _paths(types: Types, kind: Any, path: str) -> Iterator[tuple[str, str]]:
    name = types.name(kind)
    if name == "record":
        for one in kind["fields"]:
            place = f"{path}.{one['name']}" if path else one["name"]
            null, inner = types.resolve(one["type"])
            if null and types.name(inner) == "record":
                yield place, "presence"
            yield from _paths(types, inner, place)
    elif name == "array":
        yield f"{path}[]", "list"
        inner = types.resolve(kind["items"])[1]
        nested = types.name(inner) in ("record", "array", "map")
        yield from _paths(types, inner, f"{path}[]" if nested else f"{path}[].item")
    elif name == "map":
        yield f"{path}[]", "list"
        yield f"{path}[].key", "span"
        null, inner = types.resolve(kind["values"])
        if null and types.name(inner) == "record":
            yield f"{path}[].value", "presence"
        yield from _paths(types, inner, f"{path}[].value")
    else:
        forms = {"boolean": "integer", "int": "integer", "long": "integer", "float": "double", "double": "double"}
        yield path, forms.get(name, "span")


def encoded(schema: Schema, record: str, fields: Sequence[str], value: dict[str, Any]) -> bytes:
    """The bytes of some fields of a record (by its full name) one after another, by fastavro."""
    types = Types(schema)
    out = io.BytesIO()
    wanted = [one for one in types.named[record]["fields"] if one["name"] in fields]
    part = {"type": "record", "name": "Part", "fields": wanted}
    _fastavro.schemaless_writer(out, _fastavro.parse_schema(part, dict(types.named)), value)
    return out.getvalue()
