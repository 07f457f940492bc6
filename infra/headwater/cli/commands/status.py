"""`headwater status`."""

from __future__ import annotations

import argparse
import json
from typing import Any

from headwater.settings import Settings

HELP = "tell what of the embedded stack runs, and where"
EXTRA = "audit"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Exit code 0 where all parts run, 1 where not."
    parser.add_argument("--home", metavar="DIR", help="the stack's folder")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from headwater.embedded.home import Home, home_path
    from headwater.embedded.status import status

    found = status(Home(home_path(settings)), settings)
    print(json.dumps(found, indent=2) if arguments.json else _text(found))
    return 0 if found["running"] and all(part["running"] for part in found["parts"]) else 1


#: Figures of a step that are told where they are not 0, in words.
_FIGURES = {
    "lag": "not committed",
    "open_runs": "open runs",
    "open_incidents": "open incidents",
    "restoring": "partitions being restored",
    "dead_letters": "dead letters since its start (`headwater dead-letters list`)",
    "rows_refused": "rows refused by the store",
    "waiting_seconds": "s of waiting for a store or broker",
}


def _health(part: dict[str, Any]) -> list[str]:
    """What a worker says of itself."""
    health = part["health"]
    if not part["metrics_url"] or not part["running"]:
        return []
    if health is None:
        return ["does not answer yet"]
    lines = [f"not ready: {reason}" for reason in health["reasons"]]
    for step in health["steps"]:
        figures = [f"{step[name]:g} {words}" for name, words in _FIGURES.items() if step.get(name)]
        lines.append(", ".join([f"{step['step']}: {step['messages']} messages since its start", *figures]))
    return lines


def _text(found: dict[str, Any]) -> str:
    lines = [f"home     {found['home']}"]
    if found["running"]:
        lines += [
            f"running  since {found['started']}, pid {found['pid']}",
            f"brokers  {found['brokers']}  (life {found['generation']})",
            f"store    {found['store_url']}",
        ]
    else:
        lines.append("nothing runs; `headwater up` starts it")
    for part in found["parts"]:
        state = f"pid {part['pid']}" if part["running"] else "not running"
        again = f", started again {part['restarts']} times" if part["restarts"] else ""
        lines.append(f"  {part['name']:12} {state}{again}, log {part['log']}")
        lines += [f"    {line}" for line in _health(part)]
    if found["behind"] is not None:
        behind = {group: count for group, count in found["behind"].items() if count}
        text = ", ".join(f"{group} {count}" for group, count in behind.items()) or "nothing waits"
        lines.append(f"behind   {text}")
    lines += [f"gap      {gap['generation']}, {gap['cause']}, {gap['noticed']}" for gap in found["gaps"]]
    return "\n".join(lines)
