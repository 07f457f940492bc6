"""Every store backend speaks ClickHouse's HTTP protocol and keeps what it confirmed."""

from __future__ import annotations

import contextlib
from typing import Any, cast
from urllib.parse import urlsplit

import clickhouse_connect
import pytest

from tests.backends.kinds import Store

pytestmark = pytest.mark.integration


def _connect(store: Store) -> Any:
    url = urlsplit(store.url)
    driver = cast("Any", clickhouse_connect)  # its types are partly unknown
    return driver.get_client(host=url.hostname, port=url.port, username=store.user, password=store.password)


def test_rows_survive_a_kill(store: Store, prefix: str) -> None:
    """What an insert confirmed is there after the store was killed and started again at the same address."""
    table = f"`{prefix}kept`"
    with contextlib.closing(_connect(store)) as client:
        client.command(f"CREATE TABLE {table} (n UInt32) ENGINE = MergeTree ORDER BY n")
        client.insert(table, [[1], [2]], column_names=["n"])
    store.kill()
    assert not store.running
    store.start()
    with contextlib.closing(_connect(store)) as client:
        assert client.query(f"SELECT sum(n) FROM {table}").result_rows == [(3,)]
        client.command(f"DROP TABLE {table}")
