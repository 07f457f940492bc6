"""What a column check costs, and what is remembered of a column."""

from __future__ import annotations

import gc
import time
import tracemalloc
from typing import Any

import numpy as np

from headwater.detection.checker import Checker
from headwater.detection.policy import Policy
from headwater.schemas import plain, records
from tests.benchmarks.detection.ours import START
from tests.consumers.detection.making import an_id, profile_record

COLUMNS = 20
HOUR_US = 3_600_000_000


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


def checks_a_second(profiles: int) -> float:
    """Column checks (a column of a profile, all its tests) a second of one core, history full, decoding left out."""
    known = profile_records(100, 24)
    checker = Checker(Policy())
    for record in known:
        checker.profile(record)
    later = [
        {
            **known[n % 100],
            "event_id": an_id("again", n),
            "event_time": known[-1]["event_time"] + (n + 1) * 24 * HOUR_US,
        }
        for n in range(profiles)
    ]
    began = time.process_time()
    for record in later:
        checker.profile(record)
    return profiles * COLUMNS / (time.process_time() - began)


def state_bytes(hours: int) -> float:
    """Bytes that a checker holds for each column of a dataset that is profiled every so many hours, history full."""
    schema = records.current("profile")
    made = profile_records(40, hours)
    bodies = [plain.encode(schema, record) for record in made]
    at = made[0]["event_time"]
    gc.collect()
    tracemalloc.start()
    checker = Checker(Policy())
    before = tracemalloc.get_traced_memory()[0]
    for number in range(260):
        # decoded anew, as a worker has it: what is kept of a message is not what another one is made of
        record = plain.decode(schema, bodies[number % 40])
        checker.profile({**record, "event_id": an_id("s", number), "event_time": at + number * hours * HOUR_US})
        del record
    gc.collect()
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return held / COLUMNS
