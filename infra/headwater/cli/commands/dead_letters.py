"""`headwater dead-letters`."""

from __future__ import annotations

import argparse
import getpass
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from headwater.cli.letters import described, facts, line, plain, printable, time
from headwater.errors import NotFound, SettingsError
from headwater.schemas import times
from headwater.settings import Settings

if TYPE_CHECKING:
    from headwater.deadletters import Letter, Plan, Replays, Unit, Wanted

HELP = "list what could not be read, show one, or send it again"
EXTRA = "consumers"

_AGO = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "list and show read the topic (30 days), or with --history the store. An ID may be cut short; WHEN is 2h, 30m, "
        "7d, or 2026-03-01T08:00 in UTC."
    )
    below = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = below.add_parser(
        "list",
        help="count them by topic, reason and worker, or show a line for each",
        description="How many there are by topic, reason and worker, and which were sent again or came back.",
    )
    listing.add_argument("--each", action="store_true", help="a line for each, the newest first")
    showing = below.add_parser(
        "show",
        help="show all of one: place, reason, key, schema, bytes, and as much as can be read of them",
        description="All of one: place, reason, key, schema, bytes, and as much as can be read of them.",
    )
    showing.add_argument("ids", nargs="+", metavar="ID", help="which; `list --each` shows them")
    again = below.add_parser(
        "replay",
        help="send the original messages to their topics again",
        description=(
            "Sends the original messages to their topics again. What can be read by now is then read; what cannot "
            "comes back as a dead letter, and is not sent again unless --again says so. Safe to repeat."
        ),
    )
    again.add_argument("ids", nargs="*", metavar="ID", help="only these")
    again.add_argument("--dry-run", action="store_true", help="only say what would be sent")
    again.add_argument("--again", action="store_true", help="also what was sent again before")
    again.add_argument("--actor", help="who decided it; else the setting, else your user name")
    again.add_argument("--because", default="", metavar="TEXT", help="why, kept with the decision")
    for one in (listing, showing, again):
        _add_shared(one)


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", action="append", default=[], help="only with this reason; may be repeated")
    parser.add_argument("--topic", action="append", default=[], help="only about messages of this topic")
    parser.add_argument("--worker", action="append", default=[], help="only of this worker")
    parser.add_argument("--since", metavar="WHEN", help="only since then")
    parser.add_argument("--until", metavar="WHEN", help="only before then")
    parser.add_argument("--limit", type=int, metavar="N", help="at most so many (of list --each: 20)")
    parser.add_argument("--history", action="store_true", help="ask the history, which keeps them longer")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--brokers", metavar="HOST:PORT", help="Kafka brokers")
    parser.add_argument("--store-url", metavar="URL", help="ClickHouse over HTTP")
    parser.add_argument("--prefix", help="put before every name")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from headwater.deadletters import replays

    wanted = _wanted(arguments)
    letters = _letters(arguments, settings, wanted)
    done = replays(settings)
    if arguments.action == "list":
        return _list(arguments, letters, done)
    if arguments.action == "show":
        return _show(arguments, settings, list(letters), done)
    return _replay(arguments, settings, letters, done)


def _wanted(arguments: argparse.Namespace) -> Wanted:
    from headwater.deadletters import Wanted
    from headwater.schemas.reasons import REASONS

    for reason in arguments.reason:
        if reason not in REASONS:
            raise SettingsError(f"--reason {reason}: the reasons are {', '.join(REASONS)}")
    ids: list[str] = getattr(arguments, "ids", [])
    for one in ids:
        if not re.fullmatch(r"[0-9a-fA-F-]{1,36}", one):
            raise SettingsError(f"{one!r} is no id: hexadecimal digits, as `headwater dead-letters list --each` shows")
    return Wanted(
        frozenset(arguments.reason),
        frozenset(arguments.topic),
        frozenset(arguments.worker),
        tuple(ids),
        _when(arguments.since),
        _when(arguments.until),
    )


def _when(text: str | None) -> int | None:
    """µs since 1970 of `2h` (ago) or a time."""
    if text is None:
        return None
    ago = _AGO.fullmatch(text)
    if ago is not None:
        moment = datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: float(ago[1])})
    else:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise SettingsError(f"{text!r} is no time: 2h, 30m, 7d, or 2026-03-01T08:00 in UTC") from None
    return times.micros(moment)


