"""Run events on a Kafka topic to edge sets on a Kafka topic: one worker process, real Apache Kafka.

The backlog stands on the topic before the worker starts. The rate is taken on the broker: from the append times of
the edge sets, from the one at 5 % to the one at 95 %, so that starting up counts for nobody.
"""

from __future__ import annotations

import argparse
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import confluent_kafka

from headwater.schemas import plain, records
from tests.backends import clients
from tests.backends.local_kafka import LocalKafka
from tests.benchmarks import workload
from tests.consumers.stitching import reference

HELP = "run events to edge sets, one worker, beside stock Faust and our code without Faust"
PARTITIONS = 4


@dataclass(frozen=True)
class Contender:
    """`runs`: each gives two events and 5 % of them doubled."""

    name: str
    title: str
    runs: int
    turns: int


CONTENDERS = (
    Contender("ours", "Headwater's worker (Faust in chunks)", 100_000, 5),
    Contender("plain-loop", "the same code without Faust", 100_000, 5),
    Contender("stock-confluent", "stock Faust, fastavro, confluent producer", 10_000, 3),
    Contender("stock-send", "stock Faust, fastavro, topic.send", 5_000, 3),
)


@dataclass(frozen=True)
class Turn:
    """What one turn measured: events and edges a second, the worker's CPU µs an event once it runs."""

    events: float
    edges: float
    cpu: float


def run(arguments: argparse.Namespace) -> None:
    """Print the table. Raises AssertionError where a contender's edges are not the reference's."""
    rates: dict[str, list[Turn]] = {}
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
        kafka = LocalKafka(Path(folder) / "kafka", heap_mb=1024, throughput=True)
        kafka.start()
        try:
            for contender in CONTENDERS:
                runs = contender.runs // (10 if arguments.quick else 1)
                messages = workload.messages(runs)
                expected = _expected(messages)
                for turn in range(1 if arguments.quick else contender.turns):
                    measured = _turn(kafka.bootstrap, contender, messages, runs, expected if turn == 0 else None)
                    rates.setdefault(contender.name, []).append(measured)
        finally:
            kafka.stop()
    _print(rates)


def _expected(messages: list[tuple[bytes, bytes]]) -> set[reference.Fact]:
    schema = records.current("run_event")
    return reference.current(plain.decode(schema, value[10:]) for _, value in messages)


def _turn(
    bootstrap: str,
    contender: Contender,
    messages: list[tuple[bytes, bytes]],
    runs: int,
    expected: set[reference.Fact] | None,
) -> Turn:
    prefix = f"b{secrets.token_hex(4)}."
    topics = {f"{prefix}{name}": PARTITIONS for name in ("lineage.runs", "lineage.edges", "lineage.dead-letters")}
    clients.create_topics(bootstrap, topics, **{"message.timestamp.type": "LogAppendTime"})
    clients.create_topics(bootstrap, {f"{prefix}lineage.schemas": 1})
    clients.produce(bootstrap, f"{prefix}lineage.runs", messages, **{"queue.buffering.max.messages": 1_000_000})
    command = [sys.executable, "-m", "tests.benchmarks.contenders", contender.name, bootstrap, prefix]
    worker = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        cpu = _wait(bootstrap, f"{prefix}lineage.edges", runs, worker)
    finally:
        worker.terminate()
        try:
            worker.wait(20)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
    times, sets = _read(bootstrap, f"{prefix}lineage.edges", runs)
    if expected is not None:
        schema = records.current("edge_set")
        said = reference.said(plain.decode(schema, value[10:]) for value in sets)
        assert reference.standing(said) == expected, f"{contender.name}: other edges than the reference"
    times.sort()
    low, high = int(len(times) * 0.05), int(len(times) * 0.95) - 1
    seconds = max(times[high] - times[low], 1) / 1000
    share = (high - low) / len(times)
    turn = Turn(len(messages) * share / seconds, len(sets) * 3 * share / seconds, cpu * len(sets) / len(messages) * 1e6)
    print(f"  {contender.name}: {turn.events:,.0f} events/s, {turn.cpu:.1f} µs CPU an event", flush=True)
    return turn


def _wait(bootstrap: str, topic: str, count: int, worker: subprocess.Popen[bytes], seconds: float = 300) -> float:
    """Until so many edge sets stand on the topic; CPU seconds an edge set, from the first one seen on."""
    reader: Any = clients.consumer(bootstrap, "headwater-bench-ends")
    places = [confluent_kafka.TopicPartition(topic, partition) for partition in range(PARTITIONS)]
    deadline = time.monotonic() + seconds
    began: tuple[int, float] | None = None
    try:
        while True:
            there = sum(int(reader.get_watermark_offsets(place, timeout=10)[1]) for place in places)
            if began is None and there:
                began = there, _cpu_seconds(worker.pid)
            if there >= count and began is not None:
                return (_cpu_seconds(worker.pid) - began[1]) / max(there - began[0], 1)
            if worker.poll() is not None:
                error = (worker.stderr.read() if worker.stderr else b"").decode()
                raise RuntimeError(f"the worker ended with {worker.returncode}: {error[-2000:]}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{there} of {count} edge sets after {seconds:g} s")
            time.sleep(0.1)
    finally:
        reader.close()


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _read(bootstrap: str, topic: str, count: int) -> tuple[list[int], list[bytes]]:
    reader = clients.consumer(bootstrap, "headwater-bench-read")
    times: list[int] = []
    values: list[bytes] = []
    try:
        reader.assign([confluent_kafka.TopicPartition(topic, p, 0) for p in range(PARTITIONS)])
        while len(values) < count:
            for message in reader.consume(10_000, 1.0):
                times.append(message.timestamp()[1])
                values.append(message.value())
    finally:
        reader.close()
    return times, values


def _print(rates: dict[str, list[Turn]]) -> None:
    medians = {
        name: Turn(*(statistics.median(getattr(t, field) for t in turns) for field in ("events", "edges", "cpu")))
        for name, turns in rates.items()
    }
    better = max(medians["stock-confluent"].events, medians["stock-send"].events)
    print("\n| way | events/s | edges/s | CPU µs an event | of the better stock |")
    print("|---|---|---|---|---|")
    for contender in CONTENDERS:
        turn = medians[contender.name]
        times = f"{turn.events / better:.1f}×"
        print(f"| {contender.title} | {turn.events:,.0f} | {turn.edges:,.0f} | {turn.cpu:.1f} | {times} |")
    ratio = medians["ours"].events / better
    print(f"\nbar: at least 10× the better stock. Here: {ratio:.1f}× ({'reached' if ratio >= 10 else 'MISSED'}).")
    print(f"of the same code without Faust: {medians['ours'].events / medians['plain-loop'].events:.0%}")
