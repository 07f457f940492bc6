"""The store's process: private, alone on its folder, clean at the end, whole after a kill."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends.embedded_store import EmbeddedStore
from tests.backends.processes import until
from tests.infra.embedded.http import ask

pytestmark = pytest.mark.integration


@pytest.fixture
def own(tmp_path: Path) -> Iterator[EmbeddedStore]:
    """A store of this test's own."""
    store = EmbeddedStore(tmp_path / "home")
    store.start()
    yield store
    store.stop()


def _write(store: EmbeddedStore, statement: str) -> None:
    reply = ask(store.url, statement, user=store.user, password=store.password)
    assert reply.status == 200, reply.body


def _one_line(home: Path, *more: str) -> tuple[int, str]:
    """Start a store that must not start: its exit code and what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "headwater.embedded.store", "--home", str(home), *more],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("headwater: ")]
    assert len(lines) == 1, done.stderr
    return done.returncode, lines[0]


def test_the_folder_is_private(own: EmbeddedStore, tmp_path: Path) -> None:
    """Nothing in it can be read by another user, the engine's own files among them."""
    _write(own, "CREATE TABLE default.t (a UInt8) ENGINE = MergeTree ORDER BY a")
    _write(own, "INSERT INTO default.t VALUES (1)")
    home = tmp_path / "home"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    parts = [path for path in home.rglob("*") if not path.is_symlink() and path.parent.name != "logs"]
    open_ones = [path for path in parts if path.stat().st_mode & 0o077]
    assert open_ones == []
    assert own.password in (home / "store-password").read_text()
    assert len(own.password) >= 24


def test_a_second_start_on_the_folder_is_one_line(own: EmbeddedStore, tmp_path: Path) -> None:
    """It names the process that holds the folder, and the first goes on."""
    code, line = _one_line(tmp_path / "home")
    assert code == 6
    assert f"pid {own.pid}" in line
    assert "headwater status" in line
    assert ask(own.url, "SELECT 1").body == b"1\n"


def test_a_busy_port_is_one_line(tmp_path: Path) -> None:
    """It says which port, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        code, line = _one_line(tmp_path / "home", "--port", str(port))
    assert code == 6
    assert f"port {port} on 127.0.0.1 is taken" in line


def test_a_folder_that_is_none_is_one_line(tmp_path: Path) -> None:
    """A file in its place, a name that the engine cannot open, a password that others can read."""
    (tmp_path / "file").write_text("")
    for home in (tmp_path / "file", tmp_path / "what?"):
        code, line = _one_line(home)
        assert code == 6
        assert "choose another --home" in line
    home = tmp_path / "home"
    home.mkdir()
    (home / "store-password").write_text("known")
    (home / "store-password").chmod(0o644)
    code, line = _one_line(home)
    assert code == 6
    assert "chmod 600" in line


def test_a_damaged_folder_is_one_line(tmp_path: Path) -> None:
    """What the engine cannot read is named, with what to do; nothing of it is removed."""
    store = EmbeddedStore(tmp_path / "home")
    store.start()
    _write(store, "CREATE DATABASE h")
    _write(store, "CREATE TABLE h.t (a UInt8) ENGINE = MergeTree ORDER BY a")
    store.stop()
    metadata = tmp_path / "home" / "store" / "metadata" / "h.sql"
    metadata.write_text("damaged")
    code, line = _one_line(tmp_path / "home")
    assert code == 6
    assert "damaged" in line
    assert f"mv {tmp_path}/home/store" in line
    assert metadata.read_text() == "damaged"


def test_sigterm_lets_statements_finish(own: EmbeddedStore) -> None:
    """What runs is answered, what is written stays, and the process ends with 0."""
    _write(own, "CREATE TABLE default.t (a UInt64) ENGINE = MergeTree ORDER BY a")
    answers: list[int] = []
    slow = "INSERT INTO default.t SELECT number + sleepEachRow(0.1) FROM numbers(15) SETTINGS max_block_size = 1"
    running = threading.Thread(
        target=lambda: answers.append(ask(own.url, slow, user=own.user, password=own.password).status)
    )
    running.start()
    time.sleep(0.5)
    os.kill(own.pid, signal.SIGTERM)
    running.join()
    assert answers == [200]
    deadline = until(10)
    while own.running:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    own.start()
    assert ask(own.url, "SELECT count() FROM default.t").body == b"15\n"


def test_a_kill_amid_inserts_loses_nothing_that_was_answered(own: EmbeddedStore, tmp_path: Path) -> None:
    """After SIGKILL the next start works, every insert that was answered is there, none is half there."""
    _write(own, "CREATE TABLE default.t (a UInt64, b String) ENGINE = MergeTree ORDER BY a")
    for _ in range(3):
        answered: list[int] = []
        stop = threading.Event()

        def insert(start: int, answered: list[int] = answered, stop: threading.Event = stop) -> None:
            number = start
            while not stop.is_set():
                values = "".join(f"{number}\t{'x' * 100}\n" for _ in range(2000))
                try:
                    reply = ask(
                        own.url,
                        values,
                        query="INSERT INTO default.t FORMAT TSV",
                        user=own.user,
                        password=own.password,
                    )
                except OSError:
                    return
                if reply.status == 200:
                    answered.append(number)
                number += 1

        first = int(ask(own.url, "SELECT max(a) + 1 FROM default.t").body)
        writers = [threading.Thread(target=insert, args=(first + 1000 * i,)) for i in range(2)]
        for writer in writers:
            writer.start()
        time.sleep(0.7)
        own.kill()
        stop.set()
        for writer in writers:
            writer.join()
        own.start()
        found = ask(own.url, "SELECT a, count() FROM default.t GROUP BY a FORMAT TSV").body.decode().split()
        counts = dict(zip(map(int, found[::2]), map(int, found[1::2]), strict=True))
        assert answered
        assert set(answered) <= set(counts)
        assert set(counts.values()) == {2000}
    assert not list((tmp_path / "home" / "spool").iterdir())


def test_an_insert_that_a_view_refuses_is_refused(own: EmbeddedStore) -> None:
    """What a materialized view cannot take is told to the client, never lost without a word."""
    _write(own, "CREATE TABLE default.landing (a String) ENGINE = Null")
    _write(own, "CREATE TABLE default.t (a UInt8) ENGINE = MergeTree ORDER BY a")
    _write(own, "CREATE MATERIALIZED VIEW default.v TO default.t AS SELECT toUInt8(a) AS a FROM default.landing")
    credentials = {"user": own.user, "password": own.password}
    good = ask(own.url, "7\n8\n", query="INSERT INTO default.landing FORMAT CSV", **credentials)
    assert good.status == 200
    bad = ask(own.url, "9\nx\n", query="INSERT INTO default.landing FORMAT CSV", **credentials)
    assert bad.code == 6
    assert ask(own.url, "SELECT groupArray(a) FROM default.t").body == b"[7,8]\n"
