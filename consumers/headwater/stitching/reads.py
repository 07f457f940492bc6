"""Inputs and outputs of a unit and what is said of them: most of them as objects, of long runs the most packed."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping
from typing import NamedTuple

from headwater.stitching.facts import Description, EventRef, Node
from headwater.stitching.packed_nodes import Packed, Side

#: Of a dataset that is named as a source only.
UNKNOWN = Description(None, "table")
#: When something was first named: where that event stands in order of arrival, and that event.
First = tuple[int, EventRef]


class Named(Mapping[Node, First]):
    """Inputs, or outputs, with when each was first named."""

    def __init__(self) -> None:
        self.packed: Side | None = None
        self._objects: dict[Node, First] = {}

    def __setitem__(self, node: Node, first: First) -> None:
        self._objects[node] = first

    def __contains__(self, node: object) -> bool:
        return node in self._objects or (
            self.packed is not None and isinstance(node, Node) and self.packed.find(node) >= 0
        )

    def __getitem__(self, node: Node) -> First:
        found = self._objects.get(node)
        if found is not None:
            return found
        at = -1 if self.packed is None else self.packed.find(node)
        if self.packed is None or at < 0:
            raise KeyError(node)
        return self.packed.by(at)

    def __iter__(self) -> Iterator[Node]:
        yield from self._objects
        if self.packed is not None:
            yield from (node for node, _ in self.packed.nodes())

    def objects(self) -> list[Node]:
        """Those that are not packed."""
        return list(self._objects)

    def upto(self, packed: int) -> Iterator[Node]:
        """Those that are not packed, and so many of those that are."""
        yield from self._objects
        if self.packed is not None:
            yield from (node for node, _ in self.packed.nodes(0, packed))

    def __len__(self) -> int:
        return len(self._objects) + (0 if self.packed is None else len(self.packed))

    def items(self) -> ItemsView[Node, First]:
        """All of them; of packed ones none is looked up."""
        return _Items(self)


class _Items(ItemsView[Node, First]):
    _mapping: Named

    def __iter__(self) -> Iterator[tuple[Node, First]]:
        mapping = self._mapping
        yield from ((node, mapping[node]) for node in mapping.objects())
        if mapping.packed is not None:
            yield from mapping.packed.items()


class Descriptions(dict[Node, Description]):
    """What is said of datasets beside their identity; of packed ones with them."""

    packed: tuple[Side, ...] = ()

    def __contains__(self, node: object) -> bool:
        return super().__contains__(node) or (
            isinstance(node, Node) and any(side.find(node) >= 0 for side in self.packed)
        )

    def of(self, node: Node) -> Description:
        """What is said of one."""
        found = self.get(node)
        if found is not None:
            return found
        for side in self.packed:
            at = side.find(node)
            if at >= 0:
                return next(side.nodes(at, at + 1))[1]
        return UNKNOWN


class Told(NamedTuple):
    """Events of a long run from `first` on, before `last`: what each named, inputs of all `others` or outputs of them
    as the side says, is so by that event; or all by a later one.
    """

    side: Side
    first: int
    last: int
    others: tuple[Node, ...]
    by: EventRef | None = None

    def packed(self) -> Packed:
        """Datasets, as bytes of a message, with what made them so."""
        packed = self.side.packed(self.first, self.last)
        return packed if self.by is None else packed.by(self.by)
