"""Which run events have an id that names nothing (`headwater.schemas.nil`)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ContractError
from headwater.schemas.codec import Bodies, Program, compile_schema
from headwater.schemas.codec.compiled import compiled
from headwater.schemas.nil import NAMING, NIL, nil_id
from headwater.schemas.records import Schema
from headwater.schemas.types import Types, is_definition
from headwater.streams.exactly import details

_SIZE: Final = len(NIL)
#: What stands before the ids: bytes of a fixed length, a number, a length and so many bytes; an id itself; a record.
_BYTES, _NUMBER, _TEXT, _ID, _RECORD = range(5)
_LENGTHS: Final = {"boolean": 1, "float": 4, "double": 8}


def unnamed(schema: Schema, bodies: Bodies) -> dict[int, str]:
    """By place, which id is nil in a body; all must be proved."""
    nil = np.zeros(len(bodies), np.bool_)
    steps = _steps(schema)
    if steps is not None:
        _look(bodies.buffer, bodies.starts, steps, nil)
    elif (program := _program(schema)) is not None:
        decoded = program.decode(bodies)
        for path in NAMING:
            at = decoded.spans(path)
            there = np.flatnonzero(at.ends - at.starts == _SIZE)
            ids = decoded.buffer[at.starts[there, None] + np.arange(_SIZE)]
            nil[there[~ids.any(axis=1)]] = True
    else:
        nil[:] = True
    return details(schema, bodies, np.flatnonzero(nil).tolist(), nil_id)


@compiled
def _look(
    buffer: NDArray[np.uint8], starts: NDArray[np.int64], steps: NDArray[np.int64], nil: NDArray[np.bool_]
) -> None:
    """Go to the ids, which stand near the beginning, instead of through all of a body."""
    for body in range(len(starts)):
        at = starts[body]
        for step in range(len(steps)):
            kind = steps[step, 0]
            if steps[step, 2] != 0:
                at += 1
                if buffer[at - 1] == 0:
                    if kind == _RECORD:
                        break
                    continue
            if kind == _BYTES:
                at += steps[step, 1]
            elif kind == _ID:
                zeros = True
                for i in range(_SIZE):
                    zeros &= buffer[at + i] == 0
                nil[body] |= zeros
                at += _SIZE
            elif kind != _RECORD:
                number = np.int64(0)
                shift = np.int64(0)
                while buffer[at] >= 128:
                    number |= np.int64(buffer[at] & 127) << shift
                    shift += 7
                    at += 1
                number |= np.int64(buffer[at]) << shift
                # A length is no less than 0: twice itself.
                at += 1 + ((number >> 1) if kind == _TEXT else 0)


@lru_cache(maxsize=512)
def _steps(schema: Schema) -> NDArray[np.int64] | None:
    """int64[K, 3]: the fields to the last id, each with its kind, its length and whether it may be null; None where
    lists or other records stand between.
    """
    types = Types(schema)
    found: list[tuple[int, int, int]] = []
    try:
        for path, null, kind in _fields(types):
            step = _step(types, path, kind)
            if step is None:
                return None
            found.append((*step, null))
            if path == NAMING[-1]:
                break
    except ContractError:
        return None
    # Behind a run that is null nothing is looked at, so the event's own id must stand before it.
    kinds = [kind for kind, _, _ in found]
    ids = _ID in kinds and (_RECORD not in kinds or kinds.index(_ID) < kinds.index(_RECORD))
    return np.array(found, np.int64) if ids else None


def _fields(types: Types) -> Iterator[tuple[str, bool, Any]]:
    """Fields of the event, and those of its run where it stands, each with its path."""
    for field in types.top["fields"]:
        null, kind = types.optional(field["type"])
        yield field["name"], null, kind
        if field["name"] == "run" and is_definition(kind):
            for inner in kind.get("fields", ()):
                yield f"run.{inner['name']}", *types.optional(inner["type"])


def _step(types: Types, path: str, kind: Any) -> tuple[int, int] | None:
    name = types.name(kind)
    if path in NAMING:
        return (_ID, _SIZE) if name == "fixed" and types.definition(kind)["size"] == _SIZE else None
    if name == "fixed":
        return _BYTES, types.definition(kind)["size"]
    if name in _LENGTHS:
        return _BYTES, _LENGTHS[name]
    if name in ("int", "long"):
        return _NUMBER, 0
    if name in ("string", "bytes"):
        return _TEXT, 0
    return (_RECORD, 0) if path == "run" and name == "record" else None


@lru_cache(maxsize=512)
def _program(schema: Schema) -> Program | None:
    """What reads the ids; None where only plain code takes the schema."""
    try:
        return compile_schema(schema, NAMING)
    except ContractError:
        return None
