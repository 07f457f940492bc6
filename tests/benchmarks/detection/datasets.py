"""What many datasets cost a detection worker: memory, and the time in which the next one has them again.

State is re-derived at a start by reading the profiles that the topics still hold, 90 days of them. So many datasets of
20 columns, profiled daily, go through what a worker does with a profile: decoded, judged, remembered. Both costs grow
with their number alone (each dataset is judged by itself), so that 10,000 are worked out from a part of them.
"""

from __future__ import annotations

import argparse
import gc
import os
import time
from pathlib import Path

from headwater.detection.checker import Checker
from headwater.detection.policy import Policy
from headwater.schemas import plain, records
from tests.benchmarks.detection.costs import COLUMNS, HOUR_US, profile_records
from tests.consumers.detection.making import an_id

HELP = "memory and restart of 10,000 datasets of 20 columns, from a part of them"
ALL = 10_000
#: What the topics hold, and where memory is told on the way.
DAYS, TOLD = 90, (1, 28, 60, 90)


def run(arguments: argparse.Namespace) -> None:
    """Print the figures."""
    datasets = 10 if arguments.quick else 200
    schema = records.current("profile")
    made = profile_records(40, 24)
    bodies = [plain.encode(schema, record) for record in made]
    checker = Checker(Policy())
    decoding = judging = 0.0
    gc.collect()
    before = _resident()
    print(f"{datasets} datasets of {COLUMNS} columns, a profile a day ({len(bodies[0]):,} bytes)\n")
    print("| profiles of each | KB a column | 10,000 datasets, GB | CPU so far, of 10,000 datasets, minutes |")
    print("|---|---|---|---|")
    for day in range(DAYS):
        for number in range(datasets):
            began = time.process_time()
            record = plain.decode(schema, bodies[(day * 7 + number) % len(bodies)])
            decoded = time.process_time()
            at = made[0]["event_time"] + day * 24 * HOUR_US
            checker.profile({**record, "event_id": an_id(number, day), "event_time": at, "name": f"t{number}"})
            decoding += decoded - began
            judging += time.process_time() - decoded
            del record
        if day + 1 in TOLD:
            gc.collect()
            held = _resident() - before
            whole, minutes = held / datasets * ALL, (decoding + judging) / datasets * ALL / 60
            print(
                f"| {day + 1} | {held / datasets / COLUMNS / 1024:.1f} | {whole / 1e9:.2f} | {minutes:.0f} |",
                flush=True,
            )
    hours = (decoding + judging) / datasets * ALL / 3600
    share = decoding / (decoding + judging)
    print(f"\na start that reads {DAYS} days of {ALL:,} datasets: {hours:.1f} hours of one core, {share:.0%} decoding")


def _resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
