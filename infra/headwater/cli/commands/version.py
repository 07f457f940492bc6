"""`headwater version`."""

from __future__ import annotations

import argparse
import json
import platform
from importlib.metadata import version

from headwater.settings import Settings

HELP = "print the version"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    del settings
    facts = {"headwater": version("headwater"), "python": platform.python_version()}
    print(json.dumps(facts) if arguments.json else f"headwater {facts['headwater']} on Python {facts['python']}")
    return 0
