"""`headwater roles`."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from headwater.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headwater.roles import Applied

HELP = "make the history's roles on a ClickHouse server: writer, reader, auditor, admin"
EXTRA = "audit"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        choices=("list", "apply", "drop", "file"),
        help="show what each may do, bring a server's to that, remove them, or print a file for users.d",
    )
    parser.add_argument("--dry-run", action="store_true", help="apply, drop: print the statements and run none")
    parser.add_argument("--store-url", metavar="URL", help="ClickHouse over HTTP")
    parser.add_argument("--prefix", help="put before every name")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from headwater.audit import connect
    from headwater.errors import SettingsError
    from headwater.roles import apply, drop
    from headwater.roles.users_file import users_file

    if arguments.action == "list":
        return _list(settings, as_json=arguments.json)
    if arguments.action == "file":
        try:
            print(users_file(settings.database_name), end="")
        except ValueError as error:
            raise SettingsError(str(error)) from None
        return 0
    client = connect(settings, database=False)
    try:
        work = apply if arguments.action == "apply" else drop
        _print(work(client, settings, dry_run=arguments.dry_run), arguments)
    finally:
        client.close()
    return 0


def _list(settings: Settings, *, as_json: bool) -> int:
    from headwater.roles import ROLES, role_name

    if as_json:
        print(
            json.dumps([asdict(role) | {"role": role_name(settings.database_name, role)} for role in ROLES], indent=2)
        )
        return 0
    for role in ROLES:
        limits = ", ".join(f"{name} {most}" for name, most in (*role.limits.items(), *role.fixed.items()))
        print(f"{role_name(settings.database_name, role)}\n    {role.does}\n    {limits}")
    return 0


def _print(done: Sequence[Applied], arguments: argparse.Namespace) -> None:
    if arguments.json:
        print(json.dumps({"dry_run": arguments.dry_run, arguments.action: [asdict(one) for one in done]}, indent=2))
    elif arguments.dry_run:
        for one in done:
            print(f"-- {one.role}", *(f"{statement};" for statement in one.statements), "", sep="\n")
    else:
        print(f"{arguments.action}: {', '.join(one.role for one in done)}")
