"""`headwater explain`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from headwater.settings import Settings

HELP = "why an alert was told: gates, distributions, baseline, root"
EXTRA = "audit"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Each gate with its number, both distributions as a chart, the baseline, the path to the root. ALERT is the id "
        "of an incident or of one of its alerts, or how it begins."
    )
    parser.add_argument("alert", metavar="ALERT", help="which one; `headwater alerts list` shows them")
    parser.add_argument("--svg", metavar="FILE", help="write both distributions as SVG there; - for the output")
    parser.add_argument("--store-url", metavar="URL", help="ClickHouse over HTTP")
    parser.add_argument("--prefix", help="put before every name")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from headwater.audit import connect
    from headwater.audit.explaining import explain

    found = explain(connect(settings), arguments.alert)
    if arguments.svg == "-":
        sys.stdout.write(found.svg() + "\n")
        return 0
    print("\n".join(found.lines()))
    if arguments.svg:
        Path(arguments.svg).write_text(found.svg() + "\n", "utf-8")
        print(f"picture   {arguments.svg}")
    return 0
