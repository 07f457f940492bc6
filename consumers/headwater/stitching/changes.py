"""What became known or was withdrawn within one chunk, each with the events that made it so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from headwater.stitching.facts import ColumnRow, EventRef, Link, Node


class Edge(NamedTuple):
    """Source to target; None: a write with no read, a read that writes nothing."""

    source: Node | None
    target: Node | None
    explicit: bool


class ColumnEdge(NamedTuple):
    """Source column to target column."""

    source: Node
    target: Node
    row: ColumnRow


class Product(NamedTuple):
    """Every source with every target, not explicit."""

    sources: tuple[Node, ...]
    targets: tuple[Node, ...]


What = Edge | ColumnEdge | Link | Product


class Change(NamedTuple):
    """`withdrawn_by` None: it stands."""

    what: What
    known_by: EventRef
    withdrawn_by: EventRef | None


@dataclass
class Changes:
    """Changes under way: what is asserted and withdrawn in one chunk is one change with both events."""

    _made: dict[tuple[What, EventRef], EventRef | None] = field(
        default_factory=dict["tuple[What, EventRef]", "EventRef | None"]
    )

    def known(self, what: What, by: EventRef) -> None:
        self._made[what, by] = None

    def withdrawn(self, what: What, known_by: EventRef, by: EventRef) -> None:
        self._made[what, known_by] = by

    def take(self) -> list[Change]:
        """All changes since the last call."""
        taken = [Change(what, known, withdrawn) for (what, known), withdrawn in self._made.items()]
        self._made = {}
        return taken

    def extend(self, changes: Iterable[Change]) -> None:
        for what, known_by, withdrawn_by in changes:
            self._made[what, known_by] = withdrawn_by
