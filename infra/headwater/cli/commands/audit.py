"""`headwater audit`."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from headwater.settings import Settings

if TYPE_CHECKING:
    from headwater.audit import Answer, Question

HELP = "ask the history one of the audit questions"
EXTRA = "audit"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "`headwater audit --list` shows every question with its parameters. What it is about is a node, as in "
        "`headwater audit who_read shop/orders@7 since=2026-11-21T08:00:00Z`, or a prediction's key, a person, a "
        "service. With the setting digest_key of the services that told, predictions and persons are found by their "
        "plain names."
    )
    parser.add_argument("question", nargs="?", metavar="QUESTION", help="its name")
    parser.add_argument(
        "words",
        nargs="*",
        metavar="ABOUT | NAME=VALUE",
        help="a node: part of a name, or namespace/name, @VERSION and [COLUMN] may follow; parameters: times are "
        "ISO 8601 with an offset",
    )
    parser.add_argument("--at", metavar="TIME", help="as it was true then (ISO 8601 with an offset)")
    parser.add_argument("--known-at", metavar="TIME", help="as it was known then")
    parser.add_argument("--list", action="store_true", dest="listed", help="list the questions")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--csv", action="store_true", help="print CSV")
    form.add_argument("--sql", action="store_true", help="print the statement and ask nothing")
    parser.add_argument("--store-url", metavar="URL", help="ClickHouse over HTTP")
    parser.add_argument("--prefix", help="put before every name")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from headwater.audit import QUESTIONS, ask, connect
    from headwater.audit.questions import named
    from headwater.audit.render import as_csv, table
    from headwater.audit.wording import parameters_of

    if arguments.listed or arguments.question is None:
        _list(list(QUESTIONS.values()), as_json=arguments.json)
        return 0 if arguments.listed else 2
    question = named(arguments.question)
    if arguments.sql:
        print(question.sql)
        return 0
    client = connect(settings)
    parameters = parameters_of(client, question, arguments.words)
    for name in ("at", "known_at"):
        if getattr(arguments, name):
            parameters[name] = getattr(arguments, name)
    answer = ask(client, question.name, digest_key=settings.digest_key, **parameters)
    if arguments.json:
        print(json.dumps(answer.as_dict(), indent=2))
    elif arguments.csv:
        print(as_csv(answer.columns, answer.rows), end="")
    else:
        print(table(answer.columns, answer.rows) if answer.rows else "no rows")
        for line in _below(answer):
            print(line)
    return 0


def _below(answer: Answer) -> Iterator[str]:
    """What people must not overlook: how complete it is, and that something was cut."""
    rows = answer.dicts()
    if not rows:
        return
    if "completeness" in rows[0]:
        lacking = Counter(what for row in rows for what in row["missing"])
        share = rows[0]["completeness"]
        yield f"completeness: {'not known' if share is None else f'{share:.1%}'}"
        for what, times in sorted(lacking.items(), key=lambda item: (-item[1], item[0])):
            yield f"missing: {what}: {times:,} of {len(rows):,}"
    if any(row.get("truncated") for row in rows):
        yield f"(truncated: the depth of {answer.parameters.get('depth', 'the walk')} was reached, more may lie beyond)"


def _list(questions: list[Question], *, as_json: bool) -> None:
    from headwater.audit.model import plain

    if as_json:
        print(json.dumps(plain(questions), indent=2))
        return
    for question in questions:
        print(f"{question.name}\n    {question.doc}")
        for parameter in question.parameters:
            default = "" if parameter.default is None else f" (else {parameter.default or 'empty'})"
            print(f"    {parameter.name} {parameter.type}{default}: {parameter.doc}")
