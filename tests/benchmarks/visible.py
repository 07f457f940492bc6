"""From emit to a row that SQL shows at 1,000 events a second: the whole embedded stack, asked all the time by a reader.

An event's time is when the service emitted it; it is visible when a query gave its row. Between the two lie the
producer's queue, the broker, the archive's fetch and batch, the insert with all its views, and the pause between two
questions (PAUSE). One clock, as all runs on one machine.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from pathlib import Path

from headwater.audit import connect
from headwater.detection.policy import Policy
from headwater.embedded.stack import Stack
from headwater.settings import Settings
from tests.backends.processes import wait_until
from tests.benchmarks.latency import SECONDS, WARM_SECONDS, emit

HELP = "emit to visible in SQL at 1,000 events a second"
PAUSE = 0.05
#: Milliseconds at most.
BAR = 2000
_NEW = (
    "SELECT sequence, toUnixTimestamp64Micro(event_time) AS emitted FROM run_events "
    "WHERE sequence > {after:Int64} AND emitted > {since:Int64} ORDER BY sequence LIMIT 100000"
)


class Reader:
    """Asks for new rows until it is stopped; when each was seen first."""

    def __init__(self, settings: Settings) -> None:
        self._client = connect(settings)
        self._since = time.time_ns() // 1000
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        #: By sequence number: when it was emitted, and how long after it was seen, ms.
        self.seen: dict[int, tuple[int, float]] = {}
        self.asked = 0
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._client.close()

    def _ask(self) -> None:
        after = 0
        while not self._stop.wait(PAUSE):
            rows = self._client.query(_NEW, parameters={"after": after, "since": self._since}).result_rows
            now = time.time_ns() / 1000
            self.asked += 1
            for sequence, emitted in rows:
                if int(sequence) not in self.seen:
                    self.seen[int(sequence)] = (int(emitted), (now - int(emitted)) / 1000)
            while after + 1 in self.seen:
                after += 1


def run(arguments: argparse.Namespace) -> None:
    """Print the figures, of a stack that has just started and of one that has run for a while."""
    seconds = 10 if arguments.quick else SECONDS
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder)) as stack:
        emit(stack.bootstrap, "", 1, lambda: None)  # the archive has joined and inserted once when it is through
        assert stack.wait_until_archived(120), stack.behind()
        began = time.monotonic()
        print("just started, so that each verdict is told, also where all is well:")
        _measure(stack, seconds)
        # All verdicts are there too, and what is told of them; detection is silent from here on where all is well.
        assert stack.wait_until_archived(300), stack.behind()
        time.sleep(max(0.0, began + Policy().hold_us / 1e6 + 5 - time.monotonic()))
        print("later:")
        found = _measure(stack, seconds)
    print(f"bar: p95 at most {BAR} ms. Here: {found:.0f} ms ({'reached' if found <= BAR else 'MISSED'}).")


def _measure(stack: Stack, seconds: int) -> float:
    """Emit, and print how long it took each event; p95 in ms."""
    reader = Reader(Settings(store_url=stack.store_url))
    try:
        runs, late = emit(stack.bootstrap, "", seconds, lambda: None)
        wait_until(lambda: len(reader.seen) >= 2 * runs, 120, "the last events")
    finally:
        reader.stop()
    first = min(emitted for emitted, _ in reader.seen.values())
    waits = [wait for emitted, wait in reader.seen.values() if emitted - first >= WARM_SECONDS * 1_000_000]
    cuts = statistics.quantiles(waits, n=100)
    print(f"{len(waits):,} events in {seconds} s, emitted at most {late:.0f} ms late, asked {reader.asked} times")
    print(
        f"p50 {cuts[49]:.0f} ms, p95 {cuts[94]:.0f} ms, p99 {cuts[98]:.0f} ms, longest {max(waits):.0f} ms", flush=True
    )
    return cuts[94]
