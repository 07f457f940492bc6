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
    from headwater.audit.model import Incident

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
    from headwater.audit import connect, incidents
    from headwater.errors import NotFound, SettingsError

    begins = arguments.incident.replace("-", "").lower()
    if len(begins) < 4 or set(begins) - set("0123456789abcdef") or len(begins) > 32:
        raise SettingsError(f"{arguments.incident!r} is no incident's id, nor how one begins (4 digits at least)")
    client = connect(settings)
    whole = uuid.UUID(hex=begins) if len(begins) == 32 else None
    found = [item for item in incidents(client, whole) if item.incident_id.hex.startswith(begins)]
    if not found:
        raise NotFound(f"there is no incident {arguments.incident}; `headwater alerts list` shows all")
    if len(found) > 1:
        raise SettingsError(f"{arguments.incident} begins {len(found)} incidents' ids; give more of it")
    if arguments.json:
        print(json.dumps(found[0].as_dict(), indent=2))
    else:
        print("\n".join(_printable(line) for line in _told(found[0])))
    return 0


def _told(incident: Incident) -> list[str]:
    since = incident.onset or incident.opened_at
    lines = [
        f"{incident.title}  ({incident.state}, severity {incident.severity:.2f})",
        f"  {incident.explanation}",
        f"  incident  {incident.incident_id.hex}, message {incident.number}, since {since:%Y-%m-%d %H:%M} UTC",
    ]
    if incident.owners:
        lines.append(f"  owners    {', '.join(incident.owners)}")
    root = incident.root
    if root is not None:
        column = f".{root['column']}" if root["column"] else ""
        lines.append(f"  root      {root['namespace']}/{root['name']}{column}@{root['version']}  {root['explanation']}")
        if root["job_name"]:
            lines.append(f"  step      {root['job_namespace']}/{root['job_name']}, run {root['run_id']}")
    if incident.path:
        lines.append("  path      " + " → ".join(f"{node.name}@{node.version}" for node in incident.path))
    for reach in incident.reaches:
        count = f", {reach.predictions:,} predictions" if reach.predictions else ""
        lines.append(f"  reaches   {reach.node.namespace}/{reach.node.name}  {reach.kind}, {reach.hops} hops{count}")
    for measure in incident.measures:
        limit = "" if measure["threshold"] is None else f", held against {measure['threshold']:.4g}"
        passed = {True: "passed", False: "not passed", None: ""}[measure["passed"]]
        lines.append(f"  gate      {measure['name']} {measure['value']:.4g}{limit}  {passed}".rstrip())
    lines.append(f"  verdicts  {len(incident.verdicts)}, and {len(incident.suppressed)} that the root explains")
    if incident.truncated:
        lines.append(f"  truncated {incident.truncated_because}")
    return lines


def _printable(text: str) -> str:
    """Names may hold anything: control characters as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
