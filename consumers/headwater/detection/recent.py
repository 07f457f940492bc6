"""What is remembered of late: so many entries, of which the oldest go first."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

#: Bytes of an id.
_WIDTH: Final = 16


def forget(known: OrderedDict[Any, Any], most: int) -> None:
    """Forget the oldest entries beyond `most`. A plain dict would look through all that it forgot each time."""
    while len(known) > most:
        known.popitem(last=False)


class Ids:
    """The ids that were taken last, 16 bytes each: as keys of a dict they would take six times as much."""

    __slots__ = ("_ids", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._ids = bytearray()

    def __contains__(self, event_id: bytes) -> bool:
        at = self._ids.find(event_id)
        while at % _WIDTH and at >= 0:  # it lies across two others
            at = self._ids.find(event_id, at + 1)
        return at >= 0

    def __len__(self) -> int:
        return len(self._ids) // _WIDTH

    def add(self, event_id: bytes) -> None:
        """Take one that is not there. Raises ValueError for what has not 16 bytes."""
        if len(event_id) != _WIDTH:
            raise ValueError(f"an id has {_WIDTH} bytes, this one {len(event_id)}")
        self._ids += event_id
        del self._ids[: -_WIDTH * self._most]
