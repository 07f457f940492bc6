"""`headwater verify`: how fast every archived body is held against the ledger."""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from headwater.archive import ArchiveStep
from headwater.audit import connect
from headwater.audit.store import Client
from headwater.ledger.report import Report
from headwater.ledger.verifying import verify
from headwater.migrations import migrate
from headwater.schemas import plain, topics
from headwater.schemas.records import current
from headwater.settings import Settings
from headwater.streams.batch import Batch
from tests.backends.embedded_store import EmbeddedStore
from tests.benchmarks.workload import events_of
from tests.consumers.history.messages import batch

HELP = "archived run events against the ledger, beside the store's own hashing of the same bytes"
EVENTS, QUICK = 1_000_000, 100_000
PARTITIONS, CHUNK, TURNS = 4, 10_000, 5
BAR = 500_000


def run(arguments: argparse.Namespace) -> None:
    """Archive the events in a store of its own, then check them; the ceiling is in the same turns."""
    events = QUICK if arguments.quick else EVENTS
    with tempfile.TemporaryDirectory(prefix="headwater-verify-") as folder:
        store = EmbeddedStore(Path(folder))
        store.start()
        try:
            settings = Settings(store_url=store.url, store_user=store.user, store_password=store.password)
            bare = connect(settings, database=False)
            migrate(bare, settings)
            bare.close()
            client = connect(settings)
            began = time.monotonic()
            size = _archive(settings, client, events)
            print(f"{events:,} events, {size / events:,.0f} bytes a body, archived in {time.monotonic() - began:.0f} s")
            _measure(client, store.pid, 1 if arguments.quick else TURNS)
        finally:
            store.stop()


def _archive(settings: Settings, client: Client, events: int) -> int:
    """Archive them as the worker does; returns the bytes of their bodies."""
    step = ArchiveStep(settings, connected=lambda: client, send=lambda _letters: True)
    size = 0
    for one, bytes_ in _batches(events):
        step.process(one)
        step.flush()
        size += bytes_
    return size


def _batches(events: int) -> Iterator[tuple[Batch, int]]:
    chance = random.Random(7)
    schema = current("run_event")
    for number, start in enumerate(range(0, events, CHUNK)):
        told = (event for run in range(start // 2, (start + CHUNK) // 2) for event in events_of(run, chance)[1:])
        bodies = [plain.encode(schema, event) for event in told]
        first = number // PARTITIONS * CHUNK
        yield (
            batch(topics.RUNS.name, [], first, number % PARTITIONS, schema=schema, bodies=bodies),
            sum(map(len, bodies)),
        )


def _measure(client: Client, store: int, turns: int) -> None:
    sql = "SELECT sum(ignore(SHA256(raw_body))) FROM run_events"
    report = Report()
    ours, alone = _Way("headwater verify"), _Way("the store hashes every body, nothing else")
    for _ in range(turns):
        with ours.timed(store):
            report = verify(client)
        if not report.whole or report.rows != report.messages:
            raise SystemExit(f"the history is not whole: {[str(one) for one in report.findings[:3]]}")
        with alone.timed(store):
            client.query(sql)
    print("\n| way | events/s | CPU µs an event: ours | the store's |\n|---|---|---|---|")
    for way in (ours, alone):
        print(way.line(report.messages))
    rate, ceiling = (report.messages / statistics.median(way.walls) for way in (ours, alone))
    print(f"\nBar: {BAR:,} events/s: {'reached' if rate >= BAR else 'missed'}; {rate / ceiling:.0%} of the ceiling.")


@dataclass
class _Way:
    """One contender's turns: seconds on the wall, of our process and of the store's."""

    name: str
    walls: list[float] = field(default_factory=list[float])
    own: list[float] = field(default_factory=list[float])
    stores: list[float] = field(default_factory=list[float])

    @contextmanager
    def timed(self, store: int) -> Generator[None]:
        wall, own, there = time.monotonic(), time.process_time(), cpu_seconds(store)
        yield
        self.walls.append(time.monotonic() - wall)
        self.own.append(time.process_time() - own)
        self.stores.append(cpu_seconds(store) - there)

    def line(self, events: int) -> str:
        rates = [events / wall for wall in self.walls]
        ours, theirs = (statistics.median(spent) / events * 1e6 for spent in (self.own, self.stores))
        return (
            f"| {self.name} | {statistics.median(rates):,.0f} ({min(rates):,.0f}–{max(rates):,.0f}) "
            f"| {ours:.2f} | {theirs:.2f} |"
        )


def cpu_seconds(pid: int) -> float:
    """CPU that a process has used, Linux."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
