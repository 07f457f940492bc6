"""What runs in a home, seen from outside."""

from __future__ import annotations

import dataclasses
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast

from headwater.embedded.gaps import gaps
from headwater.embedded.home import Home
from headwater.settings import Settings


def status(home: Home, settings: Settings) -> dict[str, Any]:
    """The stack of this home: whether it runs, its parts, addresses, lag by consumer group, recorded gaps.

    `behind` is None where the stack does not run or its broker does not answer.
    """
    stack = home.state("stack") or {}
    running = _runs(stack.get("pid"))
    parts = cast("Mapping[str, Mapping[str, Any]]", stack.get("parts", {}) if running else {})
    return {
        "home": str(home.path),
        "running": running,
        "pid": stack.get("pid") if running else None,
        "started": stack.get("started") if running else None,
        "brokers": stack.get("bootstrap") if running else None,
        "store_url": stack.get("store_url") if running else None,
        "generation": stack.get("generation") if running else None,
        "parts": [
            {
                "name": name,
                "pid": part.get("pid"),
                "running": _runs(part.get("pid")),
                "restarts": part.get("restarts"),
                "log": str(home.logs / f"{name}.log"),
                "metrics_url": f"http://127.0.0.1:{part['metrics_port']}/metrics" if part.get("metrics_port") else None,
                "health": _health(part.get("metrics_port")),
            }
            for name, part in parts.items()
        ],
        "behind": _behind(stack, settings) if running else None,
        "gaps": [asdict(gap) for gap in gaps(home)],
    }


def _health(port: object) -> dict[str, Any] | None:
    """What a worker says of itself; None where it is none or does not answer."""
    if not isinstance(port, int):
        return None
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=2) as answer:
            return cast("dict[str, Any]", json.load(answer))
    except urllib.error.HTTPError as error:  # 503 where it is not ready, with the reasons
        with error:
            return cast("dict[str, Any]", json.load(error))
    except (OSError, ValueError):
        return None


def _behind(stack: Mapping[str, Any], settings: Settings) -> dict[str, int] | None:
    from headwater.cli.workers import WORKERS, groups  # noqa: PLC0415 — loads the processors, and only what runs has a lag
    from headwater.embedded.lag import lag  # noqa: PLC0415 — brings the Kafka client, where one is asked
    from headwater.errors import Unavailable  # noqa: PLC0415 — as above

    own = dataclasses.replace(
        settings, brokers=str(stack.get("bootstrap")), prefix=str(stack.get("prefix", "")), kafka=""
    )
    try:
        return {
            group: sum(lag(own, group, topics).values())
            for group, topics in groups([name for name in WORKERS if name in stack.get("parts", {})], settings).items()
        }
    except Unavailable:
        return None


def _runs(pid: object) -> bool:
    if not isinstance(pid, int):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
