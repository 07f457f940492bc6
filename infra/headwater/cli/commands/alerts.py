"""`headwater alerts`."""

from __future__ import annotations

import argparse
import json
import os
import uuid
from typing import TYPE_CHECKING

from headwater.settings import Settings

if TYPE_CHECKING:
    from headwater.alerts import Alert

HELP = "list incidents, show one, or follow alerts as they come"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "`alerts list` and `alerts show INCIDENT` ask the history; `alerts --follow` reads the topic. "
        "An INCIDENT is its id, or how its id begins."
    )
    parser.add_argument("action", nargs="?", choices=("list", "show"), help="what to do with the history")
    parser.add_argument("incident", nargs="?", metavar="INCIDENT", help="which one to show")
    parser.add_argument("--follow", action="store_true", help="print alerts as they come, until Ctrl-C")
    parser.add_argument(
        "--group", help="go on where this group stopped; else all alerts that the topic holds come first"
    )
    parser.add_argument("--new", action="store_true", help="with --follow: only alerts from now on")
    parser.add_argument(
        "--idle", type=float, metavar="SECONDS", help="with --follow: end after so long without an alert"
    )
    parser.add_argument("--severity", type=float, default=0.0, metavar="0..1", help="at least so severe")
    parser.add_argument("--open", action="store_true", dest="unresolved", help="with list: only unresolved incidents")
    parser.add_argument("--json", action="store_true", help="print JSON; with --follow a line for each alert")
    parser.add_argument("--brokers", metavar="HOST:PORT", help="Kafka brokers")
    parser.add_argument("--store-url", metavar="URL", help="ClickHouse over HTTP")
    parser.add_argument("--prefix", help="put before every name")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from headwater.errors import SettingsError

    if arguments.follow and arguments.action is None:
        return _follow(arguments, settings)
    if arguments.follow:
        raise SettingsError("alerts: give either --follow or list or show")
    if arguments.action == "show":
        if arguments.incident is None:
            raise SettingsError("alerts show: which incident? `headwater alerts list` shows all")
        return _show(arguments, settings)
    return _list(arguments, settings)


def _follow(arguments: argparse.Namespace, settings: Settings) -> int:
    from headwater.alerts import subscribe

    with subscribe(
        group=arguments.group or f"headwater-alerts-{os.getpid()}-{uuid.uuid4().hex[:8]}",
        severity=arguments.severity,
        from_beginning=not arguments.new,
        idle=arguments.idle,
        settings=settings,
    ) as alerts:
        for alert in alerts:
            print(json.dumps(alert.as_dict()) if arguments.json else _line(alert), flush=True)
    return 0


def _line(alert: Alert) -> str:
    page = " PAGE" if alert.page else ""
    words = f"{alert.event_time:%Y-%m-%d %H:%M} {alert.state}{page} {alert.severity:.2f} {alert.title}"
    return _printable(words) + f"\n    {_printable(alert.explanation)}\n    {_printable(alert.command or '')}"


def _list(arguments: argparse.Namespace, settings: Settings) -> int:
    from headwater.audit import connect, incidents

    found = [item for item in incidents(connect(settings)) if item.severity >= arguments.severity]
    if arguments.unresolved:
        found = [item for item in found if item.state != "resolved"]
    if arguments.json:
        print(json.dumps([item.as_dict() for item in found], indent=2))
        return 0
    for item in found:
        since = f"{item.onset or item.opened_at:%Y-%m-%d}"
        taken = item.evidence.get("acknowledged_by") if item.state == "updated" else None
        by = f"  (acknowledged by {json.loads(taken)})" if taken else ""
        print(
            _printable(f"{item.incident_id.hex}  {item.state:<12} {item.severity:.2f}  since {since}  {item.title}{by}")
        )
    if not found:
        print("no incidents")
    return 0


def _show(arguments: argparse.Namespace, settings: Settings) -> int:
    from headwater.audit import connect
    from headwater.audit.incident_lines import gates, heading, since, surroundings
    from headwater.audit.incidents import incident

    found = incident(connect(settings), arguments.incident)
    if arguments.json:
        print(json.dumps(found.as_dict(), indent=2))
        return 0
    below = [f"incident  {found.incident_id.hex}, message {found.number}, since {since(found)}"]
    below += [f"owners    {', '.join(found.owners)}"] if found.owners else []
    below += [*gates(found), *surroundings(found)]
    print("\n".join(_printable(line) for line in [*heading(found), *(f"  {line}" for line in below)]))
    return 0


def _printable(text: str) -> str:
    """Names may hold anything: control characters as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
