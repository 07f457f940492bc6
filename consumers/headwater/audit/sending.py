"""Lists on their way to the store, each written at once, and in as many fields as it takes.

clickhouse-connect writes a list value by value and a text letter by letter: 5,000 keys take it longer than the store
takes to find them. What it does not know it takes by `str`, so a list comes to it as what ClickHouse reads. A server
takes 128 KiB in one field of a form, so a longer list goes in several, which the statement puts together.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from types import NoneType
from typing import Any, Final, cast

#: Bytes of one list, of the 128 KiB that a server takes in one field of a form.
FIELD: Final = 100_000
_ESCAPED: Final = str.maketrans({letter: f"\\{letter}" for letter in "\\'`\t\n"})
_WRITTEN: Final[Mapping[type, Callable[[Any], str]]] = {
    int: str,
    str: lambda value: f"'{value.translate(_ESCAPED)}'",
    uuid.UUID: lambda value: f"'{value}'",
    NoneType: lambda _: "NULL",
}


class Written:
    """A parameter's value as ClickHouse reads it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def sent(sql: str, parameters: Mapping[str, object]) -> tuple[str, dict[str, object]]:
    """Statement and parameters as they go to the client: lists of numbers, texts and ids written, all others as they
    are. A value that is longer than a field by itself goes as it is.
    """
    told: dict[str, object] = {}
    for name, value in parameters.items():
        texts = _texts(value)
        if texts is None:
            told[name] = value
            continue
        fields = list(_fields(texts))
        names = [name, *(f"{name}_{number}" for number in range(2, len(fields) + 1))]
        told |= zip(names, fields, strict=True)
        if fields[1:]:
            places = ", ".join(rf"{{{one}:\1}}" for one in names)
            sql = re.sub(rf"\{{{name}:([^{{}}]+)\}}", f"arrayConcat({places})", sql)
    return sql, told


def _texts(value: object) -> list[str] | None:
    """A list's values as ClickHouse reads them; None for all else."""
    if type(value) is not list:
        return None
    values = cast("list[object]", value)
    kinds = set(map(type, values))
    if not kinds <= _WRITTEN.keys():
        return None
    if len(kinds) == 1:
        return list(map(_WRITTEN[kinds.pop()], values))
    return [_WRITTEN[type(one)](one) for one in values]


def _fields(texts: list[str]) -> Iterable[Written]:
    whole = ",".join(texts)
    if len(whole) <= FIELD // 4 or len(whole.encode("utf-8", "replace")) <= FIELD:
        yield Written(f"[{whole}]")
        return
    part: list[str] = []
    size = 0
    for text in texts:
        length = len(text.encode("utf-8", "replace")) + 1
        if part and size + length > FIELD:
            yield Written(f"[{','.join(part)}]")
            part, size = [], 0
        part.append(text)
        size += length
    yield Written(f"[{','.join(part)}]")
