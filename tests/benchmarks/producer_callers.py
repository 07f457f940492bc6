"""How long callers of a producer wait, and the memory it takes: with a broker, without one, with one that hangs.

`python -m tests.benchmarks.producer_callers WHAT BROKERS FOLDER EVENTS SECONDS` is the process that is measured; it
says "ready" once it has reached the broker (where there is one), goes on with the next line that it reads, and
prints a line of JSON.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

from headwater.producer import Producer
from headwater.settings import Settings
from tests.backends.local_kafka import LocalKafka
from tests.backends.processes import free_port
from tests.benchmarks.producer_ways import PREFIX, handles

THREADS = 4
PACE = 1_000
#: The quantiles of the table; 1 is the longest.
QUANTILES = (0.5, 0.99, 0.999, 0.9999, 1.0)
_BARS = {0.5: 10.0, 0.99: 50.0}
_BAR_PACED_MS = 5.0
_STATES = ("alive", "dead", "hung")
_QUEUE_BYTES = 32 << 20


def tables(kafka: LocalKafka, folder: Path, *, quick: bool) -> None:
    """Print the callers' waits with the broker in each state, and the memory."""
    events, seconds = (40_000, 3) if quick else (1_000_000, 30)
    waits = {state: _measured("waits", state, kafka, folder, events, seconds) for state in _STATES}
    _print_waits(waits, events)
    _print_paced(waits, seconds)
    memory = _measured("memory", "dead", kafka, folder, events, 0)
    _print_memory(memory, events)


