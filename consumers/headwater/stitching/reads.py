"""The inputs of a unit and what is said of its datasets: most of them as objects, of long runs the most packed."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping
from typing import NamedTuple

from headwater.stitching.facts import Description, EventRef, Node
from headwater.stitching.grown import Grown, Packed

#: Of a dataset that is named as a source only.
UNKNOWN = Description(None, "table")
#: When something was first named: where that event stands in order of arrival, and that event.
First = tuple[int, EventRef]


class Reads(Mapping[Node, First]):
    """Inputs with when each was first named."""

    def __init__(self) -> None:
        self.grown: Grown | None = None
        self._objects: dict[Node, First] = {}

    def __setitem__(self, node: Node, first: First) -> None:
        self._objects[node] = first

    def __contains__(self, node: object) -> bool:
        return node in self._objects or (
            self.grown is not None and isinstance(node, Node) and self.grown.find(node) >= 0
        )

    def __getitem__(self, node: Node) -> First:
        found = self._objects.get(node)
        if found is not None:
            return found
        at = -1 if self.grown is None else self.grown.find(node)
        if self.grown is None or at < 0:
            raise KeyError(node)
        return self.grown.of_read(at)

    def __iter__(self) -> Iterator[Node]:
        yield from self._objects
        if self.grown is not None:
            yield from (node for node, _ in self.grown.nodes())

    def objects(self) -> list[Node]:
        """Those that are not packed."""
        return list(self._objects)

    def __len__(self) -> int:
        return len(self._objects) + (0 if self.grown is None else len(self.grown))

    def items(self) -> ItemsView[Node, First]:
        """All of them; of packed ones none is looked up."""
        return _Items(self)


class _Items(ItemsView[Node, First]):
    _mapping: Reads

    def __iter__(self) -> Iterator[tuple[Node, First]]:
        mapping = self._mapping
        yield from ((node, mapping[node]) for node in mapping.objects())
        if mapping.grown is not None:
            yield from mapping.grown.items()


class Descriptions(dict[Node, Description]):
    """What is said of datasets beside their identity; of packed inputs with them."""

    grown: Grown | None = None

    def __contains__(self, node: object) -> bool:
        return super().__contains__(node) or (
            self.grown is not None and isinstance(node, Node) and self.grown.find(node) >= 0
        )

    def of(self, node: Node) -> Description:
        """What is said of one."""
        found = self.get(node)
        at = -1 if found is not None or self.grown is None else self.grown.find(node)
        if self.grown is not None and at >= 0:
            return next(self.grown.nodes(at, at + 1))[1]
        return found or UNKNOWN


class Told(NamedTuple):
    """Events of a long run from `first` on, before `last`: the new inputs of each are inputs of all `targets` now, by
    that event; or all by a later one.
    """

    grown: Grown
    first: int
    last: int
    targets: tuple[Node, ...]
    by: EventRef | None = None

    def packed(self) -> Packed:
        """Inputs, as bytes of a message, with what made them so."""
        packed = self.grown.packed(self.first, self.last)
        return packed if self.by is None else packed.by(self.by)
