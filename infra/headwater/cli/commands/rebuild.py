"""`headwater rebuild`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from headwater.settings import Settings

if TYPE_CHECKING:
    from headwater.rebuild import Difference, Outcome

HELP = "derive all edges again from the archived events, by the rules as they are now"
EXTRA = "consumers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Derives all edges again from the archived events into new tables and exchanges them, so that a corrected rule "
        "applies to the past. Start the stitching workers with that rule first. Readers see the old edges until the "
        "exchange; stitching and archive go on meanwhile. Killed, it leaves the old tables serving, and the next one "
        "cleans up."
    )
    parser.add_argument("--dry-run", action="store_true", help="derive and compare, and change nothing")
    parser.add_argument("--offline", action="store_true", help="no worker runs: take what is archived as all there is")
    parser.add_argument("--abandon", action="store_true", help="only drop what a rebuild left that ended early")
    parser.add_argument(
        "--wait", type=float, default=600.0, metavar="SECONDS", help="how long workers may take to catch up (600)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON; progress goes to standard error")
    parser.add_argument("--brokers", metavar="HOST:PORT", help="Kafka brokers")
    parser.add_argument("--store-url", metavar="URL", help="ClickHouse over HTTP")
    parser.add_argument("--prefix", help="put before every name")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from headwater.embedded.broker import generation_of
    from headwater.embedded.lag import places
    from headwater.rebuild import abandon, rebuild
    from headwater.topics.facts import cluster_id

    if arguments.abandon:
        abandon(settings, _tell)
        return 0
    outcome = rebuild(
        settings,
        _tell,
        places=None if arguments.offline else places,
        generation=None if arguments.offline else generation_of(cluster_id(settings)),
        dry_run=arguments.dry_run,
        patience=arguments.wait,
    )
    print(json.dumps(asdict(outcome), indent=2) if arguments.json else "\n".join(_told(outcome)))
    return 0


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _told(outcome: Outcome) -> list[str]:
    lines = [f"{outcome.events} events, {outcome.edge_sets} edge sets, {outcome.seconds:.1f} s"]
    if outcome.unjudged:
        lines.append(
            f"{outcome.unjudged} events that edges name were not read again (they came later, or the archive lacks "
            "them): their edges stay as they were"
        )
    for one in outcome.differences:
        lines += _difference(one)
    lines.append("the new edges serve" if outcome.exchanged else "nothing was changed")
    return lines


def _difference(one: Difference) -> list[str]:
    if one.none:
        return [f"{one.table}: {one.after} stand, none differs"]
    stand = f"{one.table}: {one.before} stood, {one.after} stand; {one.appear} appear, {one.disappear} disappear"
    lines = [f"{stand}, {one.renamed} are made known by other events"]
    for sign, examples, count in (("+", one.appearing, one.appear), ("-", one.disappearing, one.disappear)):
        lines += [f"  {sign} {example}" for example in examples]
        if count > len(examples):
            lines.append(f"  {sign} … {count - len(examples)} more")
    return lines
