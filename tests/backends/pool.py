"""The session's brokers, registries and stores: each started when first asked for, all ended together."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, cast

from tests.backends.cache import NoTools, kafka_jars, registry_jar
from tests.backends.containers import ContainerKafka, ContainerRegistry, ContainerStore, engine_missing
from tests.backends.embedded_kafka import EmbeddedKafka
from tests.backends.embedded_store import EmbeddedStore
from tests.backends.kinds import Kafka, Registry, Store
from tests.backends.local_kafka import LocalKafka
from tests.backends.local_registry import LocalRegistry

#: What each backend gives. `local` has no ClickHouse of its own (no server without Docker), so the embedded one.
BACKENDS: dict[str, dict[str, str]] = {
    "embedded": {"kafka": "embedded", "store": "embedded"},
    "local": {"kafka": "local", "registry": "local", "store": "embedded"},
    "containers": {"kafka": "containers", "registry": "containers", "store": "containers"},
}

_MAKERS: dict[tuple[str, str], Callable[[Path], Any]] = {
    ("kafka", "embedded"): EmbeddedKafka,
    ("kafka", "local"): LocalKafka,
    ("kafka", "containers"): lambda _folder: ContainerKafka(),
    ("registry", "local"): LocalRegistry,
    ("registry", "containers"): lambda _folder: ContainerRegistry(),
    ("store", "embedded"): EmbeddedStore,
    ("store", "containers"): lambda _folder: ContainerStore(),
}


def combinations(asked: set[str]) -> list[str]:
    """The backends on which a test runs that asks for these; none twice with the same parts."""
    chosen: dict[tuple[str, ...], str] = {}
    for backend, parts in BACKENDS.items():
        if asked <= parts.keys():
            chosen.setdefault(tuple(parts[name] for name in sorted(asked)), backend)
    return list(chosen.values())


@cache
def missing(part: str, kind: str) -> str | None:
    """Why this part cannot be had here, in one line; None where it can."""
    try:
        if kind == "containers":
            return engine_missing()
        if kind == "local":
            (kafka_jars if part == "kafka" else registry_jar)()
    except NoTools as error:
        return str(error)
    return None


class Pool:
    """Parts by name and kind; `kafka("local")` and its like start what is not there yet or was stopped."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts: dict[tuple[str, str], Any] = {}

    def kafka(self, kind: str) -> Kafka:
        return cast("Kafka", self._part("kafka", kind))

    def registry(self, kind: str) -> Registry:
        return cast("Registry", self._part("registry", kind))

    def store(self, kind: str) -> Store:
        return cast("Store", self._part("store", kind))

    def _part(self, name: str, kind: str) -> Any:
        part = self._parts.get((name, kind))
        if part is None:
            part = _MAKERS[name, kind](self._folder / f"{name}-{kind}")
            self._parts[name, kind] = part
        if not part.running:
            part.start()
        return part

    def close(self) -> None:
        """End all of them; the first error is raised after the last one ended."""
        with contextlib.ExitStack() as stack:
            for part in self._parts.values():
                stack.callback(getattr(part, "remove", part.stop))
            self._parts = {}
