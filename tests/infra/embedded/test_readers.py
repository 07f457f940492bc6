"""Readers' connections are kept: the next reader finds nothing of the last, and nobody stops another's statement."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import pytest

from headwater.embedded.store.engine import Connection, Engine
from headwater.embedded.store.readers import IDLE, Readers
from tests.backends.kinds import Store
from tests.backends.processes import until
from tests.infra.embedded.http import ask


class Opened:
    """An engine's connection that runs nothing."""

    def __init__(self) -> None:
        self.clean = True
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Opening:
    """An engine that only opens connections, and notes what each was set to."""

    def __init__(self) -> None:
        self.opened: list[Opened] = []
        self.set: list[tuple[str, Mapping[str, str]]] = []

    def connect(self) -> Opened:
        self.opened.append(Opened())
        return self.opened[-1]

    def prepare(self, _: Connection, database: str, settings: Mapping[str, str]) -> None:
        self.set.append((database, settings))


def readers() -> tuple[Readers, Opening]:
    engine = Opening()
    return Readers(cast("Engine", engine), engine.prepare), engine


def test_one_connection_serves_one_after_the_other() -> None:
    """The same database and settings: the same connection. Others: another one."""
    kept, engine = readers()
    asked: list[tuple[str, dict[str, str]]] = [("a", {}), ("a", {}), ("a", {"x": "1"}), ("b", {}), ("a", {"x": "1"})]
    found: list[object] = []
    for number, (database, settings) in enumerate(asked):
        with kept.connection(f"r{number}", database, settings) as connection:
            found.append(connection)
    assert found[0] is found[1]
    assert found[2] is found[4]
    assert len({id(one) for one in found}) == 3
    assert [(database, settings.get("x")) for database, settings in engine.set] == [
        ("a", None),
        ("a", "1"),
        ("b", None),
    ]
    kept.close()
    assert all(one.closed for one in engine.opened)


def test_what_was_stopped_or_failed_is_closed() -> None:
    """No statement runs where another one's end may still be asked for, or where one did not come to its end."""
    kept, engine = readers()
    assert kept.stop("r1") is None
    with kept.connection("r1", "a", {}):
        tag = kept.stop("r1")
        assert tag == engine.set[0][1]["log_comment"]
    assert engine.opened[0].closed
    with kept.connection("r2", "a", {}) as connection:
        connection.clean = False
    assert engine.opened[1].closed
    with kept.connection("r3", "a", {}):
        pass
    assert not engine.opened[2].closed
    assert kept.stop("r3") is None


def test_few_wait() -> None:
    """Of connections that nobody uses those that waited longest are closed."""
    kept, engine = readers()
    for number in range(IDLE + 2):
        with kept.connection("r", f"d{number}", {}):
            pass
    assert [one.closed for one in engine.opened] == [True, True, *[False] * IDLE]


@pytest.mark.integration
@pytest.mark.backends("embedded")
def test_nothing_stays_for_the_next_reader(store: Store) -> None:
    """Neither a parameter's value nor a setting, of the address or of the statement; after a failure either."""
    assert ask(store.url, "SELECT {kept:String}", param_kept="secret").body == b"secret\n"
    assert ask(store.url, "SELECT {kept:String}").code == 456
    size = "SELECT getSetting('max_block_size')"
    first = ask(store.url, size).body
    assert ask(store.url, size, max_block_size="77").body == b"77\n"
    assert ask(store.url, f"{size} SETTINGS max_block_size = 78").body == b"78\n"
    assert ask(store.url, "SELECT throwIf(1)").code == 395
    assert ask(store.url, size).body == first


@pytest.mark.integration
@pytest.mark.backends("embedded")
def test_nothing_stays_for_the_writers_next_select(store: Store) -> None:
    """The same text again, with other settings, other parameters and after whatever else the writer did."""
    who = {"user": store.user, "password": store.password}
    size = "SELECT getSetting('max_block_size'), {kept:String}"
    first = ask(store.url, size, param_kept="a", **who).body
    for _ in range(2):
        assert ask(store.url, size, param_kept="b", max_block_size="77", **who).body == b"77\tb\n"
        assert ask(store.url, size, **who).code == 456
        assert ask(store.url, "SET max_block_size = 78", **who).status == 200
        assert ask(store.url, "CREATE TEMPORARY TABLE mine (a UInt8)", **who).status == 200
        assert ask(store.url, "SELECT count() FROM mine", **who).code == 60
        assert ask(store.url, size, param_kept="a", **who).body == first
    # What the writer may say is not remembered for readers.
    described = "SELECT count() FROM system.functions WHERE name = file('/etc/hostname')"
    for _ in range(2):
        ask(store.url, described, **who)
        assert ask(store.url, described).code == 164


@pytest.mark.integration
@pytest.mark.backends("embedded")
def test_whoever_goes_away_ends_no_other_statement(store: Store) -> None:
    """Readers that leave amid their results, beside readers that stay: those that stay get all of theirs."""
    address = urlsplit(store.url)
    staying: list[Any] = []

    def stay() -> None:
        counting = "SELECT count() FROM numbers(20000000) WHERE NOT ignore(number)"
        staying.extend(ask(store.url, counting).body for _ in range(20))

    thread = threading.Thread(target=stay)
    thread.start()
    while thread.is_alive():
        leaving = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        leaving.request("POST", "/", "SELECT number, 'left behind' FROM numbers(10000000000) FORMAT CSV")
        leaving.getresponse().read(2)
        leaving.close()
    thread.join()
    assert staying == [b"20000000\n"] * 20
    running = "SELECT count() FROM system.processes WHERE query LIKE '%left behind%' AND query NOT LIKE '%processes%'"
    deadline = until(15)
    while ask(store.url, running).body != b"0\n":
        assert time.monotonic() < deadline, "the statement of a client that went away still runs"
        time.sleep(0.1)
