"""The same migrations for a cluster: what is sent, whether the engine takes it, and whether it tells the same."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from headwater.archive.inserting import Frozen, insert
from headwater.archive.landing import Landing
from headwater.archive.packing import Row, pack, row_schema
from headwater.audit import connect
from headwater.audit.store import Client
from headwater.cli.main import main
from headwater.errors import SettingsError, StateError
from headwater.migrations import down, migrate, status
from headwater.migrations.engines import Cluster, Engines, engines_of
from headwater.migrations.files import quote, shipped
from headwater.migrations.spreading import spread_tables, statements
from headwater.rebuild import rebuild
from headwater.schemas import plain, records
from headwater.schemas.topics import RUNS
from headwater.settings import Settings
from tests.backends.containers import CLICKHOUSE_IMAGE
from tests.backends.kinds import Store
from tests.backends.local_registry import http_answers
from tests.backends.processes import free_port, wait_until
from tests.consumers.history.messages import at, batch, dataset, run_event

REPLICAS, SHARDS = Cluster("c'1"), Cluster("c'1", sharded=True)
DATABASE = "history"
SPREAD = spread_tables(shipped())


def sent(engines: Engines, *, up: bool = True) -> list[str]:
    return [
        statement
        for migration in shipped()
        for statement in statements(migration.up if up else migration.down, DATABASE, engines, SPREAD)
    ]


def test_a_single_server_gets_no_word_of_a_cluster() -> None:
    """One statement a migration, without ON CLUSTER, replicas or shards."""
    every = sent(Engines()) + sent(Engines(), up=False)
    assert len(every) == 2 * len(shipped())
    assert not [one for one in every if re.search(r"ON CLUSTER|Replicated|Distributed|_shard", one)]


@pytest.mark.parametrize("engines", [REPLICAS, SHARDS])
def test_on_a_cluster_every_server_gets_every_change(engines: Cluster) -> None:
    """Whatever makes, alters or drops is said to all; what keeps rows is replicated, and of no plain engine."""
    for statement in sent(engines) + sent(engines, up=False):
        if not statement.startswith("INSERT INTO"):
            assert r"ON CLUSTER 'c\'1'" in statement.splitlines()[0], statement
        assert not re.search(r"ENGINE = \w*MergeTree", statement) or "ENGINE = Replicated" in statement, statement


def test_of_several_shards_each_kept_table_has_one_over_all() -> None:
    """Spread by the whole sort key, so that rows which replace each other lie together; views ask the one over all."""
    every = sent(SHARDS)
    kept = {one for one in every if one.startswith(f"CREATE TABLE IF NOT EXISTS `{DATABASE}_shard`.")}
    over = [one for one in every if "ENGINE = Distributed(" in one]
    assert len(kept) == len(over) == len(SPREAD)
    for table in SPREAD:
        local = next(one for one in kept if f"_shard`.{table} " in one)
        above = next(one for one in over if one.startswith(f"CREATE TABLE IF NOT EXISTS `{DATABASE}`.{table} "))
        order = next(line for line in local.splitlines() if line.startswith("ORDER BY ("))
        assert f"cityHash64{order.removeprefix('ORDER BY ')})" in above
        assert f"AS `{DATABASE}_shard`.{table}\n" in above
    views = [one for one in every if " VIEW " in one.splitlines()[0]]
    assert len(views) > 50
    assert not [one for one in views if f"{DATABASE}_shard" in one]


def test_undoing_removes_what_was_made() -> None:
    """Each table of the shards and the one over it are dropped, the one over all first."""
    gone = sent(SHARDS, up=False)
    for table in SPREAD:
        above = next(i for i, one in enumerate(gone) if one.startswith(f"DROP TABLE IF EXISTS `{DATABASE}`.{table} "))
        assert gone[above + 1].startswith(f"DROP TABLE IF EXISTS `{DATABASE}_shard`.{table} ")


def test_shards_get_no_token_with_an_insert() -> None:
    """Two views that fill one Distributed table would hand it the same token, and one's rows would be dropped."""
    tokens: list[bool] = []

    def raw_insert(*_: object, settings: dict[str, Any], **__: object) -> object:
        tokens.append("insert_deduplication_token" in settings)
        return SimpleNamespace(summary={})

    client = cast("Client", SimpleNamespace(raw_insert=raw_insert))
    schema = records.current("run_event")
    event = run_event("r 1", "COMPLETE", at(1), inputs=[dataset("a")])
    told = batch(RUNS.name, [event])
    row = Row(told, 0, 0, schema.fingerprint_bytes, b"body", plain.encode(schema, event))
    packed, message = pack(row)
    for spread in (False, True):
        landing = Landing(RUNS.name, "run_event_landing", schema, row_schema(schema), spread)
        insert(client, Frozen(landing, [row], [packed], [message]))
    assert tokens == [True, False]


def test_settings_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster's name makes it one; shards without a cluster are refused."""
    assert engines_of(Settings()) == Engines()
    assert engines_of(Settings(store_cluster="main")) == Cluster("main")
    assert engines_of(Settings(store_cluster="main", store_sharded=True)) == Cluster("main", sharded=True)
    with pytest.raises(StateError, match="store_cluster"):
        engines_of(Settings(store_sharded=True))


