"""`headwater sql`."""

from __future__ import annotations

import argparse
import sys

from headwater.settings import Settings

HELP = "ask the history in SQL: a prompt, or one statement"
EXTRA = "audit"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "With a statement: its rows. Without: a prompt with history, or the statement from standard input. "
        "A statement may name its own form: … FORMAT Vertical. "
        "In the prompt a statement ends with ; and \\d lists the tables."
    )
    parser.add_argument("statement", nargs="?", metavar="SQL", help="the statement")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON, one object a row")
    form.add_argument("--csv", action="store_true", help="print CSV with a header")
    parser.add_argument("--store-url", metavar="URL", help="ClickHouse over HTTP")
    parser.add_argument("--prefix", help="put before every name")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from headwater.audit import connect
    from headwater.cli.prompt import answer, prompt

    form = "json" if arguments.json else "csv" if arguments.csv else "table"
    client = connect(settings)
    if arguments.statement is not None:
        print(answer(client, arguments.statement, form), end="")
    elif not sys.stdin.isatty():
        print(answer(client, sys.stdin.read(), form), end="")
    else:
        prompt(client, form, settings.database_name)
    return 0
