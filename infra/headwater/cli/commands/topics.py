"""`headwater topics`."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from headwater.settings import Settings

HELP = "create, check or list the topics"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("create", "check", "list"), help="create what is missing, compare, or show")
    parser.add_argument("--brokers", metavar="HOST:PORT", help="Kafka brokers")
    parser.add_argument("--prefix", help="put before every name")
    parser.add_argument("--replication", type=int, metavar="N", help="copies of each partition; else the broker's own")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    if arguments.action == "list":
        return _list(arguments, settings)
    from headwater.topics.layout import check, create, refuse

    if arguments.action == "create":
        created = create(settings, arguments.replication)
        print(json.dumps({"created": created}) if arguments.json else _said("created", created))
        return 0
    differences = check(settings)
    if arguments.json:
        print(json.dumps([asdict(one) | {"reason": one.reason} for one in differences], indent=2))
    else:
        for difference in differences:
            print(f"{'error' if difference.fatal else 'note'}: {difference}")
        if not differences:
            print("all topics are as declared")
    if not arguments.json:
        refuse([difference for difference in differences if difference.fatal])
    return int(any(difference.fatal for difference in differences))


def _said(word: str, names: list[str]) -> str:
    return f"{word}: {', '.join(names)}" if names else f"nothing {word}: all topics are there, as declared"


def _list(arguments: argparse.Namespace, settings: Settings) -> int:
    from headwater.schemas.topics import TOPICS

    rows = [
        {
            "topic": topic.full_name(settings),
            "record": topic.record,
            "key": topic.key,
            "partitions": topic.partitions or settings.partitions,
            "help": topic.doc,
        }
        for topic in TOPICS.values()
    ]
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return 0
    for row in rows:
        print(f"{row['topic']:24} {row['partitions']:3} partitions, by {row['key']}: {row['help']}")
    return 0
