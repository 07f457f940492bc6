"""From a profile to the alert in a subscriber's hands: the real producer, the whole embedded stack, `subscribe`.

A table after another gets a column that moved by two standard deviations, one a second, while others are written as
they always were. The clock starts before the profile is computed and ends where the subscriber has the alert; between
the two lie the checks, the stitching of the run, and the 2 s for which an alarm waits for what belongs to it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from headwater.alerts import subscribe
from headwater.embedded.stack import Stack
from headwater.producer import Producer
from headwater.settings import Settings

HELP = "profile to alert in the embedded stack"
#: Seconds at most.
BAR = 3.0
COLUMNS, ROWS = 20, 1_000
#: Profiles of each table before its fault: a baseline and a history that is long enough to alarm.
BEFORE = 30
#: Tables written as always in each second beside the faulty one.
CALM = 4


def run(arguments: argparse.Namespace) -> None:
    """Print the figures."""
    tables = 10 if arguments.quick else 60
    began: dict[str, float] = {}
    came: dict[str, float] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder)) as stack,
        Producer(Settings(brokers=stack.bootstrap)) as producer,
    ):
        for number in range(BEFORE):
            for table in range(tables + CALM):
                _write(producer, table, number, 0.0)
        assert producer.flush(60)
        assert stack.wait_until_archived(300), stack.behind()
        faults = threading.Thread(target=_break, args=(producer, tables, began))
        faults.start()
        with subscribe(group="headwater-bench-alerting", settings=stack.settings, idle=60) as alerts:
            for alert in alerts:
                name = alert.root.dataset.name if alert.root is not None else alert.dataset.name
                came.setdefault(name, time.time())
                if len(began) == tables and began.keys() <= came.keys():
                    break
        faults.join()
    assert began.keys() <= came.keys(), f"no alert of {sorted(began.keys() - came.keys())}"
    waits = [came[name] - at for name, at in began.items()]
    cuts = statistics.quantiles(waits, n=20)
    print(f"{tables} faults in as many tables of {COLUMNS} columns and {ROWS} rows, each alerted;")
    print(f"of the {CALM} tables beside them {len(came.keys() - began.keys())} were too")
    print(f"p50 {cuts[9]:.2f} s, p95 {cuts[18]:.2f} s, shortest {min(waits):.2f} s, longest {max(waits):.2f} s")
    print(f"bar: p95 at most {BAR} s. Here: {cuts[18]:.2f} s ({'reached' if cuts[18] <= BAR else 'MISSED'}).")


def _break(producer: Producer, tables: int, began: dict[str, float]) -> None:
    for table in range(tables):
        due = time.monotonic() + 1
        began[f"t{table}"] = time.time()
        _write(producer, table, BEFORE, 2.0)
        for calm in range(tables, tables + CALM):
            _write(producer, calm, BEFORE + table, 0.0)
        time.sleep(max(0.0, due - time.monotonic()))


def _write(producer: Producer, table: int, number: int, shift: float) -> None:
    random = np.random.default_rng([table, number])
    data = {f"c{column}": random.normal(0, 1, ROWS) for column in range(COLUMNS)}
    data["c0"] += shift
    written = producer.dataset("lake", f"t{table}", version=str(number), columns=list(data))
    source = producer.dataset("lake", f"delivery{table}", version=str(number))
    with producer.run(producer.job("jobs", f"load{table}"), inputs=[source]) as one:
        one.output(one.profile(written, data))
