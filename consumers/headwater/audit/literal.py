"""Rows that were read before, in a statement in place of the view that tells them: as its parameters.

A view that a statement names costs its analysis and planning wherever it is named, and every join over it again. Rows
that stand in the statement as parameters plan in a few milliseconds, whatever told them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from headwater.audit.rows import CHUNK, length_of, select
from headwater.audit.store import Client
from headwater.schemas import times

_MOMENT: Final = "DateTime64(6, 'UTC')"
#: Bytes of what `told` takes to be sent in all.
_MOST: Final = 2_000_000


class Told(NamedTuple):
    """Rows in the store's own text of a tuple, which says any value exactly. `type`: of each."""

    columns: tuple[str, ...]
    type: str
    rows: list[str]

    def literal(self, name: str, sent: dict[str, Any]) -> str:
        """As `literal`."""
        return _rows(name, self, [f"near.{number}" for number in range(1, len(self.columns) + 1)], sent)


def literal(name: str, columns: Mapping[str, str], rows: Iterable[Sequence[object]], sent: dict[str, Any]) -> str:
    """The rows in place of a view: `columns` are their names and types.

    Their values are added to what is `sent`, under names that begin with `name`.
    """
    kinds = ", ".join(kind.replace(_MOMENT, "Int64") for kind in columns.values())
    shown = [
        f"fromUnixTimestamp64Micro(near.{number}, 'UTC')" if _MOMENT in kind else f"near.{number}"
        for number, kind in enumerate(columns.values(), 1)
    ]
    texts = [f"({', '.join(map(_text, row[: len(columns)]))})" for row in rows]
    return _rows(name, Told(tuple(columns), f"Tuple({kinds})", texts), shown, sent)


def _rows(name: str, told: Told, shown: Sequence[str], sent: dict[str, Any]) -> str:
    # Each row is parsed where it stands: as one constant, all of them would be in the name of all that is made of them.
    kind = told.type.replace("\\", "\\\\").replace("'", "\\'")
    sent[f"{name}_rows"] = told.rows
    row = f"CAST(arrayJoin({{{name}_rows:Array(String)}}), '{kind}')"
    named = ", ".join(f"{said} AS {column}" for said, column in zip(shown, told.columns, strict=True))
    return f"(SELECT {named} FROM (SELECT {row} AS near))"


def told(
    client: Client, view: str, columns: Sequence[str], keys: Sequence[str], values: Mapping[str, Any]
) -> tuple[Told, list[tuple[Any, ...]]] | None:
    """The rows of a view's text to be sent, and beside them their `keys`; None where they are too many or too long."""
    [row] = select(
        client,
        "SELECT groupArray(toString(near)) AS told, toTypeName(groupArray(near)) AS type, groupArray(by) AS keys "
        f"FROM (SELECT tuple({', '.join(columns)}) AS near, tuple({', '.join(keys)}) AS by FROM {view} "
        f"LIMIT {CHUNK + 1})",
        values,
    )
    if len(row["told"]) > CHUNK or sum(map(length_of, row["told"])) > _MOST:
        return None
    kind = row["type"].removeprefix("Array(").removesuffix(")")
    return Told(tuple(columns), kind, list(row["told"])), [tuple(key) for key in row["keys"]]


def _text(value: object) -> str:
    """A value as the store writes it within a tuple."""
    if value is None:
        return "NULL"
    if isinstance(value, bool | int):
        return str(value).lower()
    if isinstance(value, datetime):
        return str(times.micros(value))
    said = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{said}'"
