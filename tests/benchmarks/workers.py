"""Two stitching workers beside one: what an event costs, how partitions are divided, what a second core brings.

Each worker may use one core only, the broker and the bench both. The workers have joined their group before the backlog
is on the topic; they stand still while it is written.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import time

from tests.backends.processes import wait_until
from tests.benchmarks import backlog, workload
from tests.consumers.stitching import reference

HELP = "two stitching workers, each pinned to a core, beside one"
RUNS, TURNS = 100_000, 5
#: CPU an event of two workers, of one worker's.
BAR = 1.25


def run(arguments: argparse.Namespace) -> None:
    """Print the table. Raises AssertionError where the edges are not the reference's or one has more partitions."""
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2:
        print("not run: no two cores to pin workers to")
        return
    runs, turns = (RUNS // 10, 1) if arguments.quick else (RUNS, TURNS)
    messages = workload.messages(runs)
    measured: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
    with backlog.broker() as bootstrap:
        expected = backlog.expected(messages)
        for turn in range(turns):
            for many, turned in measured.items():
                turned.append(_turn(bootstrap, many, messages, runs, None if turn else expected))
    print("\n| workers | events/s | CPU µs an event |")
    print("|---|---|---|")
    medians = {many: [statistics.median(column) for column in zip(*got, strict=True)] for many, got in measured.items()}
    for many, (events, cpu) in medians.items():
        print(f"| {many} | {events:,.0f} | {cpu:.1f} |")
    ratio = medians[2][1] / medians[1][1]
    print(f"\ntwo have {medians[2][0] / medians[1][0]:.2f}× the throughput of one; partitions: divided evenly")
    reached = "reached" if ratio <= BAR else "MISSED"
    print(f"bar: CPU an event at most {BAR}× one worker's. Here: {ratio:.2f}× ({reached}).")


def _turn(
    bootstrap: str, many: int, messages: backlog.Messages, runs: int, expected: set[reference.Fact] | None
) -> tuple[float, float]:
    prefix = backlog.topics(bootstrap)
    cores = sorted(os.sched_getaffinity(0))
    workers = [backlog.Worker("ours", bootstrap, prefix, core) for core in cores[:many]]
    try:
        wait_until(lambda: backlog.divided(bootstrap, prefix, many), 60, "the group to be divided")
        time.sleep(1)  # the last of them takes its assignment in
        for worker in workers:
            worker.process.send_signal(signal.SIGSTOP)
        try:
            backlog.fill(bootstrap, prefix, messages)
        finally:
            for worker in workers:
                worker.process.send_signal(signal.SIGCONT)
        cpu = backlog.wait(bootstrap, prefix + backlog.EDGES, runs, workers)
        assert backlog.divided(bootstrap, prefix, many), "the group was not the same all the time"
    finally:
        for worker in workers:
            worker.stop()
    times, sets = backlog.read(bootstrap, prefix + backlog.EDGES, runs)
    if expected is not None:
        backlog.check(f"{many} workers", sets, expected)
    events, spent = backlog.rate(times) * len(messages) / len(sets), cpu * len(sets) / len(messages) * 1e6
    print(f"  {many}: {events:,.0f} events/s, {spent:.1f} µs CPU an event", flush=True)
    return events, spent
