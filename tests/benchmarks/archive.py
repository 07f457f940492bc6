"""Run events on a Kafka topic to rows in the store: one archive worker, beside raw inserts of the same bytes.

The floor inserts blocks that stand ready in memory, of the worker's own size, into a database whose only view makes
rows of the raw table. The worker reads the same messages from Kafka: once into such a database, once with all views.
The rate is that of the rows that a reader sees, from the first insert to the last; CPU is the worker's and the store's.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import os
import random
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headwater.archive.inserting import freeze
from headwater.archive.landing import landings
from headwater.archive.packing import Row, container
from headwater.archive.step import ArchiveStep
from headwater.audit import connect
from headwater.audit.store import Client
from headwater.migrations import database_name, migrate
from headwater.migrations.files import quote
from headwater.schemas import plain, records, topics
from headwater.settings import Settings
from headwater.streams.batch import Batch
from headwater.streams.sending import publish
from headwater.topics import create
from tests.backends.embedded_store import EmbeddedStore
from tests.benchmarks import backlog, workload
from tests.infra.workers import environment

HELP = "run events to rows in the store, one worker, beside raw inserts of the same bytes"
EVENTS, TURNS = 240_000, 3
#: The view that fills the raw table.
RAW_VIEW = "run_events_mv"
#: Marquez 0.51.1 with PostgreSQL 15 on two cores, events/s, the better of its figures.
MARQUEZ = 40.0


@dataclass(frozen=True)
class Turn:
    """Rows a second, and µs of CPU a row of the worker (or inserter) and of the store."""

    rows: float
    client: float
    store: float

    @property
    def cpu(self) -> float:
        return self.client + self.store


#: Name -> (title, whether the other views are there).
CONTENDERS = {
    "raw": ("raw inserts of ready blocks, the raw table alone", False),
    "worker-raw": ("the worker, the raw table alone, with the chain", False),
    "worker": ("the worker, all views and the chain", True),
}


def run(arguments: argparse.Namespace) -> None:
    """Print the table. Raises AssertionError where a contender's rows are not all there."""
    count, turns = (EVENTS // 4, 1) if arguments.quick else (EVENTS, TURNS)
    messages = _messages(count)
    rates: dict[str, list[Turn]] = {name: [] for name in CONTENDERS}
    with backlog.broker() as bootstrap, tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
        for _, (name, (_, views)) in itertools.product(range(turns), CONTENDERS.items()):
            with tempfile.TemporaryDirectory(dir=folder) as home:
                rates[name].append(_turn(bootstrap, Path(home), name, messages, views=views))
    _print(rates, sum(len(value) for _, value in messages) / count)


def _messages(count: int) -> backlog.Messages:
    """COMPLETE events, each with 3 inputs, 1 output and 4 column edges."""
    chance, schema = random.Random(1), records.current("run_event")
    made: list[tuple[bytes, bytes]] = []
    for number in range(count):
        run_id, start, complete = workload.events_of(number, chance)
        made.append((run_id, plain.message(schema, {**complete, "inputs": start["inputs"]})))
    return made


def _turn(bootstrap: str, home: Path, name: str, messages: backlog.Messages, *, views: bool) -> Turn:
    store = EmbeddedStore(home)
    store.start()
    try:
        settings = Settings(
            brokers=bootstrap,
            store_url=store.url,
            store_user=store.user,
            store_password=store.password,
            prefix=f"b{secrets.token_hex(4)}.",
            partitions=backlog.PARTITIONS,
        )
        client = _database(settings, views=views)
        if name == "raw":
            command = _inserter(settings, client, home, messages)
        else:
            create(settings)
            schema = records.current("run_event")
            publish(settings, topics.SCHEMAS.name, [(schema.fingerprint_bytes, schema.text.encode())])
            backlog.fill(bootstrap, settings.prefix, messages)
            command = [sys.executable, "-m", "headwater.cli", "worker", "archive"]
        worker = subprocess.Popen(
            command, env=environment(settings), stdout=subprocess.DEVNULL, stderr=(home / "worker.log").open("wb")
        )
        try:
            turn = _measured(client, worker, store.pid, len(messages))
        finally:
            worker.terminate()
            worker.wait(30)
        client.close()
    finally:
        store.stop()
    print(f"  {name}: {turn.rows:,.0f} rows/s, CPU µs a row: {turn.client:.1f} + {turn.store:.1f}", flush=True)
    return turn


def _database(settings: Settings, *, views: bool) -> Client:
    client = connect(settings, database=False)
    migrate(client, settings)
    client.close()
    client = connect(settings)
    if not views:
        fed = "SELECT name FROM system.tables WHERE database = {database:String} AND engine = 'MaterializedView'"
        for (name,) in client.query(fed, parameters={"database": database_name(settings)}).result_rows:
            if name != RAW_VIEW:
                client.command(f"DROP VIEW {quote(str(name))} SYNC")
    return client


def _inserter(settings: Settings, client: Client, home: Path, messages: backlog.Messages) -> list[str]:
    """Write the worker's blocks to files; the command that reads them all and then inserts them."""
    schema = records.current("run_event")
    landing = landings(client, database_name(settings))[topics.RUNS.name]
    values = [value for _, value in messages]
    offsets = np.arange(len(values), dtype=np.int64)
    batch = Batch(topics.RUNS.name, 0, [key for key, _ in messages], offsets, offsets, [], values)
    limits = ArchiveStep.round
    block_rows = min(limits.rows, limits.bytes // (sum(map(len, values)) // len(values)))
    paths: list[str] = []
    for first in range(0, len(values), block_rows):
        some = values[first : first + block_rows]
        rows = [
            Row(batch, first + at, time.time_ns() // 1000, schema.fingerprint_bytes, value[10:], value[10:])
            for at, value in enumerate(some)
        ]
        path = home / f"block-{len(paths)}"
        path.write_bytes(container(landing.packed, freeze(landing, rows).packed))
        paths.append(str(path))
    return [sys.executable, "-m", "tests.benchmarks.archive", landing.table, *paths]


def _measured(client: Client, worker: subprocess.Popen[bytes], store: int, wanted: int) -> Turn:
    """From the first rows that a reader sees to the last."""
    began: tuple[int, float, float, float] | None = None
    deadline = time.monotonic() + 600
    while True:
        there = int(client.query("SELECT count() FROM run_events").result_rows[0][0])
        now = time.monotonic()
        if began is None and there:
            began = there, now, _cpu(worker.pid), _cpu(store)
        if there >= wanted and began is not None:
            rows = there - began[0]
            spent = _cpu(worker.pid) - began[2], _cpu(store) - began[3]
            return Turn(rows / (now - began[1]), spent[0] / rows * 1e6, spent[1] / rows * 1e6)
        assert worker.poll() is None, f"it ended with {worker.returncode} at {there} of {wanted} rows"
        assert now < deadline, f"{there} of {wanted} rows after 600 s"
        time.sleep(0.05)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _print(rates: dict[str, list[Turn]], size: float) -> None:
    medians = {
        name: Turn(
            *(statistics.median(getattr(turn, field.name) for turn in turns) for field in dataclasses.fields(Turn))
        )
        for name, turns in rates.items()
    }
    raw = medians["raw"]
    print(f"\n{size:.0f} bytes a message\n")
    print("| way | rows/s | CPU µs a row: client + store | rate of raw | raw's CPU of its |")
    print("|---|---|---|---|---|")
    for name, turn in medians.items():
        print(
            f"| {CONTENDERS[name][0]} | {turn.rows:,.0f} | {turn.client:.1f} + {turn.store:.1f} "
            f"| {turn.rows / raw.rows:.0%} | {raw.cpu / turn.cpu:.0%} |"
        )
    print()
    for name, bar in (("worker-raw", 0.8), ("worker", 0.5)):
        _bar(f"{name}: at least {bar:.0%} of raw inserts", _paired(rates, name), bar, "{:.0%}")
    _bar("the worker: at least 500× Marquez", medians["worker"].rows / MARQUEZ, 500, "{:.0f}×")


def _paired(rates: dict[str, list[Turn]], name: str) -> float:
    """The median over turns of the ratio within a turn."""
    return statistics.median(ours.rows / raw.rows for ours, raw in zip(rates[name], rates["raw"], strict=True))


def _bar(what: str, found: float, bar: float, shown: str) -> None:
    print(f"bar: {what}. Here: {shown.format(found)} ({'reached' if found >= bar else 'MISSED'}).")


def insert(table: str, paths: Sequence[str]) -> None:
    """The floor: blocks from memory into a landing table, one after the other, then wait to be ended."""
    from headwater.archive.inserting import SETTINGS
    from headwater.settings import load

    client = connect(load())
    for block in [Path(path).read_bytes() for path in paths]:
        client.raw_insert(table, insert_block=block, fmt="Avro", settings=SETTINGS)
    while True:
        time.sleep(60)


if __name__ == "__main__":
    insert(sys.argv[1], sys.argv[2:])