def test_what_cannot_be_done_over_shards_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rebuild and the check of columns say so, before anything is asked or changed."""
    with pytest.raises(StateError, match="shards"):
        rebuild(Settings(store_cluster="main", store_sharded=True), print)
    monkeypatch.setenv("HEADWATER_STORE_CLUSTER", "main")
    monkeypatch.setenv("HEADWATER_STORE_SHARDED", "true")
    assert main(["verify", "--columns"]) == SettingsError.exit_code
    assert "shards" in capsys.readouterr().err


@pytest.mark.integration
@pytest.mark.backends("embedded")
def test_the_parser_takes_every_statement(store: Store) -> None:
    """Both kinds of cluster, up and down, and the lease: by the engine's own parser."""
    client = connect(
        Settings(store_url=store.url, store_user=store.user, store_password=store.password), database=False
    )
    try:
        lease = f"CREATE TABLE `d`.migrations_lock (nothing UInt8) ENGINE = {REPLICAS.lease(DATABASE)} ORDER BY ()"
        every = {*sent(REPLICAS), *sent(REPLICAS, up=False), *sent(SHARDS), *sent(SHARDS, up=False), lease}
        for statement in every:
            assert client.query("SELECT formatQuery({statement:String})", {"statement": statement}).result_rows
    finally:
        client.close()


@pytest.mark.integration
@pytest.mark.backends("embedded")
def test_a_store_of_no_cluster_says_so(
    store: Store, prefix: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dry run prints what a cluster would get; in earnest the embedded store is told as none, and stays as it was."""
    settings = Settings(
        store_url=store.url, store_user=store.user, store_password=store.password, prefix=prefix, store_cluster="main"
    )
    for name in ("store_url", "store_user", "store_password", "prefix", "store_cluster"):
        monkeypatch.setenv(f"HEADWATER_{name.upper()}", getattr(settings, name))
    assert main(["migrate", "up", "--dry-run"]) == 0
    assert "ON CLUSTER 'main'" in capsys.readouterr().out
    assert main(["migrate", "up"]) == StateError.exit_code
    assert "store_cluster" in capsys.readouterr().err
    assert main(["migrate", "status"]) == 1


@pytest.mark.prove
@pytest.mark.integration
def test_behind_distributed_tables_every_view_tells_the_same(tmp_path: Path) -> None:
    """Messages that came twice, archived into a cluster's tables by the engine itself."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.infra.migrations.spread", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["differ"] == {}
    assert told["told"] - len(told["empty"]) > 10
    assert told["kept"]["dataset_uses"] == 10


_CONFIG = """<clickhouse>
<keeper_server><tcp_port>9181</tcp_port><server_id>1</server_id>
<log_storage_path>/var/lib/clickhouse/coordination/log</log_storage_path>
<snapshot_storage_path>/var/lib/clickhouse/coordination/snapshots</snapshot_storage_path>
<raft_configuration><server><id>1</id><hostname>127.0.0.1</hostname><port>9234</port></server></raft_configuration>
</keeper_server>
<zookeeper><node><host>127.0.0.1</host><port>9181</port></node></zookeeper>
<macros><shard>01</shard><replica>one</replica></macros>
<distributed_ddl><path>/clickhouse/task_queue/ddl</path></distributed_ddl>
<remote_servers><main><shard><internal_replication>true</internal_replication>
<replica><host>127.0.0.1</host><port>9000</port></replica></shard></main></remote_servers>
</clickhouse>"""


@pytest.fixture
def clustered(tmp_path: Path) -> Iterator[Settings]:
    """A server that is a cluster by itself, with a keeper."""
    from testcontainers.core.container import DockerContainer

    config, port = tmp_path / "cluster.xml", free_port()
    config.write_text(_CONFIG)
    server: Any = DockerContainer(CLICKHOUSE_IMAGE).with_bind_ports(8123, port)
    server.with_volume_mapping(str(config), "/etc/clickhouse-server/config.d/cluster.xml")
    server.with_envs(
        CLICKHOUSE_USER="headwater", CLICKHOUSE_PASSWORD="secret", CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT="1"
    )
    with server:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: http_answers(f"{url}/ping"), 180, "the server answering")
        yield Settings(store_url=url, store_user="headwater", store_password="secret", store_cluster="main")


@pytest.mark.integration
@pytest.mark.backends("containers")
@pytest.mark.parametrize("sharded", [False, True])
def test_a_cluster_in_a_container(store: Store, clustered: Settings, *, sharded: bool) -> None:
    """Up, status, down on a server with a keeper; tables are replicated, of several shards Distributed."""
    settings = Settings(
        store_url=clustered.store_url,
        store_user=clustered.store_user,
        store_password=clustered.store_password,
        store_cluster="main",
        store_sharded=sharded,
    )
    client = connect(settings, database=False)
    try:
        migrate(client, settings)
        assert {one.state for one in status(client, settings)} == {"applied"}
        rows = client.query(
            "SELECT engine FROM system.tables WHERE database = {d:String} AND name = 'run_events'",
            {"d": settings.database_name},
        ).result_rows
        assert rows[0][0] == ("Distributed" if sharded else "ReplicatedReplacingMergeTree")
        assert len(down(client, settings, 0)) == len(shipped())
    finally:
        client.command(f"DROP DATABASE IF EXISTS {quote(settings.database_name)} ON CLUSTER 'main' SYNC")
        client.close()
