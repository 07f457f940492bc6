"""`headwater import`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from headwater.settings import Settings

if TYPE_CHECKING:
    from headwater.importing import Counts

HELP = "take in OpenLineage events from files"
EXTRA = "gateway"

_TELL_SECONDS = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Takes in OpenLineage events from a file or all files of a folder: JSON, a JSON text each line, gzip; what "
        "OpenLineage's file transport writes, pages of Marquez's GET /api/v1/events/lineage. Interrupted, the same "
        "command goes on; repeated, it changes nothing. Exit code 1: some were refused, and stand in a file beside."
    )
    parser.add_argument("path", type=Path, metavar="FILE|DIR", help="where the events are")
    parser.add_argument("--dry-run", action="store_true", help="read and translate, send and write nothing")
    parser.add_argument("--refused", type=Path, metavar="FILE", help="write what is refused there")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--brokers", metavar="HOST:PORT", help="Kafka brokers")
    parser.add_argument("--prefix", help="put before every name")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from headwater.importing import import_events, sources

    quiet = arguments.json or not sys.stderr.isatty()
    counts = import_events(
        sources(arguments.path),
        settings,
        dry_run=arguments.dry_run,
        told=None if quiet else _Progress(),
        refusals=arguments.refused,
    )
    if arguments.json:
        told = {"files": counts.files, "events": counts.events, "skipped": counts.skipped, "refused": counts.refused}
        print(json.dumps({**told, "messages": dict(counts.sent), "reasons": dict(counts.reasons)}, indent=2))
    else:
        print("\n".join(_told(counts, dry_run=arguments.dry_run)))
    return int(counts.refused > 0)


class _Progress:
    """A line on the terminal, twice a second."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._at = 0.0

    def __call__(self, counts: Counts) -> None:
        now = time.monotonic()
        if now - self._at >= _TELL_SECONDS:
            self._at = now
            rate = counts.events / max(now - self._began, 0.001)
            said = f"\r{counts.events:,} events, {counts.refused:,} refused, {rate:,.0f} a second "
            print(said, end="", file=sys.stderr, flush=True)


def _told(counts: Counts, *, dry_run: bool) -> list[str]:
    skipped = f", {counts.skipped:,} lines were done before" if counts.skipped else ""
    lines = [f"{counts.events:,} events in {counts.files:,} files, {counts.refused:,} refused{skipped}"]
    verb = "would send" if dry_run else "sent"
    lines += [f"  {verb} {count:,} messages to {topic}" for topic, count in sorted(counts.sent.items())]
    lines += [f"  refused {count:,}: {reason}" for reason, count in sorted(counts.reasons.items())]
    return lines
