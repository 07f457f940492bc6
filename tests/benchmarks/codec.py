"""What the codec costs an event: proving run events, and reading what stitching wants, beside fastavro's reading."""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable

from headwater.schemas import plain
from headwater.schemas.codec import Bodies, compile_schema
from headwater.schemas.records import current
from tests.benchmarks.workload import events_of

HELP = "proving and reading run events, beside fastavro"
TURNS = 5
CAPTURES = (
    "event_id", "event_time", "part", "parts", "kind", "run.run_id", "run.state", "job.namespace", "job.name",
    "inputs[].namespace..version", "inputs[].namespace..kind", "outputs[].namespace..version",
    "outputs[].namespace..kind", "outputs[].edges_complete", "outputs[].column_lineage[].namespace..version",
    "outputs[].column_lineage[].column..captured",
)  # fmt: skip


def run(arguments: argparse.Namespace) -> None:
    """Print CPU of one core in µs an event, the median of five turns. Raises where a body is refused."""
    schema = current("run_event")
    chance = random.Random(20261201)
    some = [plain.encode(schema, event) for run in range(2000) for event in events_of(run, chance)[1:]]
    messages = some * (2 if arguments.quick else 20)
    size = sum(map(len, messages)) / len(messages)
    _say(
        f"{len(messages):,} run events of {size:.0f} bytes\n\n| way | CPU, µs an event | fastavro's is |\n|---|---|---|"
    )
    peer = _median(lambda: [plain.decode_proved(schema, body) for body in some], len(some))
    bodies = Bodies.join(messages)
    _row("joined to one buffer", _median(lambda: Bodies.join(messages), len(messages)), peer)
    for what, captures in (("proved", ()), (f"proved, {len(CAPTURES)} columns read (bar 3)", CAPTURES)):
        program = compile_schema(schema, captures)
        if program.decode(bodies).error.any():
            raise AssertionError("a body of the workload was refused")
        _row(what, _median(lambda program=program: program.decode(bodies), len(messages)), peer)  # type: ignore[misc]  # a default binds it
    _row("fastavro, whole events as objects", peer, peer)


def _median(work: Callable[[], object], events: int) -> float:
    times: list[float] = []
    for _ in range(TURNS):
        begin = time.thread_time()
        work()
        times.append(time.thread_time() - begin)
    return statistics.median(times) / events * 1e6


def _row(what: str, cost: float, peer: float) -> None:
    _say(f"| {what} | {cost:.2f} | {peer / cost:.1f}× |")


def _say(text: str) -> None:
    print(text, flush=True)
