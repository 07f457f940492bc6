"""The state of stitching: memory, cost as events and open runs grow, one long run; a worker started with a million.

Costs are CPU of the step with its reading, each case in a process of its own, at 1,000 events a second of broker time.
Memory is the process's resident set. Starting is measured on real Kafka, from the start of the process to the edge of a
run that was open before.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import confluent_kafka

from headwater.settings import Settings
from tests.backends import clients
from tests.benchmarks import backlog
from tests.benchmarks.state_cases import Feed

HELP = "memory, cost growth and restoring of the state of stitching"
_MOST = 2 * 2**30


def run(arguments: argparse.Namespace) -> None:
    """Print the tables."""
    scale = 10 if arguments.quick else 1
    few, many = 10_000, 10_000_000 // scale
    growth = _case("growth", few, many)
    _line(f"short runs: µs an event at {few:,} and at {many:,} events", growth["first"], growth["last"])
    print(f"  memory then {growth['rss'] / 2**20:,.0f} MiB, finished runs remembered: {growth['kept']:,.0f}")
    few, many = 1000, 1_000_000 // scale
    one, other = _case("open", few), _case("open", many)
    _line(f"a quarter of events to open runs: µs an event with {few:,} and {many:,} open", one["cost"], other["cost"])
    print(
        f"  memory with {few:,}: {one['rss'] / 2**20:,.0f} MiB, with {many:,}: {other['rss'] / 2**20:,.0f} MiB", end=""
    )
    print(
        f" (bar: 2,048), on disk {other['disk'] / 2**20:,.0f} MiB, on the state topic {other['sent'] / 2**20:,.0f} MiB"
    )
    events = 100_000 // scale
    long = _case("long", events)
    for case, what in (
        ("same", f"one run of {events:,} RUNNING events: µs an event of short runs beside it, and of it"),
        ("reading", "  where each names one dataset more"),
        ("writing", "  where each names one dataset more, from which its output is made"),
        ("outputs", "  where each names one output more"),
    ):
        found = long[case]
        _line(what, found["short"], found["cost"])
        if case != "same":
            _line("  with the end of that run", found["short"], found["ended"])
    print(f"  memory before, and after each of the runs: {long['rss']} MiB")
    _restore(1_000_000 // scale)


def _line(what: str, before: float, after: float) -> None:
    verdict = "reached" if after <= 1.5 * before else "MISSED"
    print(f"{what}: {before:.2f} and {after:.2f}, {after / before:.2f}× (bar: 1.5×, {verdict})", flush=True)


def _case(*arguments: object) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.state_cases", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, check=True)
    return dict(json.loads(done.stdout))


def _restore(runs: int) -> None:
    """A worker killed with so many open runs, old ones and young ones, and the next one."""
    print(f"\n| {runs:,} open runs | restored and first edge after | memory | state topic |")
    print("|---|---|---|---|")
    with backlog.broker() as bootstrap, tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
        for title, young in (("on the state topic", 0.0), ("young, read again", 300.0)):
            prefix = backlog.topics(bootstrap)
            feed = Feed()
            for _ in range(0, runs, 50_000):
                backlog.fill(bootstrap, prefix, feed.starts(min(50_000, runs)))
            worker = _worker(bootstrap, prefix, young, Path(folder))
            _wait_until_committed(bootstrap, prefix, runs)
            if young == 0.0:
                _wait_until_still(bootstrap, prefix)
            worker.kill()
            worker.wait()
            size = _there(bootstrap, f"{prefix}lineage.stitching-state")
            edges = _there(bootstrap, prefix + backlog.EDGES)
            began = time.monotonic()
            worker = _worker(bootstrap, prefix, young, Path(folder))
            backlog.fill(bootstrap, prefix, feed.completes(8))
            while _there(bootstrap, prefix + backlog.EDGES) < edges + 8:
                if time.monotonic() - began > 300:
                    raise TimeoutError("no edges after 300 s")
                time.sleep(0.1)
            seconds = time.monotonic() - began
            memory = _status(worker.pid, "VmHWM")
            worker.terminate()
            worker.wait()
            verdict = "reached" if seconds <= 20 and memory <= _MOST else "MISSED"
            print(
                f"| {title} | {seconds:.1f} s (bar: 20 s) | peak {memory / 2**20:,.0f} MiB, {verdict} | {size:,} |",
                flush=True,
            )


def _worker(bootstrap: str, prefix: str, young: float, folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.benchmarks.state_cases", "worker", bootstrap, prefix, str(young)]
    with (folder / "worker.log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


def _status(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def _there(bootstrap: str, topic: str) -> int:
    reader: Any = clients.consumer(bootstrap, "headwater-bench-ends")
    try:
        places = [confluent_kafka.TopicPartition(topic, p) for p in range(backlog.PARTITIONS)]
        return sum(int(reader.get_watermark_offsets(place, timeout=10)[1]) for place in places)
    finally:
        reader.close()


def _wait_until_committed(bootstrap: str, prefix: str, count: int) -> None:
    reader: Any = clients.consumer(bootstrap, f"{Settings(prefix=prefix).prefix}headwater-stitching")
    places = [confluent_kafka.TopicPartition(prefix + backlog.RUNS, p) for p in range(backlog.PARTITIONS)]
    try:
        deadline = time.monotonic() + 300
        while _committed(reader, places) < count:
            if time.monotonic() > deadline:
                raise TimeoutError("the worker does not commit all")
            time.sleep(0.5)
    finally:
        reader.close()


def _committed(reader: Any, places: list[Any]) -> int:
    try:
        return sum(max(place.offset, 0) for place in reader.committed(places, timeout=10))
    except confluent_kafka.KafkaException:  # the group has no coordinator yet
        return 0


def _wait_until_still(bootstrap: str, prefix: str) -> None:
    """Until the state topic grows no more."""
    before = -1
    while (now := _there(bootstrap, f"{prefix}lineage.stitching-state")) != before:
        before = now
        time.sleep(3)
