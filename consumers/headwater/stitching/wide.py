"""Products of wide runs: inputs × outputs that are told as two lists and not kept pair by pair."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from headwater.stitching.changes import Edge, Product
from headwater.stitching.facts import EventRef, Node
from headwater.stitching.reads import First, Named, Told
from headwater.stitching.standing import Standing

#: Inputs × outputs above which a run's product is kept and sent as a product, not edge by edge.
WIDE = 4096

#: By output, what is stated of where it comes from: its explicit sources, and those of its column lineage.
Resolved = dict[Node, tuple[set[Node], set[Node]]]
NOTHING: tuple[set[Node], set[Node]] = (set(), set())


class Wide:
    """What a unit tells of its product once it is wide. Pairs that are stated stand one by one, in no product: so each
    pair is told once, by the event that made it known first.
    """

    def __init__(
        self,
        reads: Named,
        writes: Mapping[Node, First],
        complete: set[Node],
        standing: Standing,
        resolved: Resolved,
    ) -> None:
        self._reads = reads
        self._writes = writes
        self._complete = complete
        self._standing = standing
        self._resolved = resolved
        #: From this event in order of arrival on, the product is not kept edge by edge.
        self.since: int | None = None

    def take(
        self, reads: Sequence[Node], writes: Sequence[Node], finished: set[Node], by: EventRef, told: list[Told]
    ) -> set[tuple[Node, Node]]:
        """Tell what new inputs and outputs, and outputs whose list is complete now, change. What is stated was worked
        out before. `told`: takes what is told of packed inputs. The pairs that stand one by one and may change.
        """
        new = set(writes)
        # Only what an input changes goes through all outputs: a run of many events stays as fast as it began.
        kept = [node for node in self._writes if node not in self._complete and node not in new] if reads else []
        covered = [node for node in writes if node not in self._complete]
        self._tell(reads, kept, by)
        if covered:
            self._tell(self._reads.objects(), covered, by)
            told += self._of_packed(covered, by)
        pairs: set[tuple[Node, Node]] = set()
        for target in (finished & self._writes.keys()) - new:
            pairs |= self._withdraw(target, set(reads), by)
        return pairs

    def restate(self, source: Node, target: Node, known: EventRef, by: EventRef) -> None:
        """A pair of the product, known by an earlier event, is stated now."""
        if self._is_by_itself(source, target):
            return
        if source in self._resolved[target][0]:
            self._standing.changes.withdrawn(Edge(source, target, False), known, by)
        elif source in self._resolved[target][1]:
            self._standing.adopt(Edge(source, target, False), known)

    def _is_by_itself(self, source: Node, target: Node) -> bool:
        return any(Edge(source, target, explicit) in self._standing for explicit in (True, False))

    def _stated(self, target: Node, among: Iterable[Node]) -> frozenset[Node]:
        explicit, stated = self._resolved.get(target, NOTHING)
        return frozenset((explicit | stated).intersection(among)) if explicit or stated else frozenset()

    def _tell(self, sources: Sequence[Node], targets: Sequence[Node], by: EventRef) -> None:
        if not sources:
            return
        among = set(sources)
        alike: dict[frozenset[Node], list[Node]] = {}
        for target in targets:
            alike.setdefault(self._stated(target, among), []).append(target)
        for stated, some in alike.items():
            others = tuple(node for node in sources if node not in stated)
            if others:
                self._standing.changes.known(Product(others, tuple(some)), by)

    def _of_packed(self, targets: Sequence[Node], by: EventRef) -> Iterable[Told]:
        """Packed inputs are told as they are, but to outputs that name some of them: of those all become objects."""
        packed = self._reads.packed
        if packed is None or not len(packed):
            return
        plain: list[Node] = []
        for target in targets:
            explicit, stated = self._resolved.get(target, NOTHING)
            apart = {node for node in (*explicit, *stated) if packed.find(node) >= 0}
            if not apart:
                plain.append(target)
            elif others := tuple(node for node, _ in packed.nodes() if node not in apart):
                self._standing.changes.known(Product(others, (target,)), by)
        if plain:
            yield Told(packed, 0, packed.events, tuple(plain), by)

    def _withdraw(self, target: Node, new: set[Node], by: EventRef) -> set[tuple[Node, Node]]:
        """The list of an output's sources is complete: it leaves the product."""
        pairs: set[tuple[Node, Node]] = set()
        explicit, stated = self._resolved.get(target, NOTHING)
        groups: dict[EventRef, list[Node]] = {}
        written = self._writes[target]
        for source, read in self._reads.items():
            made, known = max(read, written)
            if source in new:
                continue
            if made < (self.since or 0) or self._is_by_itself(source, target):
                pairs.add((source, target))
            elif source in stated and source not in explicit:
                self._standing.adopt(Edge(source, target, False), known)
            else:
                groups.setdefault(known, []).append(source)
        for known, sources in groups.items():
            self._standing.changes.withdrawn(Product(tuple(sources), (target,)), known, by)
        return pairs
