"""Which fields stand beside one another in a writer schema: what may be copied as a slice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headwater.schemas.records import Schema


def neighbours(schema: Schema, path: Sequence[str], fields: Sequence[str]) -> list[tuple[str, Any]] | None:
    """The fields of the record at `path` from the first to the last of `fields`, each with its type; None where one
    is not there.
    """
    named: dict[str, Any] = {}
    _collect(schema.definition, named)
    place: Any = schema.definition
    for step in path:
        found = [field["type"] for field in _record(place, named)["fields"] if field["name"] == step]
        if not found:
            return None
        place = found[0]
    there: list[tuple[str, Any]] = [(field["name"], field["type"]) for field in _record(place, named)["fields"]]
    names = [name for name, _ in there]
    if fields[0] not in names or fields[-1] not in names:
        return None
    return [
        (name, kind["name"] if isinstance(kind, dict) and "name" in kind else kind)
        for name, kind in there[names.index(fields[0]) : names.index(fields[-1]) + 1]
    ]


def _collect(kind: Any, named: dict[str, Any]) -> None:
    """Every named type in a schema, by its simple name."""
    if isinstance(kind, list):
        inner: list[Any] = kind  # pyright: ignore[reportUnknownVariableType]  # what Any narrows to
        for one in inner:
            _collect(one, named)
    elif isinstance(kind, dict):
        form: dict[str, Any] = kind  # pyright: ignore[reportUnknownVariableType]  # what Any narrows to
        if form.get("type") in {"record", "fixed"}:
            named[form["name"].rpartition(".")[2]] = form
        for field in form.get("fields", ()):
            _collect(field["type"], named)
        for part in ("items", "values"):
            _collect(form.get(part), named)


def _record(kind: Any, named: dict[str, Any]) -> dict[str, Any]:
    """The record that a type is, may be, or is a list of."""
    while True:
        if isinstance(kind, list):
            branches: list[Any] = kind  # pyright: ignore[reportUnknownVariableType]  # what Any narrows to
            kind = next(one for one in branches if one != "null")
        elif isinstance(kind, str):
            kind = named[kind.rpartition(".")[2]]
        else:
            form: dict[str, Any] = kind
            if "fields" in form:
                return form
            kind = form["items"]
