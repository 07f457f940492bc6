"""`headwater up`."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from headwater.settings import Settings

if TYPE_CHECKING:
    from headwater.embedded.stack import Stack

HELP = "start broker, store and workers on this machine"
EXTRA = "embedded"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Starts the embedded stack on loopback and keeps it up. Ctrl-C or SIGTERM works off what is there, archives "
        "it and stops all; a second one stops at once."
    )
    parser.add_argument("--home", metavar="DIR", help="the stack's folder")
    parser.add_argument("--port", type=int, default=9092, help="the broker's port; 0: a free one (default 9092)")
    parser.add_argument("--store-port", type=int, default=8123, help="the store's port; 0: a free one (default 8123)")
    parser.add_argument(
        "--gateway-port", type=int, default=5000, help="OpenLineage over HTTP; 0: a free one, -1: none (default 5000)"
    )
    parser.add_argument("--prefix", help="put before every topic, group and database name")
    parser.add_argument("--json", action="store_true", help="print the addresses as JSON, on one line")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from headwater.embedded.home import home_path
    from headwater.embedded.stack import Stack

    logging.basicConfig(level=logging.WARNING, format="headwater: %(message)s")
    asked = threading.Event()
    up = threading.Event()
    stack = Stack(
        Path(home_path(settings)),
        settings=settings,
        port=arguments.port,
        store_port=arguments.store_port,
        gateway=None if arguments.gateway_port < 0 else arguments.gateway_port,
        tell=lambda line: _tell(line, as_json=arguments.json),
    )

    def stop(_number: int, _frame: object) -> None:
        if not up.is_set():
            raise KeyboardInterrupt
        if asked.is_set():
            stack.hurry.set()
        asked.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    _tell("starting …", as_json=arguments.json)
    stack.start()
    up.set()
    _print_addresses(stack, settings, str(home_path(settings)), as_json=arguments.json)
    while not asked.wait(3600):
        pass
    _tell("working off what is there …", as_json=arguments.json)
    stack.stop()
    _tell("stopped; the history is kept", as_json=arguments.json)
    return 0


def _print_addresses(stack: Stack, settings: Settings, home: str, *, as_json: bool) -> None:
    from headwater.embedded.examples import examples

    brokers, store_url, gateway = stack.bootstrap, stack.store_url, stack.gateway_url
    database = settings.database_name
    shown = examples(brokers, store_url, database)
    if as_json:
        facts: dict[str, object] = {
            "brokers": brokers,
            "store_url": store_url,
            "database": database,
            "home": home,
            "examples": shown,
        }
        facts |= {"gateway_url": gateway}
        print(json.dumps(facts), flush=True)
        return
    print(f"brokers  {brokers}\nstore    {store_url}  (database {database}; anyone here may read)\nhome     {home}")
    if gateway is not None:
        print(f"gateway  {gateway}  (OPENLINEAGE_URL of what emits OpenLineage)")
    for what, command in shown.items():
        print(f"\n# {what}\n{command}")
    print("\nCtrl-C stops; `headwater status` tells what runs", flush=True)


def _tell(line: str, *, as_json: bool) -> None:
    if as_json:
        import sys

        print(f"headwater: {line}", file=sys.stderr, flush=True)
    else:
        print(line, flush=True)
