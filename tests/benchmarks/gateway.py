"""OpenLineage events in: by HTTP one by one and in batches, and from a Kafka topic; on one real broker."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from headwater.schemas.topics import RUNS
from headwater.settings import Settings
from headwater.topics import create
from tests.backends import clients
from tests.benchmarks import backlog, openlineage_mix
from tests.infra.gateway.conftest import serving
from tests.infra.workers import working

HELP = "OpenLineage by HTTP (4 and 32 connections, batches) and from Kafka, beside json.loads and Marquez's figures"

#: Marquez 0.51.1 with PostgreSQL 15 on two cores, 4 connections, events/s: the better of its figures.
MARQUEZ = 40
TURNS = 5
#: Events of a turn: by single requests, in batches, on the topic.
SINGLE, BATCHED, ON_TOPIC = 12_000, 40_000, 40_000
_IN_A_BATCH = 100
_TOPIC = "openlineage.events"


class Turn(NamedTuple):
    """Events a second; µs of CPU an event of the process that takes them; ms of a request at p50 and p99."""

    rate: float
    cpu: float
    p50: float = 0.0
    p99: float = 0.0


def run(arguments: argparse.Namespace) -> None:
    """Print the table. Raises AssertionError where an event is not on the topic."""
    share, turns = (10, 1) if arguments.quick else (1, TURNS)
    bodies = openlineage_mix.bodies(max(BATCHED, ON_TOPIC) // share, 1)
    other = openlineage_mix.bodies(ON_TOPIC // share, 2, distinct=True)
    print(f"{sum(map(len, bodies)) / len(bodies):,.0f} bytes an event\n")
    found: dict[str, list[Turn]] = {}
    with backlog.broker() as bootstrap, tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
        bench = _Bench(bootstrap, Path(folder))
        for _ in range(turns):
            single = bodies[: SINGLE // share]
            found.setdefault("json.loads of the same bodies", []).append(_parsing(bodies))
            found.setdefault("HTTP, 4 connections", []).append(bench.http(single, 4))
            found.setdefault("HTTP, 32 connections", []).append(bench.http(single, 32))
            found.setdefault("HTTP, batches of 100, 4 connections", []).append(bench.batches(bodies))
            found.setdefault("Kafka worker", []).append(bench.topic(bodies))
            found.setdefault("Kafka worker, no job or table twice", []).append(bench.topic(other))
    _print({name: Turn(*map(statistics.median, zip(*of, strict=True))) for name, of in found.items()})


def _parsing(bodies: Sequence[bytes]) -> Turn:
    began, cpu = time.perf_counter(), time.process_time()
    for body in bodies:
        json.loads(body)
    spent = time.perf_counter() - began
    return Turn(len(bodies) / spent, (time.process_time() - cpu) / len(bodies) * 1e6)


class _Bench:
    """One broker; topics and processes of their own for each turn."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self._bootstrap = bootstrap
        self._folder = folder

    def _settings(self) -> Settings:
        given = Settings(
            brokers=self._bootstrap,
            prefix=f"b{secrets.token_hex(4)}.",
            partitions=backlog.PARTITIONS,
            openlineage_topics=_TOPIC,
            spool_dir=str(self._folder / secrets.token_hex(4)),
        )
        create(given)
        return given

    def http(self, bodies: Sequence[bytes], connections: int) -> Turn:
        """One event a request."""
        return self._posted("/api/v1/lineage", bodies, connections, len(bodies))

    def batches(self, bodies: Sequence[bytes]) -> Turn:
        """Lists of events."""
        starts = range(0, len(bodies), _IN_A_BATCH)
        lists = [b"[" + b",".join(bodies[start : start + _IN_A_BATCH]) + b"]" for start in starts]
        return self._posted("/api/v1/lineage/batch", lists, 4, len(bodies))

    def _posted(self, path: str, requests: Sequence[bytes], connections: int, events: int) -> Turn:
        settings = self._settings()
        file = self._folder / "bodies"
        file.write_bytes(b"".join(len(body).to_bytes(4, "little") + body for body in requests))
        with serving(settings, self._folder) as gateway:
            gateway.wait_for_broker()
            process = _Process(gateway.process.pid)
            before = process.cpu_seconds()
            command = [sys.executable, "-m", "tests.benchmarks.gateway_client", gateway.url, path, str(connections)]
            done = subprocess.run([*command, str(file)], capture_output=True, check=True)
            told = json.loads(done.stdout)
            spent = process.cpu_seconds() - before
        self._check(settings, events)
        p50, p99 = np.percentile(told["latencies"], (50, 99))
        return Turn(events / told["seconds"], spent / events * 1e6, float(p50), float(p99))

    def topic(self, bodies: Sequence[bytes]) -> Turn:
        """A backlog on a topic; the rate is the broker's, from the run event at 5 % to that at 95 %."""
        settings = self._settings()
        keyed = [(f"run:bench/{number}".encode(), body) for number, body in enumerate(bodies)]
        clients.produce(self._bootstrap, settings.prefix + _TOPIC, keyed)
        with working(["openlineage"], settings, self._folder) as workers:
            worker = _Process(workers["openlineage"].pid)
            spent = backlog.wait(self._bootstrap, settings.prefix + RUNS.name, len(bodies), [worker])
        times = sorted(self._check(settings, len(bodies)))
        first, last = len(times) // 20, len(times) * 19 // 20
        seconds = max(times[last] - times[first], 1) / 1000
        return Turn((last - first) / seconds, spent * 1e6)

    def _check(self, settings: Settings, events: int) -> list[int]:
        """Append times of the run events, ms; all must be there, each once."""
        times, values = backlog.read(self._bootstrap, settings.prefix + RUNS.name, events)
        assert len({value[10:] for value in values}) == len(values) == events, f"{len(values)} of {events} events"
        return times


class _Process(NamedTuple):
    pid: int

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def check(self) -> None:
        self.cpu_seconds()  # raises where there is no such process


def _print(medians: dict[str, Turn]) -> None:
    parse = medians["json.loads of the same bodies"]
    print("| way | events/s | CPU µs an event | of json.loads' CPU | p50 ms | p99 ms | of Marquez |")
    print("|---|---|---|---|---|---|---|")
    for name, turn in medians.items():
        shown = (f"{turn.p50:.1f}", f"{turn.p99:.1f}") if turn.p99 else ("–", "–")
        print(
            f"| {name} | {turn.rate:,.0f} | {turn.cpu:.0f} | {turn.cpu / parse.cpu:.1f}× | {shown[0]} | {shown[1]} "
            f"| {turn.rate / MARQUEZ:.0f}× |"
        )
    print()
    four, many = medians["HTTP, 4 connections"], medians["HTTP, 32 connections"]
    _bar("4 connections: at least 25× Marquez", four.rate / MARQUEZ, 25, "{:.0f}×")
    _bar("32 connections: at least 50× Marquez", many.rate / MARQUEZ, 50, "{:.0f}×")
    worst = max(four.p99, many.p99)
    print(f"bar: p99 at most 50 ms. Here: {worst:.1f} ms ({'reached' if worst <= 50 else 'MISSED'}).")
    for name in ("HTTP, batches of 100, 4 connections", "Kafka worker"):
        _bar(f"{name}: at least 8,000 events/s", medians[name].rate, 8000, "{:,.0f}")


def _bar(what: str, found: float, bar: float, shown: str) -> None:
    print(f"bar: {what}. Here: {shown.format(found)} ({'reached' if found >= bar else 'MISSED'}).")