def _letters(arguments: argparse.Namespace, settings: Settings, wanted: Wanted) -> Iterator[Letter]:
    from headwater.deadletters import from_history, from_topic

    if arguments.history:
        from headwater.audit import connect

        return from_history(connect(settings), wanted, settings.prefix)
    return from_topic(settings, wanted)


def _list(arguments: argparse.Namespace, letters: Iterator[Letter], done: Replays) -> int:
    from headwater.deadletters.counting import counted

    if arguments.each:
        newest = sorted(letters, key=lambda letter: letter.written, reverse=True)[: arguments.limit or 20]
        if arguments.json:
            print(json.dumps([facts(letter, done) for letter in newest], indent=2))
        else:
            for letter in newest:
                print(line(letter, done))
        return 0
    groups = counted(letters, done)
    total = sum(group.letters for group in groups)
    if arguments.json:
        told = [{**asdict(group), "first": time(group.first), "last": time(group.last)} for group in groups]
        print(json.dumps({"letters": total, "groups": told}, indent=2))
        return 0
    for group in groups:
        again = f", {group.replayed} sent again since" if group.replayed else ""
        back = f", {group.returned} came back after being sent again" if group.returned else ""
        print(
            f"{group.letters:8}  {group.reason:16} {group.topic:24} {group.worker:12} "
            f"{time(group.first)} to {time(group.last)}{again}{back}"
        )
    print(f"{total:8}  in all" if groups else "no dead letters")
    return 0


def _show(arguments: argparse.Namespace, settings: Settings, letters: list[Letter], done: Replays) -> int:
    from headwater.deadletters import describe
    from headwater.schemas.registry import Registry
    from headwater.streams.schemas import SchemaBook

    if not letters:
        raise NotFound(f"no dead letter {' or '.join(arguments.ids)}; `headwater dead-letters list --each` shows ids")
    book = SchemaBook(settings, Registry.of(settings))
    book.start()
    told: list[dict[str, Any]] = []
    try:
        for letter in letters:
            found = describe(letter, book)
            read = {"schema": found.schema, "fields": found.fields, "stops": found.stops}
            told.append({**facts(letter, done), **read, "body": letter.body.hex()})
            if not arguments.json:
                print("\n".join(map(printable, described(letter, told[-1], done))), end="\n\n")
    finally:
        book.close()
    if arguments.json:
        print(json.dumps(told, indent=2, default=plain))
    return 0


def _replay(arguments: argparse.Namespace, settings: Settings, letters: Iterator[Letter], done: Replays) -> int:
    from headwater.deadletters import plan, send
    from headwater.embedded.broker import generation_of
    from headwater.topics.facts import cluster_id

    generation = generation_of(cluster_id(settings))
    todo = plan(letters, done, settings, generation=generation, again=arguments.again, limit=arguments.limit)
    if not arguments.dry_run:
        actor = arguments.actor or settings.actor or _user()
        quiet = arguments.json or not sys.stderr.isatty()
        todo = send(todo, settings, actor=actor, reason=arguments.because, told=None if quiet else _progress)
    if arguments.json:
        print(json.dumps(_outcome(todo), indent=2))
        return 0
    for unit in todo.send:
        print(f"would send    {_place(unit)}  {unit.letter.reason}")
    if todo.sent:
        print(f"sent {len(todo.sent)} messages again")
    reasons: dict[str, list[Unit]] = {}
    for unit in todo.skipped:
        reasons.setdefault(unit.refused, []).append(unit)
    for why, units in reasons.items():
        print(f"not sent: {len(units)} ({_place(units[0])}{', …' if len(units) > 1 else ''}): {printable(why)}")
    if not (todo.send or todo.sent or todo.skipped):
        print("no dead letters")
    return 0


def _progress(count: int) -> None:
    print(f"\r{count} sent", end="", file=sys.stderr, flush=True)


def _outcome(todo: Plan) -> dict[str, Any]:
    return {
        name: [
            {"topic": one.letter.topic, "partition": one.letter.partition, "offset": one.letter.offset}
            | {"digest": one.letter.digest.hex(), "letters": one.letters, "hops": one.hops}
            | ({"why": one.refused} if one.refused else {})
            for one in units
        ]
        for name, units in (("would_send", todo.send), ("sent", todo.sent), ("skipped", todo.skipped))
    }


def _place(unit: Unit) -> str:
    return f"{unit.letter.topic}/{unit.letter.partition}/{unit.letter.offset}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"
