"""`headwater export`."""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from headwater.settings import Settings

if TYPE_CHECKING:
    from headwater.export import Checked, Exported, Wanted

HELP = "write everything about a node, a run or a time range as files, or check such a folder"
EXTRA = "audit"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Writes Parquet, JSON lines and a manifest with counts, digests and gaps into FOLDER, for somebody who has no "
        "ClickHouse. Exit code 0: all of it; 1: something was cut, or a check found something (the output says what)."
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="new or empty; with --check: an export")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--node", "--model", metavar="NODE", help="a dataset or model, name[@version]: both ways of it")
    what.add_argument("--run", metavar="ID", help="a run")
    what.add_argument("--since", metavar="TIME", help="with --until: what happened between (ISO 8601 with an offset)")
    what.add_argument("--check", action="store_true", help="hold the files against the manifest; needs no history")
    parser.add_argument("--until", metavar="TIME", help="with --since: to before then")
    parser.add_argument("--digest", metavar="HEX", help="with --check: what the manifest's SHA-256 must be")
    parser.add_argument("--at", metavar="TIME", help="as it was true then")
    parser.add_argument("--known-at", metavar="TIME", help="as it was known then (else now)")
    parser.add_argument("--depth", type=int, default=50, metavar="N", help="edges from the node at most")
    parser.add_argument("--budget", type=int, default=20_000, metavar="N", help="edges read at most")
    parser.add_argument("--format", choices=("parquet", "ndjson", "both"), default="both", help="of the tables")
    parser.add_argument(
        "--openlineage",
        action="store_true",
        help="write the runs as OpenLineage events, a line each; FOLDER is the file",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--store-url", metavar="URL", help="ClickHouse over HTTP")
    parser.add_argument("--prefix", help="put before every name")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from headwater.audit import connect
    from headwater.errors import SettingsError
    from headwater.export import check, export

    if arguments.digest and not arguments.check:
        raise SettingsError("--digest goes with --check")
    if arguments.check:
        checked = check(arguments.folder, arguments.digest)
        _tell_check(checked, as_json=arguments.json)
        return int(not checked.whole)
    wanted = _wanted(arguments)
    if arguments.openlineage:
        return _openlineage(arguments, settings, wanted)
    shown = sys.stderr.isatty() and not arguments.json
    client = connect(settings)
    try:
        made = export(
            client,
            wanted,
            arguments.folder,
            formats=("parquet", "ndjson") if arguments.format == "both" else (arguments.format,),
            progress=lambda name: print(f"\r\033[K{name} …", end="", file=sys.stderr, flush=True) if shown else None,
        )
    finally:
        client.close()
        if shown:
            print("\r\033[K", end="", file=sys.stderr)
    _tell(made, as_json=arguments.json)
    return int(made.manifest.truncated)


def _openlineage(arguments: argparse.Namespace, settings: Settings, wanted: Wanted) -> int:
    from headwater.audit import connect
    from headwater.audit.render import printable
    from headwater.export import export_openlineage

    client = connect(settings)
    try:
        done = export_openlineage(client, wanted, arguments.folder)
    finally:
        client.close()
    if arguments.json:
        told = {"file": str(arguments.folder), "events": done.events, "unwritable": done.unwritable}
        print(json.dumps({**told, "unreadable": dict(done.unreadable), "cut": list(done.cut)}, indent=2))
    else:
        print(f"{done.events:,} OpenLineage events in {printable(str(arguments.folder))}")
        if done.unwritable:
            print(f"{done.unwritable:,} events have a time that no calendar has, and are left out")
        for why, count in done.unreadable.items():
            print(f"{count:,} messages cannot be read, and their events are left out: {printable(why)}")
        for reason in done.cut:
            print(f"(truncated: {printable(reason)})")
    return int(bool(done.cut or done.unwritable or done.unreadable))


def _wanted(arguments: argparse.Namespace) -> Wanted:
    from headwater.audit import Clocks
    from headwater.audit.questions import parse_time
    from headwater.errors import SettingsError
    from headwater.export import Wanted

    if arguments.depth < 1 or arguments.budget < 1:
        raise SettingsError("--depth and --budget are at least 1")
    names = ("at", "known_at", "since", "until")
    times = {name: getattr(arguments, name) for name in names if getattr(arguments, name)}
    moments = {name: parse_time(f"--{name.replace('_', '-')}", text) for name, text in times.items()}
    try:
        one = None if arguments.run is None else uuid.UUID(arguments.run)
    except ValueError:
        raise SettingsError(f"--run: {arguments.run!r} is no run id (a UUID)") from None
    return Wanted(
        node=arguments.node,
        run=one,
        since=moments.get("since"),
        until=moments.get("until"),
        clocks=Clocks(moments.get("at"), moments.get("known_at")),
        depth=arguments.depth,
        budget=arguments.budget,
    )


def _tell(made: Exported, *, as_json: bool) -> None:
    from headwater.audit.render import printable

    manifest = made.manifest
    if as_json:
        print(json.dumps({"folder": str(made.folder), "digest": made.digest, **json.loads(manifest.text())}, indent=2))
        return
    for table in manifest.tables:
        if table.rows:
            print(f"{table.rows:>10,}  {table.name}")
    size = sum(file.bytes for file in manifest.files)
    print(f"{printable(manifest.scope['about'])}: {len(manifest.files)} files, {size:,} bytes in {made.folder}")
    print(f"As known at {manifest.known_at}" + (f", as true at {manifest.at}" if manifest.at else "") + ".")
    missing = manifest.gaps["missing_messages"]
    print(f"{missing:,} messages are known to be missing." if missing else "No message is known to be missing.")
    for reason in manifest.reasons:
        print(f"(truncated: {printable(reason)})")
    print(f"Manifest's SHA-256, to be kept elsewhere: {made.digest}")


def _tell_check(checked: Checked, *, as_json: bool) -> None:
    manifest = checked.manifest
    if as_json:
        said = {"whole": checked.whole, "digest": checked.digest, "findings": checked.findings}
        print(json.dumps({**said, "made": manifest.made, "truncated": manifest.truncated}, indent=2))
        return
    for finding in checked.findings:
        print(finding)
    print(f"Manifest's SHA-256: {checked.digest}")
    rows = sum(table.rows for table in manifest.tables)
    if checked.whole:
        print(f"Nothing was altered: {len(manifest.files)} files, {rows:,} rows, exported {manifest.made}.")
    else:
        print(f"NOT as exported: {len(checked.findings):,} findings.")
    for reason in manifest.reasons:
        print(f"(truncated when it was exported: {reason})")
