"""`headwater settings`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from headwater.settings import Settings, documented, load_with_origin

HELP = "print every setting, its value and where it came from"
HIDDEN = "(set, not shown)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    file = Path(arguments.settings_file) if arguments.settings_file else None
    origins = load_with_origin(file=file)[1]
    rows = [
        {
            "name": setting.name,
            "variable": setting.variable,
            "value": HIDDEN if setting.secret and getattr(settings, setting.name) else getattr(settings, setting.name),
            "origin": origins[setting.name],
            "help": setting.doc,
        }
        for setting in documented()
    ]
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return 0
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        value = json.dumps(row["value"]) if row["value"] != HIDDEN else HIDDEN
        print(f"{row['name']:{width}}  {value}  [{row['origin']}]\n{'':{width}}  {row['help']}")
    return 0
