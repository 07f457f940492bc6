"""One output of a run: what is known of it, and what of that no event has told yet."""

from __future__ import annotations

from collections.abc import Sequence

from headwater.producer import _events
from headwater.producer.handles import Dataset
from headwater.schemas import encoding


class Output:
    """An output, with its column lineage and explicit edges."""

    __slots__ = ("complete", "dataset", "edges", "lineage", "told")

    def __init__(self, dataset: Dataset, *, told: bool = False) -> None:
        self.dataset = dataset
        self.told = told
        self.lineage: list[bytes] = []
        self.edges: list[bytes] = []
        self.complete = False

    def entries(self) -> Sequence[bytes]:
        """The entries of the next event."""
        if not self.lineage and not self.edges and not self.complete:
            if self.told:
                return ()
            self.told = True
            return self.dataset.entries
        complete = encoding.boolean(self.complete)
        whole = self.dataset.bare if self.told else self.dataset.with_slots
        size = sum(map(len, self.lineage)) + sum(map(len, self.edges))
        if size <= _events.LARGEST // 2 and (self.told or self.dataset.small):
            found = [
                whole(
                    column_lineage=encoding.block(self.lineage),
                    edges=encoding.block(self.edges),
                    edges_complete=complete,
                )
            ]
        else:
            bare = self.dataset.bare
            found = [] if self.told else [*self.dataset.entries]
            found += [bare(column_lineage=encoding.block(lineage)) for lineage in _events.chunks(self.lineage)]
            pieces = list(_events.chunks(self.edges)) or [[]]
            found += [bare(edges=encoding.block(edges), edges_complete=complete) for edges in pieces]
        self.told = True
        self.lineage, self.edges, self.complete = [], [], False
        return found
