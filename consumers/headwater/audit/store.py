"""The client as this project uses it: clickhouse-connect's, whose own types are open in places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Result(Protocol):
    """Rows of a query."""

    @property
    def column_names(self) -> tuple[str, ...]: ...

    @property
    def result_rows(self) -> Sequence[Sequence[Any]]: ...


class Client(Protocol):
    """What `headwater.audit.connect` gives; `clickhouse_connect.get_client` gives the same and more."""

    database: str | None

    def query(
        self,
        query: str | None = None,
        parameters: dict[str, Any] | None = None,
        settings: dict[str, Any] | None = None,
    ) -> Result:
        """Rows of a statement."""
        ...

    def command(
        self,
        cmd: str,
        parameters: dict[str, Any] | None = None,
        data: str | bytes | None = None,
        settings: dict[str, Any] | None = None,
    ) -> Any:
        """Run a statement that gives no rows."""
        ...

    def raw_insert(
        self,
        table: str | None = None,
        column_names: Sequence[str] | None = None,
        insert_block: bytes | None = None,
        settings: dict[str, Any] | None = None,
        fmt: str | None = None,
    ) -> Summary:
        """Insert bytes in a format of ClickHouse's."""
        ...

    def raw_query(
        self,
        query: str,
        parameters: dict[str, Any] | None = None,
        settings: dict[str, Any] | None = None,
        fmt: str | None = None,
    ) -> bytes:
        """A statement's rows in a format of ClickHouse's."""
        ...

    def raw_stream(
        self,
        query: str,
        parameters: dict[str, Any] | None = None,
        settings: dict[str, Any] | None = None,
        fmt: str | None = None,
    ) -> Stream:
        """The same, piece by piece."""
        ...

    def close(self) -> None:
        """Give the connections back."""
        ...


class Stream(Protocol):
    """Bytes that come."""

    def read(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...


class Summary(Protocol):
    """What the server says of an insert, by name; empty where it says nothing."""

    @property
    def summary(self) -> Mapping[str, Any]: ...
