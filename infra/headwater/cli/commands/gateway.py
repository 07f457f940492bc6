"""`headwater gateway`."""

from __future__ import annotations

import argparse
import json
import logging
from dataclasses import replace
from pathlib import Path

from headwater.errors import SettingsError
from headwater.settings import Settings

HELP = "take in OpenLineage events over HTTP"
EXTRA = "gateway"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Serves POST /api/v1/lineage and /api/v1/lineage/batch as OpenLineage's clients expect them, /live, /ready, "
        "/metrics and /openapi.json, until SIGTERM or Ctrl-C. An event is answered when Kafka confirmed it or it is "
        "on the disk. With --new-key, --revoke-key or --list-keys it only changes or shows the file of keys."
    )
    parser.add_argument("--host", help="address to serve on (default: the setting gateway_host)")
    parser.add_argument("--port", type=int, help="port; 0: a free one (default: the setting gateway_port)")
    parser.add_argument("--keys", metavar="FILE", help="the file of API keys (default: the setting gateway_keys)")
    parser.add_argument("--brokers", metavar="HOST:PORT", help="Kafka brokers")
    parser.add_argument("--prefix", help="put before every topic's name")
    parser.add_argument("--json", action="store_true", help="print JSON")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--new-key", metavar="NAME", help="make a key, print it once, keep its hash")
    only.add_argument("--revoke-key", metavar="NAME", help="take a key back; a running gateway knows it in a second")
    only.add_argument("--list-keys", action="store_true", help="names of keys and when they were made")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    given = {"gateway_host": arguments.host, "gateway_port": arguments.port, "gateway_keys": arguments.keys}
    settings = replace(settings, **{name: value for name, value in given.items() if value is not None})
    if arguments.new_key or arguments.revoke_key or arguments.list_keys:
        return _keys(arguments, settings)
    from headwater.gateway import serve

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")

    def tell(url: str) -> None:
        print(json.dumps({"url": url}) if arguments.json else f"gateway  {url}", flush=True)

    serve(settings, tell)
    return 0


def _keys(arguments: argparse.Namespace, settings: Settings) -> int:
    from headwater.gateway import keys

    if not settings.gateway_keys:
        raise SettingsError("no file of keys is named: give --keys FILE, or the setting gateway_keys")
    path = Path(settings.gateway_keys)
    if arguments.new_key:
        key = keys.add(path, arguments.new_key)
        print(json.dumps({"name": arguments.new_key, "key": key}) if arguments.json else key)
    elif arguments.revoke_key:
        keys.remove(path, arguments.revoke_key)
    else:
        found = keys.read(path)
        facts = [{"name": one.name, "made": one.made} for one in found]
        print(json.dumps(facts) if arguments.json else "\n".join(f"{one.name:20} {one.made}" for one in found))
    return 0
