"""`headwater verify`."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.settings import Settings

if TYPE_CHECKING:
    from headwater.audit.store import Client
    from headwater.ledger.checkpoints import Kept
    from headwater.ledger.report import Report
    from headwater.recheck import Columns

HELP = "prove that the history was not altered, and export checkpoints"
EXTRA = "audit"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Holds every archived message against the ledger that the archive keeps. Exit code 0: nothing was altered; "
        "1: something was, and the output names it."
    )
    parser.add_argument("--last", action="store_true", help="only say when the last checkpoint was made")
    parser.add_argument("--against", metavar="FILE", type=Path, help="check against a checkpoint that was exported")
    parser.add_argument("--public", metavar="PEM", type=Path, help="with --against: the key that must have signed it")
    parser.add_argument("--export", metavar="FILE", type=Path, help="write a checkpoint, for somebody else to keep")
    parser.add_argument("--key", metavar="PEM", type=Path, help="with --export: sign it by this Ed25519 private key")
    parser.add_argument(
        "--columns",
        action="store_true",
        help="also archive every body again, beside, and compare all columns and derived tables (needs [embedded])",
    )
    parser.add_argument("--scratch", metavar="DIR", type=Path, help="with --columns: where there is room for that")
    parser.add_argument("--unchecked", action="store_true", help="skip the full check of all rows")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--store-url", metavar="URL", help="ClickHouse over HTTP")
    parser.add_argument("--prefix", help="put before every name")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from headwater.audit import connect
    from headwater.errors import SettingsError
    from headwater.ledger import checkpoints
    from headwater.ledger.report import Report

    if (arguments.public and not arguments.against) or (arguments.key and not arguments.export):
        raise SettingsError("--public goes with --against, --key with --export")
    if arguments.scratch and not arguments.columns:
        raise SettingsError("--scratch goes with --columns")
    if arguments.columns and settings.store_sharded:
        raise SettingsError(
            "--columns compares the tables of one server; over several shards (store_sharded) it cannot"
        )
    held = checkpoints.read(arguments.against, arguments.public) if arguments.against else None
    client = connect(settings)
    try:
        kept = checkpoints.last(client)
        if not arguments.json:
            print(_age(kept), flush=True)
        if arguments.last:
            if arguments.json:
                print(json.dumps(_kept(kept), indent=2))
            return 0
        report = Report() if arguments.unchecked else _check(client, quiet=arguments.json)
        for finding in checkpoints.compare(client, held) if held else ():
            report.add(finding)
        columns = _columns(client, settings, arguments) if arguments.columns else None
        exported = _export(client, settings, arguments, report) if arguments.export else None
    finally:
        client.close()
    if arguments.json:
        said = {**report.as_dict(), "last_checkpoint": _kept(kept), "exported": exported}
        print(json.dumps({**said, "columns": columns.as_dict() if columns else None}, indent=2))
    else:
        _print(report, arguments)
        if columns:
            _print_columns(columns)
    return int(not (report.whole and (columns is None or columns.whole)))


def _columns(client: Client, settings: Settings, arguments: argparse.Namespace) -> Columns:
    from headwater.audit import connect
    from headwater.embedded.scratch import scratch
    from headwater.recheck import recheck

    shown = sys.stderr.isatty() and not arguments.json
    with scratch(settings, arguments.scratch) as own:
        beside = connect(own)
        try:
            return recheck(
                client,
                beside,
                lambda what: print(f"\r\033[K{what}", end="", file=sys.stderr, flush=True) if shown else None,
            )
        finally:
            beside.close()
            if shown:
                print("\r\033[K", end="", file=sys.stderr)


def _print_columns(columns: Columns) -> None:
    rate = columns.messages / columns.seconds if columns.seconds else 0.0
    print(
        f"{columns.messages:,} bodies archived again, {columns.rows:,} rows of {columns.tables} tables compared "
        f"in {columns.seconds:.1f} s ({rate:,.0f} messages a second)."
    )
    for finding in columns.findings:
        print(finding)
    if columns.found > len(columns.findings):
        print(f"… and {columns.found - len(columns.findings):,} more")
    if columns.unreadable:
        print(f"{columns.unreadable:,} bodies are not what their schema says.")
    if columns.whole:
        print("Every column and every derived row says what the archived bytes say.")
    else:
        print(f"Columns are NOT as the bytes say: {columns.found:,} findings.")


def _check(client: Client, *, quiet: bool) -> Report:
    from headwater.ledger.verifying import verify

    shown = sys.stderr.isatty() and not quiet

    def progress(done: int, every: int) -> None:
        if shown:
            print(f"\r{done:,} of {every:,} messages", end="", file=sys.stderr, flush=True)

    report = verify(client, progress)
    if shown:
        print(file=sys.stderr)
    return report


def _export(client: Client, settings: Settings, arguments: argparse.Namespace, report: Report) -> str:
    from headwater.ledger import checkpoints
    from headwater.migrations import database_name

    checked = report.whole and not arguments.unchecked
    made = checkpoints.make(client, database_name(settings), checked=checked, key=arguments.key)
    arguments.export.write_text(made.text(), "utf-8")
    try:
        checkpoints.remember(client, made)
    except Exception as error:  # a reader may export too; only the history does not learn of it
        print(f"the history does not remember this checkpoint: {str(error).splitlines()[0][:200]}", file=sys.stderr)
    return made.digest


def _age(kept: Kept | None) -> str:
    if kept is None:
        return "No checkpoint was exported yet (--export FILE makes one)."
    hours = (datetime.now(UTC) - kept.made).total_seconds() / 3600
    age = f"{hours * 60:.0f} minutes" if hours < 2 else f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"
    signed = f"signed by {kept.signer[:16]}…" if kept.signer else "not signed"
    checked = "after a full check" if kept.checked else "without a full check"
    made = kept.made.strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"Last checkpoint: {made}, {age} ago, {kept.messages:,} messages, {checked}, {signed}, {kept.digest[:16]}…"


def _kept(kept: Kept | None) -> dict[str, Any] | None:
    if kept is None:
        return None
    made = kept.made.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {
        "made": made,
        "age_seconds": round((datetime.now(UTC) - kept.made).total_seconds(), 3),
        "digest": kept.digest,
        "messages": kept.messages,
        "checked": kept.checked,
        "signer": kept.signer,
    }


def _print(report: Report, arguments: argparse.Namespace) -> None:
    if not arguments.unchecked:
        rate = report.messages / report.seconds if report.seconds else 0.0
        print(
            f"{report.messages:,} messages in {report.entries:,} ledger entries held against {report.rows:,} rows "
            f"in {report.seconds:.1f} s ({rate:,.0f} a second)."
        )
        if report.merged:
            print(f"{report.merged:,} of them came more than once; each one's twin is there.")
        if report.newer:
            print(f"{report.newer:,} rows are newer than the ledger and not covered yet.")
    for finding in report.findings:
        print(finding)
    if report.found > len(report.findings):
        print(f"… and {report.found - len(report.findings):,} more")
    if not report.whole:
        print(f"NOT as archived: {report.found:,} findings.")
    elif arguments.unchecked and not arguments.against:
        print("Rows were not checked.")
    elif arguments.against:
        print("Nothing was altered, and every chain of the checkpoint is there.")
    else:
        print("Nothing was altered.")
    if arguments.export:
        print(f"Checkpoint written to {arguments.export}: give it to somebody else to keep.")
