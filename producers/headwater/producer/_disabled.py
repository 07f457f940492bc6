"""Delivery for HEADWATER_DISABLED=1: takes everything, keeps nothing, starts nothing."""

from __future__ import annotations

from headwater.producer.stats import Stats


class DisabledDelivery:
    """Delivery to nowhere."""

    def submit(self, topic: str, key: bytes, value: bytes) -> None:
        """Forget the message."""

    def drop(self, reason: str, count: int = 1) -> None:
        """Nothing is lost, for nothing was asked."""

    def drops(self) -> dict[str, int]:
        return {}

    def flush(self, seconds: float) -> bool:  # noqa: ARG002 — as Delivery has it
        return True

    def close(self, seconds: float) -> None:
        """Nothing to close."""

    def stats(self, emitted: int) -> Stats:  # noqa: ARG002 — as Delivery has it
        return Stats(emitted=0, delivered=0, pending=0, queued_bytes=0, drops={}, last_error="")

    def forked(self) -> None:
        """Nothing to make anew."""
