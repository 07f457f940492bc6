"""`make bench`: run the benchmarks, all or those named."""

from __future__ import annotations

import argparse
import importlib
import sys

from tests.benchmarks.machine import describe

#: Name -> module with `HELP` and `run(arguments)`.
BENCHMARKS = {
    "codec": "tests.benchmarks.codec",
    "stitching": "tests.benchmarks.stitching",
    "workers": "tests.benchmarks.workers",
    "latency": "tests.benchmarks.latency",
    "visible": "tests.benchmarks.visible",
    "producer": "tests.benchmarks.producer",
    "spool": "tests.benchmarks.spool",
    "profiles": "tests.benchmarks.profiles",
    "state": "tests.benchmarks.state",
    "verify": "tests.benchmarks.verify",
    "history": "tests.benchmarks.history.run",
    "archive": "tests.benchmarks.archive",
    "detection": "tests.benchmarks.detection.run",
    "alerting": "tests.benchmarks.detection.alerting",
    "datasets": "tests.benchmarks.detection.datasets",
    "gateway": "tests.benchmarks.gateway",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"which: {', '.join(BENCHMARKS)}; all where none is named")
    parser.add_argument("--quick", action="store_true", help="fewer events and one turn: does it work at all?")
    parser.add_argument("--events", type=int, default=1_000_000, help="history: how many events (default 1000000)")
    parser.add_argument("--folder", default="", help="history: where the made history is kept for the next time")
    parser.add_argument("--only", choices=("", "questions", "walks"), default="", help="history: only this half")
    parser.add_argument("--share", type=float, default=1.0, help="detection: the share of the batches (default 1)")
    arguments = parser.parse_args()
    if not 0 < arguments.share <= 1:
        parser.error("--share must lie above 0 and be at most 1")
    unknown = [name for name in arguments.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}")
    print(describe())
    for name in arguments.names or BENCHMARKS:
        module = importlib.import_module(BENCHMARKS[name])
        print(f"\n## {name}: {module.HELP}\n", flush=True)
        module.run(arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
