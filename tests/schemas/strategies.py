"""Hypothesis strategies: schemas made of the types that the contract allows."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from headwater.schemas import records
from headwater.schemas.records import Schema

PLAIN = ("boolean", "int", "long", "float", "double", "string", "bytes")


class _Names:
    """Fresh names, and the named types that are complete and may be used again."""

    def __init__(self) -> None:
        self.count = 0
        self.done: list[str] = []

    def fresh(self) -> str:
        self.count += 1
        return f"Type{self.count}"


@st.composite
def _types(draw: st.DrawFn, names: _Names, depth: int) -> Any:
    way = draw(st.integers(0, 9 if depth else 4))
    if way <= 4:
        kind: Any = draw(st.sampled_from(PLAIN))
    elif way == 5:
        name = names.fresh()
        names.done.append(name)
        kind = {"type": "fixed", "name": name, "size": draw(st.sampled_from((1, 8, 16, 300)))}
    elif way == 6:
        kind = {"type": "array", "items": draw(_types(names, depth - 1))}
    elif way == 7:
        kind = {"type": "map", "values": draw(_types(names, depth - 1))}
    elif way == 8 and names.done:
        kind = draw(st.sampled_from(names.done))
    else:
        kind = draw(_records(names, depth - 1))
    return ["null", kind] if draw(st.booleans()) else kind


@st.composite
def _records(draw: st.DrawFn, names: _Names, depth: int) -> Any:
    name = names.fresh()
    count = draw(st.integers(1, 5))
    fields = [{"name": f"f{number}", "type": draw(_types(names, depth))} for number in range(count)]
    names.done.append(name)
    return {"type": "record", "name": name, "fields": fields}


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    """A record schema of the allowed types."""
    return records.parse(json.dumps(draw(_records(_Names(), draw(st.integers(0, 4))))))