def _measured(what: str, state: str, kafka: LocalKafka, folder: Path, events: int, seconds: int) -> dict[str, Any]:
    brokers = f"127.0.0.1:{free_port()}" if state == "dead" else kafka.bootstrap
    spool = folder / f"spool-{what}-{state}"
    module = "tests.benchmarks.producer_callers"
    command = [sys.executable, "-m", module, what, brokers, str(spool), str(events), str(seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            assert child.stdout.readline().strip() == "ready"
            if state == "hung":
                kafka.pause()
            child.stdin.write("go\n")
            child.stdin.flush()
            found: dict[str, Any] = json.loads(child.stdout.readline())
        finally:
            if state == "hung":
                kafka.resume()
            child.kill()
    return found


def _print_waits(waits: dict[str, dict[str, Any]], events: int) -> None:
    print(f"\nA caller's wall time, {events:,} events in all from {THREADS} threads without a pause, µs:\n")
    print("| call | " + " | ".join(_name(quantile) for quantile in QUANTILES) + " | dropped | events/s |")
    print("|---|" + "---|" * (len(QUANTILES) + 2))
    for state, found in waits.items():
        for call in ("empty", "emit"):
            name = "an empty call" if call == "empty" else f"an event, broker {state}"
            cells = " | ".join(f"{us:,.1f}" for us in found[call])
            rest = f"{found['dropped']} | {found['rate']:,.0f} |" if call == "emit" else "| |"
            print(f"| {name} | {cells} | {rest}")
    for state, found in waits.items():
        for quantile, bar in _BARS.items():
            us = found["emit"][QUANTILES.index(quantile)]
            print(f"Bar, broker {state}: {_name(quantile)} ≤ {bar:.0f} µs: {_said(us <= bar)}, {us:.1f} µs.")


def _print_paced(waits: dict[str, dict[str, Any]], seconds: int) -> None:
    print(f"\nThe same with {PACE:,} events a second from each of {THREADS} threads, {seconds} s, ms:\n")
    print("| broker | empty call, p50 | max | event, p50 | p99 | max |")
    print("|---|---|---|---|---|---|")
    for state, found in waits.items():
        empty, emit = ([us / 1000 for us in found["paced"][call]] for call in ("empty", "emit"))
        print(f"| {state} | {empty[0]:.4f} | {empty[-1]:.2f} | {emit[0]:.4f} | {emit[1]:.3f} | {emit[-1]:.2f} |")
    for state, found in waits.items():
        above = (found["paced"]["emit"][-1] - found["paced"]["empty"][-1]) / 1000
        print(
            f"Bar, broker {state}: max ≤ {_BAR_PACED_MS:.0f} ms above an empty call's: "
            f"{_said(above <= _BAR_PACED_MS)}, {above:+.2f} ms."
        )


def _print_memory(found: dict[str, Any], events: int) -> None:
    bound = _QUEUE_BYTES / 1e6
    print(f"\nMemory with no broker, {events:,} events, MB:\n")
    print("| process before | at most | above | bound (`queue_bytes`) | on disk | dropped |")
    print("|---|---|---|---|---|---|")
    before, most, disk = (found[name] / 1e6 for name in ("before", "most", "disk"))
    print(f"| {before:.0f} | {most:.0f} | {most - before:.0f} | {bound:.0f} | {disk:.0f} | {found['dropped']} |")
    print(f"Bar: within the bound: {_said(most - before <= bound)}.")


def _name(quantile: float) -> str:
    return "max" if quantile == 1 else f"p{100 * quantile:g}"


def _said(reached: bool) -> str:
    return "reached" if reached else "MISSED"


# What is measured, in a process of its own.


def _producer(brokers: str, spool: str) -> Producer:
    settings = Settings(
        brokers=brokers, prefix=PREFIX, queue_bytes=_QUEUE_BYTES, spool_dir=spool, spool_bytes=4 << 30, exit_seconds=0.5
    )
    return Producer(settings)


def _ready(producer: Producer, emit: Callable[[], object]) -> None:
    for _ in range(200):
        emit()
    producer.flush(5)
    print("ready", flush=True)
    sys.stdin.readline()


def waits(brokers: str, spool: str, events: int, seconds: int) -> dict[str, Any]:
    """Waits of an empty call and of an event, at full speed and paced."""
    producer = _producer(brokers, spool)
    job, inputs, outputs = handles(producer)

    def emit() -> None:
        producer.run(job, inputs=inputs, outputs=outputs).whole()

    def empty() -> None:
        pass

    _ready(producer, emit)
    found: dict[str, Any] = {"empty": _quantiles(_together(lambda: _fast(empty, events // THREADS)))}
    start = time.perf_counter()
    found["emit"] = _quantiles(_together(lambda: _fast(emit, events // THREADS)))
    found["rate"] = events / (time.perf_counter() - start)
    producer.flush(0.1)
    both = _together(lambda: _paced((empty, emit), PACE * seconds))
    found["paced"] = {"empty": _quantiles(both[::2]), "emit": _quantiles(both[1::2])}
    found["dropped"] = sum(producer.stats().drops.values())
    return found


def _together(work: Callable[[], list[array[int]]]) -> list[array[int]]:
    """The work on each of the threads, begun at once."""
    found: list[array[int]] = []
    begin = threading.Barrier(THREADS)

    def one() -> None:
        begin.wait()
        # One call: the arrays of one thread stand side by side.
        found.extend(work())

    threads = [threading.Thread(target=one) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def _fast(call: Callable[[], None], count: int) -> list[array[int]]:
    times = array("q", bytes(8 * count))
    clock = time.perf_counter_ns
    for number in range(count):
        start = clock()
        call()
        times[number] = clock() - start
    return [times]


def _paced(calls: tuple[Callable[[], None], ...], count: int) -> list[array[int]]:
    times = [array("q", bytes(8 * count)) for _ in calls]
    clock = time.perf_counter_ns
    begun = clock()
    for number in range(count):
        wait = begun + number * (1_000_000_000 // PACE) - clock()
        if wait > 0:
            time.sleep(wait / 1e9)
        for call, of in zip(calls, times, strict=True):
            start = clock()
            call()
            of[number] = clock() - start
    return times


def _quantiles(times: list[array[int]]) -> list[float]:
    """In µs."""
    ranked = sorted(time for one in times for time in one)
    return [ranked[min(len(ranked) - 1, int(quantile * len(ranked)))] / 1000 for quantile in QUANTILES]


def memory(brokers: str, spool: str, events: int, seconds: int) -> dict[str, Any]:
    """Resident memory before and at most, bytes, and what stands on disk."""
    del seconds
    producer = _producer(brokers, spool)
    job, inputs, outputs = handles(producer)

    def emit() -> None:
        producer.run(job, inputs=inputs, outputs=outputs).whole()

    _ready(producer, emit)
    before = _most_resident()
    for _ in range(events):
        emit()
    producer.flush(0.1)
    disk = sum(path.stat().st_size for path in Path(spool).rglob("*") if path.is_file())
    dropped = sum(producer.stats().drops.values())
    return {"before": before, "most": _most_resident(), "disk": disk, "dropped": dropped}


def _most_resident() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    _what = {"waits": waits, "memory": memory}[sys.argv[1]]
    print(json.dumps(_what(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))), flush=True)
