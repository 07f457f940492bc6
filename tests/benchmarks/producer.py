"""What an event costs the process that tells it, and how long its caller waits, beside openlineage-python and fastavro.

Each way sends the same fields (3 inputs, 1 output) from a process of its own to one broker of the benchmark's.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.backends.clients import create_topics
from tests.backends.local_kafka import LocalKafka
from tests.benchmarks import producer_callers, producer_import
from tests.benchmarks.peers import NoPeer, peer_python, run_here, run_peer
from tests.benchmarks.producer_ways import FIELDS, PREFIX, TOPIC

HELP = "what an event costs the process that tells it, and how long its caller waits"

OPENLINEAGE = "openlineage-python[kafka]==1.54.0"
_PEER_TOPIC = "peer"

#: Way -> what it is called in the table.
_ROWS = {
    "fragments": "Headwater, one event a run",
    "with": "Headwater, `with` (START and COMPLETE), an event",
    "openlineage": "openlineage-python, `flush=False`, objects made once",
    "openlineage each": "openlineage-python, `flush=False`, objects made for each event",
    "fastavro": "plain fastavro + `produce`",
    "ready": "ready bytes + `produce` (the floor)",
    "predictions": "Headwater, a prediction, 8 features, plain values",
    "digested": "Headwater, a prediction, 8 features, keyed digests",
}


def run(arguments: argparse.Namespace) -> None:
    """Start a broker and print the tables."""
    producer_import.table()
    with tempfile.TemporaryDirectory() as folder:
        kafka = LocalKafka(Path(folder) / "kafka", heap_mb=1024, throughput=True)
        kafka.start()
        try:
            topics = (TOPIC, "lineage.producers", "lineage.schemas", "lineage.predictions", _PEER_TOPIC)
            create_topics(kafka.bootstrap, dict.fromkeys((PREFIX + topic for topic in topics), 4))
            _costs(kafka.bootstrap, quick=arguments.quick)
            producer_callers.tables(kafka, Path(folder), quick=arguments.quick)
        finally:
            kafka.stop()


def _costs(brokers: str, *, quick: bool) -> None:
    events, rounds = (10_000, 1) if quick else (100_000, 5)
    found: dict[str, list[Mapping[str, float]]] = {way: [] for way in _ROWS}
    without: dict[str, str] = {}
    # In turns, so that a busy minute of the machine falls on all ways.
    for _ in range(rounds):
        for way in _ROWS:
            try:
                found[way].append(_way(way, brokers, events))
            except NoPeer as error:
                without[way] = str(error)
    print(f"Medians of {rounds}, {events:,} events each (openlineage-python: a tenth).\n")
    print("| way | wall time in the caller, µs an event | CPU of the process, µs an event | bytes |")
    print("|---|---|---|---|")
    for way, name in _ROWS.items():
        if way in without:
            print(f"| {name} | not run: {without[way]} | | |")
        else:
            size = f"{found[way][0]['bytes']:.0f}" if found[way][0]["bytes"] else "as fastavro's"
            print(f"| {name} | {_median(found, way, 'wall'):.2f} | {_spread(found, way)} | {size} |", flush=True)
    cpu = {way: _median(found, way, "cpu") for way in _ROWS if found[way]}
    print()
    for peer, bar in (("openlineage", 25), ("openlineage each", 25), ("fastavro", 3)):
        if peer in cpu:
            ratio = cpu[peer] / cpu["fragments"]
            print(f"Bar: ≥ {bar}× less CPU than {_ROWS[peer]}: {_reached(ratio >= bar)}, {ratio:.1f}×.")
    for way in ("predictions", "digested"):
        print(f"Bar: ≤ 15 µs a prediction ({_ROWS[way]}): {_reached(cpu[way] <= 15)}, {cpu[way]:.1f} µs.")
    print(flush=True)


def _way(way: str, brokers: str, events: int) -> Mapping[str, float]:
    found: Mapping[str, float]
    if way.startswith("openlineage"):
        fields = json.dumps({**FIELDS, "once": way == "openlineage"})
        of = (brokers, PREFIX + _PEER_TOPIC, str(max(2000, events // 10)), fields)
        found = run_peer(peer_python("openlineage", OPENLINEAGE), "openlineage_emit.py", *of)
    else:
        found = run_here("tests.benchmarks.producer_ways", way, brokers, str(events))
    return found


def _median(found: Mapping[str, list[Mapping[str, float]]], way: str, figure: str) -> float:
    return statistics.median(one[figure] for one in found[way])


def _spread(found: Mapping[str, list[Mapping[str, float]]], way: str) -> str:
    each = [one["cpu"] for one in found[way]]
    return f"{statistics.median(each):.2f} ({min(each):.2f}–{max(each):.2f})"


def _reached(reached: bool) -> str:
    return "reached" if reached else "MISSED"
