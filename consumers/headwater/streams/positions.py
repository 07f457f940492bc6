"""How far each partition is: which chunk comes next, and up to where a step's state has everything."""

from __future__ import annotations

from collections.abc import Mapping

from headwater.streams.chunk import Fetched

Place = tuple[str, int]


class Positions:
    """Of the partitions assigned now. All on the event loop."""

    def __init__(self) -> None:
        #: The offset up to which the step's state has everything. Not there while it is re-derived.
        self._whole: dict[Place, int] = {}
        self._next: dict[Place, int] = {}
        self._gaps: dict[Place, int] = {}

    def keepable(self, places: set[Place], committed: Mapping[Place, int]) -> set[Place]:
        """Of these, those whose state is whole and where nobody else went on behind it meanwhile.

        A worker that was thought dead, or whose state was being re-derived, may get back what it had.
        """
        return {place for place in places & self._whole.keys() if committed.get(place, 0) <= self._whole[place]}

    def begin(self, assigned: set[Place], committed: Mapping[Place, int], kept: set[Place]) -> Mapping[Place, int]:
        """A new assignment: where each partition goes on from; of these, state is kept."""
        self._whole = {place: end for place, end in self._whole.items() if place in kept}
        self._next = {place: committed.get(place, 0) for place in assigned}
        self._gaps = {}
        return dict(self._next)

    def back_to(self, chunk: Fetched) -> int | None:
        """Where to fetch again from, where the chunk does not follow on what came before it; else None.

        What was fetched just as partitions were given out may come before there is a place for it, and is lost
        then. A gap of the partition itself is met a second time, and is none.
        """
        place, first = chunk.place, chunk.first
        expected = self._next[place]
        if first > expected and self._gaps.get(place) != first:
            self._gaps[place] = first
            return expected
        self._next[place] = chunk.end
        return None

    def whole(self, place: Place, start: int) -> None:
        """State is there up to the start, if it was not kept."""
        self._whole.setdefault(place, start)

    def processed(self, chunk: Fetched) -> None:
        """State has this chunk now."""
        self._whole[chunk.place] = max(self._whole[chunk.place], chunk.end)
