"""What a test's `kafka`, `registry` and `store` are, whichever backend stands behind them."""

from __future__ import annotations

from typing import Protocol


class Kafka(Protocol):
    """A broker. Tests name their topics and groups by `prefix`; brokers last for the session."""

    kind: str
    bootstrap: str

    @property
    def running(self) -> bool: ...
    def start(self) -> None:
        """Start it again after stop or kill, at the same address; returns when it answers."""

    def stop(self) -> None:
        """End it in order. The embedded broker keeps nothing, the others keep their topics."""

    def kill(self) -> None:
        """End it without a farewell."""

    def pause(self) -> None:
        """Let it hang: connections stay, nothing is answered."""

    def resume(self) -> None: ...


class Registry(Protocol):
    """A Schema Registry; `url` is what `schema.registry.url` wants."""

    kind: str
    url: str

    def start(self) -> None: ...
    def stop(self) -> None: ...


class Store(Protocol):
    """ClickHouse over HTTP, and who may write there."""

    kind: str
    url: str
    user: str
    password: str

    @property
    def running(self) -> bool: ...
    def start(self) -> None:
        """Start it again at the same address with the data it had; returns when it answers."""

    def stop(self) -> None: ...
    def kill(self) -> None: ...
