"""What a profile costs on one core, beside whylogs and Evidently: each in a process and an environment of its own."""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.peers import NoPeer, peer_python, run_peer

HELP = "what a profile of 8 columns of float64 and 4 of texts costs on one core"

LIBRARIES = ("arrow", "pandas", "polars", "duckdb", "pandas, Python objects", "lists")
#: Name -> script and what its environment needs. Both break with pandas 3.
PEERS = {
    "whylogs 1.6.4": ("profile_whylogs.py", ("whylogs==1.6.4", "pandas==2.3.3", "numpy==1.26.4")),
    "Evidently 0.7.23 (summary, two texts left out)": (
        "profile_evidently.py",
        ("evidently==0.7.23", "pandas==2.3.3", "numpy==2.4.6"),
    ),
}
_ONE_THREAD: Mapping[str, str] = dict.fromkeys(
    ("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_IO_THREADS"), "1"
)
#: Of the bar: seconds for 1M rows, share of the peers' time, bytes a column.
_SECONDS, _SHARE, _BYTES = 1.5, 1 / 5, 3 * 1024


def run(arguments: argparse.Namespace) -> None:
    """Print the table and whether the bar is reached."""
    rows, turns = (100_000, 1) if arguments.quick else (1_000_000, 5)
    print(f"{rows:,} rows, 12 columns, medians of {turns} turns after one that warms up; one core, one thread.\n")
    print("| profiler | table held by | wall, s | CPU, s | bytes a column |")
    print("|---|---|---|---|---|")
    ours = {library: _ours(library, rows, turns) for library in LIBRARIES}
    for library, found in ours.items():
        # The sketch of the rows belongs to the dataset, not to a column.
        _row("Headwater", library, found, found["bytes"] - found["rows_sketch"])
    digests = {found["digest"] for found in ours.values()}
    assert len(digests) == 1, "each library gives the same fingerprint"
    theirs: dict[str, float] = {}
    for name, (script, requirements) in PEERS.items():
        try:
            python = peer_python(name.split()[0].lower(), *requirements)
            found = run_peer(python, script, str(rows), str(turns), environment=_ONE_THREAD)
        except NoPeer as reason:
            print(f"| {name} | – | not here: {reason} | – | – |", flush=True)
            continue
        theirs[name] = _cpu(found)
        _row(name, "pandas, Python objects", found, found["bytes"])
    slowest = max(ours, key=lambda library: _cpu(ours[library]))
    size = max(found["bytes"] - found["rows_sketch"] for found in ours.values()) / 12
    seconds = _cpu(ours[slowest])
    print(f"\nSlowest library: {slowest}, {seconds:.2f} s of CPU; {size:,.0f} bytes a column.")
    if not arguments.quick:
        _judge(f"≤ {_SECONDS} s", seconds <= _SECONDS)
    _judge(f"≤ {_BYTES:,} bytes a column", size <= _BYTES)
    same = _cpu(ours["pandas, Python objects"])
    for name, their_seconds in theirs.items():
        _judge(
            f"≤ 1/5 of {name}: 1/{their_seconds / same:.1f}, both from pandas with Python objects",
            same <= their_seconds * _SHARE,
        )


def _ours(library: str, rows: int, turns: int) -> Any:
    return run_peer(
        Path(sys.executable), "profile_headwater.py", str(rows), str(turns), library, environment=_ONE_THREAD
    )


def _cpu(found: Any) -> float:
    return float(statistics.median(cpu for _, cpu in found["took"]))


def _row(name: str, library: str, found: Any, size: int) -> None:
    wall = statistics.median(wall for wall, _ in found["took"])
    print(f"| {name} | {library} | {wall:.2f} | {_cpu(found):.2f} | {size / 12:,.0f} |", flush=True)


def _judge(bar: str, reached: bool) -> None:
    print(f"- {bar}: {'reached' if reached else 'NOT REACHED'}")
