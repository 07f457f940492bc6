"""What a column check costs, and what is remembered of a column.

By itself: `python -m tests.benchmarks.detection.costs [PROFILES]`.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from headwater.detection.checker import Checker
from headwater.detection.policy import Policy
from headwater.schemas import plain, records
from tests.benchmarks.detection.ours import START
from tests.consumers.detection.making import an_id, microseconds, profile_record

COLUMNS = 20
HOUR_US = 3_600_000_000
#: Rounds of which the middle one counts: what else the machine does comes and goes.
ROUNDS = 5
LEAST_CHECKS, MOST_DAILY_KB, MOST_HOURLY_KB = 2_000, 48, 128


@dataclass(frozen=True)
class Costs:
    """Column checks a second of one core, by CPU time: the middle and the best of the rounds; state of a column, KB;
    the machine's load meanwhile.
    """

    checks: float
    best: float
    daily_kb: float
    hourly_kb: float
    load: float

    @property
    def bars(self) -> list[tuple[str, bool]]:
        """Whether they are reached."""
        return [
            ("2,000 column checks a second of one core", self.checks >= LEAST_CHECKS),
            (
                f"at most {MOST_DAILY_KB} KB a column daily, {MOST_HOURLY_KB} KB hourly",
                self.daily_kb <= MOST_DAILY_KB and self.hourly_kb <= MOST_HOURLY_KB,
            ),
        ]


def measured(profiles: int) -> Costs:
    """In a process of its own, so that nothing that was judged before counts, on one core. `profiles`: of a round."""
    command = [sys.executable, "-m", "tests.benchmarks.detection.costs", "--json", str(profiles)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=3_600)
    return Costs(**json.loads(done.stdout))


def measure(profiles: int) -> Costs:
    """In this process."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    rounds = checks_a_second(profiles)
    daily, hourly = state_bytes(24) / 1024, state_bytes(1) / 1024
    return Costs(statistics.median(rounds), max(rounds), daily, hourly, os.getloadavg()[0])


def profile_records(count: int, hours: int, rows: int = 1_000) -> list[dict[str, Any]]:
    """Profiles of one table, so many hours apart: three quarters of its columns are numbers, the others ten texts."""
    made: list[dict[str, Any]] = []
    for number in range(count):
        random = np.random.default_rng(number)
        table = {f"c{n}": random.normal(0, 1, rows) for n in range(COLUMNS * 3 // 4)}
        table |= {f"t{n}": random.integers(0, 10, rows).astype(str) for n in range(COLUMNS // 4)}
        record = profile_record("t", START, table)
        at = record["event_time"] + number * hours * HOUR_US
        made.append({**record, "event_id": an_id(number), "event_time": at, "version": str(number), "partitions": []})
    return made


def checks_a_second(profiles: int) -> list[float]:
    """Column checks (a column of a profile, all its tests) a second, history full, decoding left out; by rounds."""
    known = profile_records(100, 24)
    checker = Checker(Policy())
    for record in known:
        checker.profile(record)
    found: list[float] = []
    for turn in range(ROUNDS):
        later = [
            {
                **known[n % 100],
                "event_id": an_id("again", n),
                "event_time": known[-1]["event_time"] + (n + 1) * 24 * HOUR_US,
            }
            for n in range(turn * profiles, (turn + 1) * profiles)
        ]
        began = time.process_time()
        for record in later:
            checker.profile(record)
        found.append(profiles * COLUMNS / (time.process_time() - began))
    return found


def state_bytes(hours: int) -> float:
    """Bytes that a checker holds for each column of a dataset of which a version is written and profiled every so many
    hours, history full.
    """
    bodies = messages(hours)
    gc.collect()
    tracemalloc.start()
    checker = Checker(Policy())
    before = tracemalloc.get_traced_memory()[0]
    fill(checker, bodies, hours)
    gc.collect()
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return held / COLUMNS


def messages(hours: int) -> list[bytes]:
    """Encoded profiles, so many hours apart."""
    schema = records.current("profile")
    return [plain.encode(schema, record) for record in profile_records(40, hours)]


def fill(checker: Checker, bodies: Sequence[bytes], hours: int) -> None:
    """Have it judge so many profiles that its history is full, each of a version of its own."""
    schema = records.current("profile")
    for number in range(260):
        # decoded anew, as a worker has it: what is kept of a message is not what another one is made of
        record = plain.decode(schema, bodies[number % len(bodies)])
        at = microseconds(START) + number * hours * HOUR_US
        checker.profile({**record, "event_id": an_id("s", number), "event_time": at, "version": str(number)})


def main() -> None:
    """Print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("profiles", nargs="?", type=int, default=60, help="profiles of a round")
    parser.add_argument("--json", action="store_true", help="for programs")
    arguments = parser.parse_args()
    found = measure(arguments.profiles)
    if arguments.json:
        print(json.dumps(asdict(found)))
        return
    print(f"{found.checks:,.0f} column checks a second of one core, {found.best:,.0f} in the best of {ROUNDS} rounds")
    print(f"state of a column: {found.daily_kb:.0f} KB daily, {found.hourly_kb:.0f} KB hourly; load {found.load:.1f}")
    for bar, reached in found.bars:
        print(f"{'reached' if reached else 'MISSED '}  {bar}")


if __name__ == "__main__":
    main()
