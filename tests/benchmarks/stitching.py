"""Run events on a Kafka topic to edge sets on a Kafka topic: one worker process, real Apache Kafka.

The backlog stands on the topic before the worker starts. The rate is taken on the broker: from the append times of
the edge sets, from the one at 5 % to the one at 95 %, so that starting up counts for nobody.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass

import confluent_kafka

from tests.backends import clients
from tests.benchmarks import backlog, workload
from tests.consumers.stitching import reference

HELP = "run events to edge sets, one worker, beside stock Faust and our code without Faust"


@dataclass(frozen=True)
class Contender:
    """`runs`: each gives two events and 5 % of them doubled."""

    name: str
    title: str
    runs: int
    turns: int


CONTENDERS = (
    Contender("ours", "Headwater's worker (Faust in chunks)", 200_000, 5),
    Contender("plain-loop", "the same code without Faust", 200_000, 5),
    Contender("stock-confluent", "stock Faust, fastavro, confluent producer", 10_000, 3),
    Contender("stock-send", "stock Faust, fastavro, topic.send", 5_000, 3),
)
#: How often ours must have the rate of each other.
BARS = (("stock-confluent", 25.0, "×"), ("stock-send", 80.0, "×"), ("plain-loop", 85.0, "%"))


@dataclass(frozen=True)
class Turn:
    """What one turn measured: events and edges a second, the worker's CPU µs an event once it runs."""

    events: float
    edges: float
    cpu: float


def run(arguments: argparse.Namespace) -> None:
    """Print the table. Raises AssertionError where a contender's edges are not the reference's."""
    rates: dict[str, list[Turn]] = {contender.name: [] for contender in CONTENDERS}
    consumed: list[float] = []
    with backlog.broker() as bootstrap:
        prepared: dict[int, tuple[backlog.Messages, set[reference.Fact]]] = {}
        for runs in {contender.runs // (10 if arguments.quick else 1) for contender in CONTENDERS}:
            messages = workload.messages(runs)
            prepared[runs] = messages, backlog.expected(messages)
        # Turn by turn, so that a slow minute of the machine is one for everybody.
        for turn in range(1 if arguments.quick else max(contender.turns for contender in CONTENDERS)):
            for contender in CONTENDERS:
                if turn < contender.turns:
                    runs = contender.runs // (10 if arguments.quick else 1)
                    given, expected = prepared[runs]
                    measured = _turn(bootstrap, contender, given, runs, None if turn else expected, consumed)
                    rates[contender.name].append(measured)
    _print(rates, consumed)


def _turn(
    bootstrap: str,
    contender: Contender,
    messages: backlog.Messages,
    runs: int,
    expected: set[reference.Fact] | None,
    consumed: list[float],
) -> Turn:
    prefix = backlog.topics(bootstrap)
    backlog.fill(bootstrap, prefix, messages)
    if contender.name == "ours":
        consumed.append(_consume(bootstrap, prefix + backlog.RUNS, len(messages)))
    worker = backlog.Worker(contender.name, bootstrap, prefix)
    try:
        cpu = backlog.wait(bootstrap, prefix + backlog.EDGES, runs, [worker])
    finally:
        worker.stop()
    times, sets = backlog.read(bootstrap, prefix + backlog.EDGES, runs)
    if expected is not None:
        backlog.check(contender.name, sets, expected)
    events, share = len(messages), backlog.rate(times) / len(sets)
    turn = Turn(events * share, workload.INPUTS * runs * share, cpu * len(sets) / events * 1e6)
    print(f"  {contender.name}: {turn.events:,.0f} events/s, {turn.cpu:.1f} µs CPU an event", flush=True)
    return turn


def _consume(bootstrap: str, topic: str, count: int) -> float:
    """Events a second that a bare confluent consumer takes off the topic, doing nothing with them."""
    reader = clients.consumer(bootstrap, "headwater-bench-raw")
    try:
        reader.assign([confluent_kafka.TopicPartition(topic, p, 0) for p in range(backlog.PARTITIONS)])
        there = len(reader.consume(4000, 10.0))
        first, began = there, time.perf_counter()
        while there < count:
            there += len(reader.consume(4000, 1.0))
        return (there - first) / (time.perf_counter() - began)
    finally:
        reader.close()


def _print(rates: dict[str, list[Turn]], consumed: list[float]) -> None:
    medians = {
        name: Turn(*(statistics.median(getattr(t, field) for t in turns) for field in ("events", "edges", "cpu")))
        for name, turns in rates.items()
    }
    ours = medians["ours"].events
    print("\n| way | events/s | edges/s | CPU µs an event | ours is |")
    print("|---|---|---|---|---|")
    for contender in CONTENDERS:
        turn = medians[contender.name]
        all_of_them = [one.events for one in rates[contender.name]]
        span = f"{turn.events:,.0f} ({min(all_of_them):,.0f}–{max(all_of_them):,.0f})"
        print(f"| {contender.title} | {span} | {turn.edges:,.0f} | {turn.cpu:.1f} | {ours / turn.events:.2f}× |")
    print(f"| a bare confluent consumer that does nothing | {statistics.median(consumed):,.0f} | – | – | – |\n")
    for name, bar, unit in BARS:
        ratio = ours / medians[name].events * (100 if unit == "%" else 1)
        reached = "reached" if ratio >= bar else "MISSED"
        print(f"bar: at least {bar:g} {unit} of {name}. Here: {ratio:.1f} {unit} ({reached}).")
