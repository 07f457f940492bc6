"""`headwater migrate`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from headwater.settings import Settings

if TYPE_CHECKING:
    from headwater.migrations import Done, Standing

HELP = "bring the history's tables up to this version, or back"
EXTRA = "audit"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action", choices=("status", "up", "down"), help="show how it stands, do what is pending, or undo"
    )
    parser.add_argument("--to", type=int, metavar="N", help="down: undo all migrations above this number")
    parser.add_argument("--dry-run", action="store_true", help="print the statements and run none")
    parser.add_argument("--no-long", action="store_true", help="up: stop before the first that rewrites data for long")
    parser.add_argument("--store-url", metavar="URL", help="ClickHouse over HTTP")
    parser.add_argument("--prefix", help="put before every name")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from headwater.audit import connect
    from headwater.errors import SettingsError
    from headwater.migrations import down, migrate, status

    if (arguments.to is None) == (arguments.action == "down"):
        raise SettingsError("--to N goes with `migrate down` and must be given there: 0 undoes everything")
    client = connect(settings, database=False)
    try:
        if arguments.action == "status":
            return _status(status(client, settings), as_json=arguments.json)
        if arguments.action == "up":
            done = migrate(client, settings, long=not arguments.no_long, dry_run=arguments.dry_run)
        else:
            done = down(client, settings, arguments.to, dry_run=arguments.dry_run)
        _print(done, arguments)
    finally:
        client.close()
    return 0


def _status(standings: Sequence[Standing], *, as_json: bool) -> int:
    """Exit code 1 where anything is not applied as this version ships it."""
    from headwater.audit.model import plain

    if as_json:
        print(json.dumps(plain(standings), indent=2))
    else:
        for one in standings:
            when = one.finished.isoformat(timespec="seconds") if one.finished else ""
            print(f"{one.number:04d}  {one.state:8} {one.kind:10} {when:26} {one.title or one.name}")
    return int(any(one.state != "applied" for one in standings))


def _print(done: Sequence[Done], arguments: argparse.Namespace) -> None:
    from headwater.audit.model import plain

    if arguments.json:
        print(json.dumps({"dry_run": arguments.dry_run, arguments.action: plain(list(done))}, indent=2))
    elif arguments.dry_run:
        for one in done:
            print(
                f"-- {one.number:04d}_{one.name} ({one.kind})", *(f"{sent};" for sent in one.statements), "", sep="\n"
            )
    elif done:
        print(f"{arguments.action}: {len(done)} migrations, {done[0].number:04d} to {done[-1].number:04d}")
    else:
        print("nothing to do")
