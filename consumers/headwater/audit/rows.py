"""One edge between typed SQL and typed Python: every statement of this package runs through here."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar, cast

from headwater.audit.sending import sent
from headwater.audit.store import Client
from headwater.errors import StateError, Unavailable

S = TypeVar("S")
T = TypeVar("T")
#: A run id in the edge tables that says: no run.
NO_RUN = uuid.UUID(int=0)
#: Values of a list that go into one statement at most, where nothing else is said.
CHUNK = 5000
#: Keys of a table: of so many its granules are nearly all read, so that one statement reads them once.
KEYS = 50_000
#: Bytes of one list.
_LENGTH = 2_000_000
#: Of a key in it, with its comma.
_KEY = 21
#: What this engine, or this kind of table, cannot do.
_NOT_DONE = "Code: 48."
#: A parameterised view, a column, a table or a database that is not there.
_NOT_THERE = ("Code: 46.", "Code: 47.", "Code: 60.", "Code: 81.")


class NotDone(StateError):
    """The store's engine cannot do what the statement asks for."""


def select(client: Client, sql: str, parameters: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
    """The rows of a statement by column name; values only ever as typed parameters.

    Raises StateError where the history's tables are not there, Unavailable where the store does not answer.
    """
    columns, rows = table(client, sql, parameters)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def table(
    client: Client, sql: str, parameters: Mapping[str, object] | None = None
) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """As `select`, the names of the columns and the rows apart."""
    from clickhouse_connect.driver import exceptions  # noqa: PLC0415 - so that the package imports without the extra

    try:
        text, values = sent(sql, parameters or {})
        result = client.query(text, parameters=values)
    except exceptions.OperationalError as error:
        raise Unavailable(f"the store does not answer: {str(error).splitlines()[0][:300]}") from error
    except exceptions.DatabaseError as error:
        if any(code in str(error) for code in _NOT_THERE):
            raise StateError(
                f"the history is not as this version needs it, `headwater migrate status` says more: "
                f"{str(error).splitlines()[0][:300]}"
            ) from error
        if _NOT_DONE in str(error):
            raise NotDone(str(error).splitlines()[0][:300]) from error
        raise
    return tuple(result.column_names), [tuple(row) for row in result.result_rows]


def together(first: Callable[[], T], second: Callable[[], S]) -> tuple[T, S]:
    """What both give, asked side by side, since a small statement keeps one core busy; both have ended then."""
    with ThreadPoolExecutor(1) as beside:
        other = beside.submit(second)
        one = first()
    return one, other.result()


def chunks(values: Iterable[T], most: int = CHUNK) -> Iterator[list[T]]:
    """The values in lists of at most so many, none of them longer than one statement should be."""
    part: list[T] = []
    size = 0
    for value in values:
        length = _KEY if type(value) is int else length_of(str(value))
        if part and (len(part) == most or size + length > _LENGTH):
            yield part
            part, size = [], 0
        part.append(value)
        size += length
    if part:
        yield part


def length_of(text: str) -> int:
    """Bytes that a text takes in a list."""
    return len(text.encode()) + sum(map(text.count, "\\'`\t\n")) + 4


def names(pairs: object) -> tuple[str, ...]:
    """The names of owners, which come as named tuples, dicts to Python."""
    return tuple(str(owner["name"]) for owner in cast("Iterable[Mapping[str, Any]]", pairs or ()))


def moment(value: datetime | None) -> datetime | None:
    """A time, None where the store gave none or its zero."""
    return None if value is None or value.timestamp() == 0 else value
