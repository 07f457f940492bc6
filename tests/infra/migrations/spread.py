"""A history behind Distributed tables, and the same without, in one engine: does every view tell the same?

`python -m tests.infra.migrations.spread FOLDER`, a process of its own, since chDB reads a cluster's configuration only
when it opens. The cluster is one shard, this engine: what is Distributed is so in earnest, what is Replicated is not
(chDB has no keeper), and a second shard would have to answer over TCP, which chDB does not. Prints what differs, as
JSON.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from headwater.archive import ArchiveStep
from headwater.audit import ask
from headwater.audit.store import Client
from headwater.migrations import ledger, migrate
from headwater.migrations.engines import Cluster, Engines, shard_database
from headwater.migrations.files import quote, shipped
from headwater.migrations.spreading import spread_tables, statements
from headwater.settings import Settings
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import NS
from tests.consumers.history.test_questions import pipeline

ONE, SEVERAL = Settings(database="one"), Settings(database="several", store_cluster="main", store_sharded=True)
_CONFIG = """<clickhouse><tcp_port>9</tcp_port><remote_servers><main><shard>
<replica><host>127.0.0.1</host><port>9</port></replica>
</shard></main></remote_servers></clickhouse>"""
_REPLICATED = re.compile(r"Replicated(\w+)\('[^']*', '[^']*'(?:, )?")


def opened(folder: Path) -> Client:
    config = folder / "config.xml"
    config.write_text(_CONFIG)
    get_client: Callable[..., Client] = import_module("clickhouse_connect").get_client
    return get_client(
        interface="chdb",
        path=str(folder / "store"),
        chdb_options={"config-file": str(config)},
        settings={"distributed_product_mode": "global"},
        tz_mode="aware",
    )


def spread(client: Client) -> None:
    """The history over the shard, statement by statement as a cluster gets them, but for what needs a keeper."""
    database, engines = SEVERAL.database_name, Cluster("main", sharded=True)
    for name in (database, shard_database(database)):
        client.command(f"CREATE DATABASE {quote(name)}")
    ledger.prepare(client, database, Engines())
    known = shipped()
    for migration in known:
        for statement in statements(migration.up, database, engines, spread_tables(known)):
            here = _REPLICATED.sub(r"\1(", statement.replace(" ON CLUSTER 'main'", ""))
            client.command(here.replace(" replicated_deduplication_window", " non_replicated_deduplication_window"))


def filled(client: Client, settings: Settings) -> History:
    client.database = settings.database_name
    client.command(f"USE {quote(settings.database_name)}")
    now = 1_790_000_000_000_000
    step = ArchiveStep(settings, connected=lambda: client, send=lambda _letters: True, now=lambda: now)
    history = History(settings, client, step, [])
    pipeline(history)
    pipeline(history)  # all of it comes twice
    return history


def told(history: History) -> dict[str, Any]:
    """What each view and some questions tell."""
    views = [
        row[0]
        for row in history.rows(
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View' "
            "AND NOT match(create_table_query, '\\{\\w+:') ORDER BY name"
        )
    ]
    answers: dict[str, Any] = {view: history.rows(f"SELECT * FROM {view}") for view in views}
    model = {"namespace": NS, "name": "model", "version": "m1"}
    upstream = "SELECT * FROM upstream(namespace = {n:String}, name = 'model', version = 'm1', depth = 5)"
    answers["upstream"] = history.rows(upstream, n=NS)
    answers["model_made_of"] = ask(history.client, "model_made_of", **model).rows
    return {name: sorted(map(repr, rows)) for name, rows in answers.items()}


def main() -> None:
    client = opened(Path(sys.argv[1]))
    migrate(client, ONE)
    one = told(filled(client, ONE))
    spread(client)
    several = told(filled(client, SEVERAL))
    kept = {
        table: int(
            client.query(f"SELECT count() FROM {quote(shard_database(SEVERAL.database_name))}.{table}").result_rows[0][
                0
            ]
        )
        for table in sorted(spread_tables(shipped()))
    }
    differ = {name: (rows, several.get(name)) for name, rows in one.items() if rows != several.get(name)}
    empty = sorted(name for name, rows in one.items() if not rows)
    sys.stdout.write(json.dumps({"differ": differ, "told": len(one), "empty": empty, "kept": kept}))
    sys.stdout.flush()
    os._exit(0)  # chDB aborts when the interpreter ends before it


if __name__ == "__main__":
    main()
