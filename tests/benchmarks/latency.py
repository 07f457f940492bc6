"""From emit to the edge on the topic at 1,000 events a second: the real producer, a broker, a worker.

An edge set names the events that it follows from, with the times they were emitted at; the broker notes when it took
the edge set in (whole ms). Between the two lie the producer's queue, the broker, the worker's fetch, stitching and the
worker's own producer. One clock, as all runs on one machine.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import deque
from collections.abc import Callable

from headwater.producer import Producer
from headwater.schemas import plain, records
from headwater.settings import Settings
from tests.backends import clients
from tests.backends.processes import wait_until
from tests.benchmarks import backlog

HELP = "emit to edge at 1,000 events a second"
EVENTS_A_SECOND = 1000
SECONDS, WARM_SECONDS = 60, 5
#: Milliseconds at most.
BARS = (("p50", 50, 200), ("p99", 99, 1000))


def run(arguments: argparse.Namespace) -> None:
    """Print the figures."""
    seconds = 10 if arguments.quick else SECONDS
    with backlog.broker() as bootstrap:
        prefix = backlog.topics(bootstrap)
        clients.create_topics(bootstrap, {f"{prefix}lineage.producers": 1})
        worker = backlog.Worker("ours", bootstrap, prefix)
        try:
            wait_until(lambda: backlog.divided(bootstrap, prefix, 1), 60, "the worker to join")
            emitted, late = emit(bootstrap, prefix, seconds, worker.check)
            reader = clients.consumer(bootstrap, "headwater-bench-latency")
            wait_until(lambda: backlog.count(reader, prefix + backlog.EDGES) >= emitted, 30, "the last edge sets")
            reader.close()
        finally:
            worker.stop()
        times, sets = backlog.read(bootstrap, prefix + backlog.EDGES, emitted)
    schema = records.current("edge_set")
    latencies: list[float] = []
    for appended, value in zip(times, sets, strict=True):
        events = plain.decode(schema, value[10:])["events"]
        latencies.append(appended - max(event["event_time"] for event in events) / 1000)
    # By the order of appending; in the first seconds the processes warm up.
    latencies = [one for _, one in sorted(zip(times, latencies, strict=True))][emitted * WARM_SECONDS // seconds :]
    cuts = statistics.quantiles(latencies, n=1000)
    print(f"{len(latencies):,} edge sets, {2 * emitted:,} events in {seconds} s, emitted at most {late:.0f} ms late")
    for name, percent, bar in BARS:
        found = cuts[percent * 10 - 1]
        print(f"bar: {name} at most {bar} ms. Here: {found:.0f} ms ({'reached' if found <= bar else 'MISSED'}).")
    print(f"p99.9 {cuts[998]:.0f} ms, longest {max(latencies):.0f} ms")


def emit(bootstrap: str, prefix: str, seconds: int, check: Callable[[], object]) -> tuple[int, float]:
    """Emit runs evenly, each START a second before its COMPLETE; how many, and how late one was at most, ms. `check` is
    called now and then.
    """
    with Producer(Settings(brokers=bootstrap, prefix=prefix)) as producer:
        job = producer.job("airflow://production", "features.daily")
        inputs = [producer.dataset("postgres://warehouse:5432", f"raw.{n}", version="1") for n in range(3)]
        output = producer.dataset("postgres://warehouse:5432", "features.orders", columns=["a", "b", "c", "d"])
        runs = EVENTS_A_SECOND // 2 * seconds
        waiting: deque[Callable[[], None]] = deque()
        began = time.perf_counter()
        late = 0.0
        for number in range(runs + EVENTS_A_SECOND // 2):
            due = began + number * 2 / EVENTS_A_SECOND
            time.sleep(max(0.0, due - time.perf_counter()))
            late = max(late, time.perf_counter() - due)
            if len(waiting) >= EVENTS_A_SECOND // 2 or number >= runs:
                waiting.popleft()()
            if number < runs:
                one = producer.run(job, inputs=inputs).start()
                one.output(output)
                for column in ("a", "b", "c", "d"):
                    one.lineage(output, column, inputs[0], column)
                waiting.append(one.complete)
            if number % EVENTS_A_SECOND == 0:
                check()
        assert producer.flush(30)
        assert not producer.stats().drops, producer.stats()
    return runs, late * 1000
