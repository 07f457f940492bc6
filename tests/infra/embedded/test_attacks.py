"""A reader cannot write, read the machine's files, reach a network or rule; harmless forms are answered."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends.kinds import Store
from tests.infra.embedded.attacks import ATTACKS, IN_THE_ADDRESS, SECRET, Attack
from tests.infra.embedded.http import Reply, ask

pytestmark = [pytest.mark.integration, pytest.mark.backends("embedded")]

READONLY = 164


class Place:
    """A file that must not be read, one that must not appear, a port that must not be called, a table that stays."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        secret = folder / "secret.csv"
        secret.write_text(SECRET + "\n")
        self.out = folder / "out.csv"
        self._words = {
            "secret": str(secret),
            "folder": str(folder),
            "out": str(self.out),
            "port": str(self._listener.getsockname()[1]),
        }
        for statement in (
            "CREATE DATABASE IF NOT EXISTS guarded",
            "CREATE OR REPLACE TABLE guarded.t (a UInt8) ENGINE = MergeTree ORDER BY a",
            "INSERT INTO guarded.t VALUES (7)",
        ):
            assert ask(store.url, statement, user=store.user, password=store.password).status == 200

    def close(self) -> None:
        self._listener.close()

    def filled(self, text: str) -> str:
        for name, value in self._words.items():
            text = text.replace("{" + name + "}", value)
        return text

    def assert_unharmed(self) -> None:
        assert not self.out.exists()
        with pytest.raises(BlockingIOError):
            self._listener.accept()
        assert ask(self._store.url, "SELECT groupArray(a) FROM guarded.t").body == b"[7]\n"
        assert ask(self._store.url, "SELECT count() FROM system.tables WHERE database = 'guarded'").body == b"1\n"


@pytest.fixture(scope="module")
def place(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(store, tmp_path_factory.mktemp("place"))
    yield made
    made.close()


def _refused(reply: Reply) -> bool:
    return reply.status >= 400 and reply.code is not None and SECRET.encode() not in reply.body


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.name for attack in ATTACKS])
def test_a_readers_attack_is_refused_and_its_twin_answered(store: Store, place: Place, attack: Attack) -> None:
    """As body and in the address; nothing of the secret is told, nothing is written, called or changed."""
    statement = place.filled(attack.attack)
    assert _refused(ask(store.url, statement))
    assert _refused(ask(store.url, query=statement))
    assert _refused(ask(store.url, method="GET", query=statement))
    if attack.twin:
        twin = ask(store.url, place.filled(attack.twin))
        assert twin.status == 200, twin.body
    place.assert_unharmed()


@pytest.mark.parametrize(
    ("attack", "twin"), [case[1:] for case in IN_THE_ADDRESS], ids=[case[0] for case in IN_THE_ADDRESS]
)
def test_harm_in_the_address_is_refused(
    store: Store, place: Place, attack: dict[str, str], twin: dict[str, str]
) -> None:
    """Settings, formats, databases and parameters in the address open nothing."""
    assert _refused(ask(store.url, **{name: place.filled(value) for name, value in attack.items()}))
    answered = ask(store.url, **{name: place.filled(value) for name, value in twin.items()})
    assert answered.status == 200, answered.body
    place.assert_unharmed()


def test_the_writer_is_a_reader_when_it_only_gets(store: Store, place: Place) -> None:
    """A GET never writes, whoever sends it: a link is no statement of the writer."""
    credentials = {"user": store.user, "password": store.password}
    reply = ask(store.url, method="GET", query="INSERT INTO guarded.t VALUES (1)", **credentials)
    assert reply.code == READONLY
    place.assert_unharmed()


def test_one_readers_refusal_leaves_the_next_reader_alone(store: Store) -> None:
    """Nothing that one request sets is there in the next one, in the same session or another."""
    session = {"session_id": "reader"}
    assert ask(store.url, "SELECT 1 SETTINGS max_result_rows = 2", **session).status == 200
    assert ask(store.url, "SELECT getSetting('max_result_rows')", **session).body == b"0\n"
    assert ask(store.url, "SELECT getSetting('readonly')", **session).body == b"1\n"


def test_what_was_judged_once_is_judged_by_all_that_decides(store: Store, place: Place) -> None:
    """The same text again: another name as parameter is looked at, a limit holds, what was refused stays refused."""
    named = {"query": "SELECT * FROM {t:Identifier}", "database": "guarded"}
    for _ in range(2):
        assert ask(store.url, **named, param_t="t").body == b"7\n"
        assert _refused(ask(store.url, **named, param_t=place.filled("{secret}")))
        assert ask(store.url, "SELECT number FROM numbers(9) SETTINGS max_result_rows = 2").code == 396
        assert _refused(ask(store.url, place.filled("SELECT file('{secret}')")))
        assert ask(store.url, "SELECT {n:UInt8}", param_n="4").body == b"4\n"
        assert ask(store.url, "SELECT {n:UInt8}", param_n="5").body == b"5\n"
    place.assert_unharmed()


def test_a_new_engine_brings_no_function_that_nobody_looked_at(store: Store) -> None:
    """Functions that speak of files, networks or models are refused, or are known to be harmless."""
    from headwater.embedded.store import policy

    harmless = {"ismergetreepartcoveredby", "lead", "leadinframe", "mergetreepartinfo", "tid", "uniqcombined"}
    speaks_of = (
        r"(?i)(reads?|loads?|writes?|from)( the| a| an)?( contents? of)?( a| the)? (external |local )?files?\b"
        r"|filesystem|file system|the network|DNS"
    )
    risky = ask(
        store.url,
        "SELECT lower(name) FROM system.functions WHERE alias_to = '' AND origin = 'System' AND (match(description, "
        "{speaks_of:String}) OR categories IN ('AI', 'Embedded Dictionary', 'Introspection'))",
        param_speaks_of=speaks_of.replace("\\", "\\\\"),
    )
    found = set(risky.body.decode().split())
    assert found - set(policy.FUNCTIONS) - harmless == set()
    assert {"file", "aigenerate"} <= found
