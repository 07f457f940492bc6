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
    if found["behind"] is not None:
        behind = {group: count for group, count in found["behind"].items() if count}
        text = ", ".join(f"{group} {count}" for group, count in behind.items()) or "nothing waits"
        lines.append(f"behind   {text}")
    lines += [f"gap      {gap['generation']}, {gap['cause']}, {gap['noticed']}" for gap in found["gaps"]]
    return "\n".join(lines)
