"""What every schema of the contract keeps to, beyond Avro, so that all our decoders read it alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from headwater.schemas.evolution import unreadable_type
from headwater.schemas.records import Schema
from headwater.schemas.types import Types, is_definition, is_union

#: Types without parts that a field may have.
PLAIN_TYPES = ("boolean", "int", "long", "float", "double", "string", "bytes")
#: How each record begins: the content digest leaves out the first three.
BEGINNING = (
    ("emit_time", "long"),
    ("producer_id", "headwater.Id"),
    ("sequence", "long"),
    ("event_id", "headwater.Id"),
    ("event_time", "long"),
)
#: Stretches of fields whose bytes are copied from one record type into the other: the same names and types in
#: the same order, from the first to the last.
SLICES = (
    ("headwater.Dataset", "headwater.Node", "namespace", "kind"),
    ("headwater.Dataset", "headwater.DatasetRef", "namespace", "version"),
    ("headwater.Dataset", "headwater.ColumnLineage", "namespace", "version"),
    ("headwater.ColumnLineage", "headwater.ColumnEdge", "column", "captured"),
)
NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
TYPE_NAME = re.compile(r"headwater\.[A-Z][A-Za-z0-9]*\Z")


def broken(schema: Schema) -> tuple[str, ...]:
    """The rules that a record's schema breaks, each with its place; empty where it keeps to all."""
    types = Types(schema)
    found: list[str] = []
    beginning = tuple((one["name"], types.key(one["type"])) for one in types.top["fields"][: len(BEGINNING)])
    if beginning != BEGINNING:
        found.append(f"{schema.name}: does not begin with {', '.join(name for name, _ in BEGINNING)}")
    for name, definition in types.named.items():
        found += _definition(types, name, definition)
    return tuple(found)


def _definition(types: Types, name: str, definition: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    if definition["type"] not in ("record", "fixed"):
        found.append(f"{name}: {definition['type']} is not allowed")
    if not TYPE_NAME.match(name):
        found.append(f"{name}: not a name in the namespace headwater")
    if not definition.get("doc"):
        found.append(f"{name}: no doc")
    if definition.get("aliases"):
        found.append(f"{name}: aliases are not allowed")
    if definition["type"] == "fixed" and (definition["name"], definition["size"]) not in (
        ("headwater.Id", 16),
        ("headwater.SpanId", 8),
    ):
        found.append(f"{name}: ids are headwater.Id of 16 bytes, or headwater.SpanId of 8")
    for one in definition.get("fields", ()):
        place = f"{name}.{one['name']}"
        if not NAME.match(one["name"]):
            found.append(f"{place}: not a lower-case name")
        if not one.get("doc"):
            found.append(f"{place}: no doc")
        if one.get("aliases"):
            found.append(f"{place}: aliases are not allowed")
        if is_union(one["type"]) and one.get("default", "none") is not None:
            found.append(f"{place}: null|T without the default null")
        found += _type(types, one["type"], place)
    return found


def _type(types: Types, kind: Any, place: str) -> list[str]:
    if is_union(kind):
        if len(kind) != 2 or kind[0] != "null" or kind[1] == "null" or is_union(kind[1]):
            return [f"{place}: a union other than null|T"]
        return _type(types, kind[1], place)
    name = types.name(kind)
    if is_definition(kind) and "logicalType" in kind:
        return [f"{place}: logical types are not allowed"]
    if name == "array":
        return _type(types, kind["items"], f"{place}[]")
    if name == "map":
        return [] if kind["values"] == "string" else [f"{place}: a map holds strings (JSON)"]
    if name in ("record", "fixed") or name in PLAIN_TYPES:
        return []
    return [f"{place}: {name} is not allowed"]


def disagreeing(schemas: Mapping[str, Schema]) -> tuple[str, ...]:
    """Types of one name that differ between records and do not read each other, and slices that do not fit.

    `schemas`: by record. A record may still hold an older version of a type than another does.
    """
    types = {record: Types(schema) for record, schema in schemas.items()}
    found: list[str] = []
    records = list(types)
    for index, record in enumerate(records):
        for other in records[index + 1 :]:
            for name in types[record].named.keys() & types[other].named.keys():
                if types[record].named[name] != types[other].named[name]:
                    problems = unreadable_type(types[record], types[other], name)
                    problems += unreadable_type(types[other], types[record], name)
                    found += (f"{name} of {record} and {other}: {problem}" for problem in problems)
    definitions = {name: one for each in types.values() for name, one in each.named.items()}
    keys = {name: each for each in types.values() for name in each.named}
    for source, target, first, last in SLICES:
        if source in definitions and target in definitions:
            ours = _stretch(keys[source], definitions[source], first, last)
            if ours != _stretch(keys[target], definitions[target], first, last):
                found.append(f"{first} … {last} of {source} are not those of {target}")
    return tuple(found)


def _stretch(types: Types, definition: Mapping[str, Any], first: str, last: str) -> list[tuple[str, Any]]:
    fields = [(one["name"], types.key(one["type"])) for one in definition["fields"]]
    names = [name for name, _ in fields]
    return fields[names.index(first) : names.index(last) + 1] if first in names and last in names else []
