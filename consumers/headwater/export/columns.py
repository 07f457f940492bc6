"""Values that pandas, Polars and DuckDB take alike: ids as text, digests as hexadecimal, bytes as Base64.

ClickHouse would write a UUID as 16 bytes, which not all of them read as an id, and a digest as a text that is no UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

#: How a String that holds bytes is written.
HEX: Final = "lower(hex({}))"
BASE64: Final = "base64Encode({})"
_KEYS: Final = re.compile(r"(?:^|_)key$|^dataset$|fingerprint$")
_DASHES: Final = r"replaceRegexpOne(lower(hex({})), '^(.{{8}})(.{{4}})(.{{4}})(.{{4}})', '\\1-\\2-\\3-\\4-')"


class Column(NamedTuple):
    """A column of a statement: its name and ClickHouse's type."""

    name: str
    type: str


class Written(NamedTuple):
    """An expression and the type that it has."""

    sql: str
    type: str


def written(column: Column, how: Mapping[str, str]) -> Written:
    """How a column goes into a file. how: HEX or BASE64 for the names of those that hold bytes."""
    name = f"`{column.name}`"
    if column.name in how:
        return Written(how[column.name].format(name), column.type)
    return _value(name, column.name, column.type, 0)


def _value(sql: str, name: str, kind: str, level: int) -> Written:
    outer, inner = _parts(kind)
    if outer == "LowCardinality":
        return _value(sql, name, inner[0], level)
    if outer == "Nullable":
        value = _value(sql, name, inner[0], level)
        return Written(value.sql, f"Nullable({value.type})")
    if outer == "UUID" or (outer == "UInt64" and _KEYS.search(name)):
        return Written(f"toString({sql})", "String")
    if outer == "FixedString":
        dashed = name.endswith("_id") and inner == ["16"]
        return Written(_DASHES.format(sql) if dashed else f"lower(hex({sql}))", "String")
    if outer == "Array":
        one = f"x{level}"
        value = _value(one, name, inner[0], level + 1)
        return Written(sql if value.sql == one else f"arrayMap({one} -> {value.sql}, {sql})", f"Array({value.type})")
    if outer == "Tuple":
        return _tuple(sql, inner, level)
    return Written(sql, kind)


def _tuple(sql: str, inner: list[str], level: int) -> Written:
    changed = False
    values: list[str] = []
    types: list[str] = []
    for field in inner:
        # `a name` Type, or name Type.
        name, _, kind = field[1:].partition("` ") if field.startswith("`") else field.partition(" ")
        plain = f"tupleElement({sql}, '{name}')"
        value = _value(plain, name, kind, level)
        changed |= value.sql != plain
        values.append(value.sql)
        types.append(f"`{name}` {value.type}")
    whole = f"Tuple({', '.join(types)})"
    return Written(f"CAST(tuple({', '.join(values)}), '{whole}')" if changed else sql, whole)


def _parts(kind: str) -> tuple[str, list[str]]:
    """`Array(Tuple(a String, b UUID))` as its outer name and what stands in its brackets."""
    outer, bracket, rest = kind.partition("(")
    if not bracket:
        return kind, []
    parts: list[str] = [""]
    depth = 0
    for letter in rest[:-1]:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return outer, [part.strip() for part in parts]
