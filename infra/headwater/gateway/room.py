"""Room for bodies in memory: what has arrived is charged as it arrives, so what a client may yet send costs nobody."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from headwater.gateway.answers import Refusal


class Room:
    """So many bytes for all bodies that are read or worked on. Used on one event loop."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0

    @property
    def taken(self) -> int:
        """Bytes that all requests hold."""
        return self._taken

    def share(self) -> Share:
        """A request's share, of nothing yet. It is given back at the end of its `with`."""
        return Share(self)

    def move(self, held: int, wanted: int) -> None:
        """Hold `wanted` bytes in place of `held`. Raises Refusal (503) where others leave no room for them."""
        others = self._taken - held
        if wanted > held and others + wanted > self._limit:
            raise Refusal.later("too many large requests at once")
        self._taken = others + wanted


class Share:
    """What one request holds."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._held = 0

    def hold(self, wanted: int) -> None:
        """Hold so many bytes from now on. Raises Refusal (503); what was held until now stays so."""
        self._room.move(self._held, wanted)
        self._held = wanted

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.hold(0)
