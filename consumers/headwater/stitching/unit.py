"""The rules (see consumers/README.md, "Stitching"): what the events of one run and job make known, kept folded.

A unit holds each thing that was said once, so that an event that says nothing new costs nothing and is not kept.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from headwater.stitching import wide
from headwater.stitching.changes import ColumnEdge, Edge
from headwater.stitching.columns import Columns
from headwater.stitching.facts import EventRef, Facts, Link, Node, Scope, Written
from headwater.stitching.grown import Grown
from headwater.stitching.parts import End, Parts
from headwater.stitching.reads import Descriptions, Named, Told
from headwater.stitching.standing import Standing
from headwater.stitching.stated import Stated

#: Inputs of a run above which a new output is taken by itself: all of them are told with it.
_MOST_SOURCES = 4096


class Unit:
    """One run of one job, or one event of a job or dataset. `changes` gathers until it is taken."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._standing = Standing()
        self.changes = self._standing.changes
        #: What messages on the compiled way added; None while there were few.
        self.grown: Grown | None = None
        #: What that made known, and was not taken yet: events, inputs, and the outputs that they lead to.
        self.told: list[Told] = []
        self.described = Descriptions()
        self._count = 0
        #: When each was first named: which event in order of arrival, and that event.
        self._reads, self._writes = Named(), Named()
        self._versions: dict[tuple[str, str], list[Node]] = {}
        self._stated = Stated()
        self._complete: set[Node] = set()
        self._parts = Parts()
        self._ended: End | None = None
        self._states: set[str] = set()
        self._links: set[Link] = set()
        self._resolved: wide.Resolved = {}
        self._columns: dict[Node, dict[ColumnEdge, EventRef]] = {}
        self._wide = wide.Wide(self._reads, self._writes, self._complete, self._standing, self._resolved)

    @property
    def state(self) -> str:
        """The run's state: of terminal ones the first by event time, event id and name; empty without a run."""
        if self.scope.run_id is None:
            return ""
        if self._ended is not None:
            return self._ended[2]
        return next((state for state in ("RUNNING", "START") if state in self._states), "OTHER")

    @property
    def ended(self) -> bool:
        return self._ended is not None

    @property
    def edge_count(self) -> int:
        """Edges that stand, kept one by one."""
        return len(self._standing)

    def add(self, facts: Facts) -> Facts | None:
        """Take one message in, in order of arrival; what it says that was not said before, None where nothing is.

        Units to which the same was said, with or without what was said before, are the same.
        """
        by = facts.event
        described = {node: one for node, one in facts.described.items() if node not in self.described}
        self.described.update(described)
        is_new = bool(described) or facts.state not in self._states
        self._states.add(facts.state)
        had_reads, had_covered, was_ended = bool(self._reads), self._is_covered(), self.ended
        reads = [node for node in dict.fromkeys(facts.reads) if node not in self._reads]
        product = facts.kind != "dataset" or self.scope.run_id is not None
        writes = [node for node in dict.fromkeys(w.node for w in facts.writes) if product and node not in self._writes]
        said = [self._stated.take(written) for written in facts.writes]
        touched = {written.node for written in said if written.sources or written.columns}
        finished, ends, is_part = self._parts.take(facts)
        finished -= self._complete
        self._count += 1
        for node in reads:
            self._reads[node] = (self._count, by)
            self._versions.setdefault((node.namespace, node.name), []).append(node)
            touched |= self._stated.unversioned.get((node.namespace, node.name), set())
        for node in writes:
            self._writes[node] = (self._count, by)
        self._complete |= finished
        end_before = self._ended
        self._ended = min(filter(None, (self._ended, *ends)), default=None)
        links = tuple(link for link in dict.fromkeys(facts.links) if link not in self._links)
        for link in links:
            self._links.add(link)
            self.changes.known(link, by)
        is_new = is_new or is_part or bool(reads or writes or touched or finished or links) or self._ended != end_before
        if not is_new:
            return None
        if reads or writes or touched or finished or self.ended != was_ended:
            self._settle_all(reads, writes, touched, finished, by, (had_reads, had_covered, was_ended))
        kept = (
            Written(w.node, w.sources, w.complete and (facts.parts > 1 or w.node in finished), w.columns) for w in said
        )
        if self.grown is not None:
            sources = (raw for w in said for raw in (*w.sources, *(raw for raw, _ in w.columns)))
            self.grown.note(reads, writes, sources)
        named = {*writes, *described}
        return dataclasses.replace(
            facts,
            reads=tuple(reads),
            # All parts of an event keep what they claim to be complete.
            writes=tuple(w for w in kept if w.sources or w.columns or w.complete or w.node in named),
            links=links,
            described=described,
        )

    def sift(self, columns: Columns, messages: Any, first: int) -> int:
        """Take messages in by compiled code from `first` on, as `add` would each, while they say nothing but inputs
        that are new, or outputs; where it stopped. `messages`: row, offset and digest of each, as arrays.
        """
        grown = self.grown
        if grown is None:
            grown = self.grown = Grown(self.scope, self._reads, self._writes, self._stated.named())
            self._reads.packed, self._writes.packed = grown.reads, grown.writes
            self.described.packed = grown.reads, grown.writes
        before = grown.events
        grown.reserve(columns, messages[0][first:])
        may_read = not self.ended and (bool(self._reads) or not self._writes)
        may_write = not self.ended and len(self._reads) <= _MOST_SOURCES
        stop = grown.sift(columns, messages, first, may_read=may_read, may_write=may_write)
        if grown.events > before:
            grown.number_events(before, self._count)
            self._take_grown(grown, before)
        return stop

    def remember(self, state: str) -> None:
        """The message at which `sift` stopped was added; it does not end the run."""
        if self.grown is not None:
            self.grown.remember(state)

    def _take_grown(self, grown: Grown, first: int) -> None:
        """Tell what events from `first` on named: inputs that no output names as a source, outputs that name none. The
        run has not ended. From here on it counts as wide: pair by pair is kept what few events say.
        """
        for begin, end, is_read in grown.stretches(first):
            mine, theirs, named = (
                (grown.reads, grown.writes, self._writes) if is_read else (grown.writes, grown.reads, self._reads)
            )
            others = tuple(named.upto(theirs.firsts(begin, begin)[0]))
            if others and self._wide.since is None:
                self._wide.since = mine.by_event(begin)
            if is_read:
                others = tuple(node for node in others if node not in self._complete)
            if others:
                self.told.append(Told(mine, begin, end, others))
            self._count = mine.by_event(end - 1)

    def _settle_all(
        self,
        reads: list[Node],
        writes: list[Node],
        touched: set[Node],
        finished: set[Node],
        by: EventRef,
        was: tuple[bool, bool, bool],
    ) -> None:
        """Settle what one message may have changed. `was`: whether there were reads, an output that all inputs lead
        to, an end.
        """
        had_reads, had_covered, was_ended = was
        if self._wide.since is None and len(self._reads) * len(self._writes) > wide.WIDE:
            self._wide.since = self._count
        # What is stated first: such pairs are in no product.
        pairs = {pair for target in touched for pair in self._resolve(target, by)}
        pairs |= self._product_changes(reads, writes, finished, by)
        self._settle_pairs(pairs, by)
        flipped = had_covered != self._is_covered() or self.ended != was_ended
        sources = self._alone() if flipped else {*reads, *(s for s, _ in pairs)} & self._reads.keys()
        flipped = had_reads != bool(self._reads) or self.ended != was_ended
        targets = self._unmade() if flipped else {*writes, *finished, *(t for _, t in pairs)} & self._writes.keys()
        for source in sources:
            self._standing.settle(Edge(source, None, False), self.ended and not self._has_target(source), by)
        for target in targets:
            self._standing.settle(Edge(None, target, False), self.ended and not self._has_source(target), by)

    def _alone(self) -> set[Node]:
        """The inputs that led nowhere so far, and where they may lead nowhere now, all."""
        if self.ended and not self._is_covered():
            return set(self._reads)
        return self._standing.without_target()

    def _unmade(self) -> set[Node]:
        """The outputs that came from nothing so far, and where they may come from nothing now, all."""
        if self.ended and not self._reads:
            return set(self._writes)
        return (self._complete & self._writes.keys()) | self._standing.without_source()

    def _is_covered(self) -> bool:
        """Whether there is an output that all inputs lead to."""
        return len(self._complete & self._writes.keys()) < len(self._writes)

    def _has_target(self, source: Node) -> bool:
        return self._is_covered() or self._standing.leads_on(source)

    def _has_source(self, target: Node) -> bool:
        return (bool(self._reads) and target not in self._complete) or self._standing.comes_from(target)

    def _product_changes(
        self, reads: list[Node], writes: list[Node], finished: set[Node], by: EventRef
    ) -> set[tuple[Node, Node]]:
        """The pairs of the product that this event may change; what wide runs tell as products is told at once."""
        if self._wide.since is not None:
            return self._wide.take(reads, writes, finished, by, self.told)
        pairs = {(source, target) for source in reads for target in self._writes}
        # Only what an output changes goes through all inputs: a run of many events stays as fast as it began.
        return pairs | {(source, target) for target in {*writes, *finished} for source in self._reads}

    def _resolve(self, target: Node, by: EventRef) -> set[tuple[Node, Node]]:
        """Work out a target's stated sources anew, settle its column edges; the pairs this may change."""
        explicit = {node for raw in self._stated.sources[target] for node in self._meant(raw)}
        columns = {ColumnEdge(node, target, row) for raw, row in self._stated.rows[target] for node in self._meant(raw)}
        stated = {edge.source for edge in columns}
        old_explicit, old_stated = self._resolved.get(target, (set(), set()))
        self._resolved[target] = (explicit, stated)
        current = self._columns.setdefault(target, {})
        for edge in [edge for edge in current if edge not in columns]:
            self.changes.withdrawn(edge, current.pop(edge), by)
        for edge in columns:
            if edge not in current:
                current[edge] = by
                self.changes.known(edge, by)
        return {(source, target) for source in (explicit ^ old_explicit) | (stated ^ old_stated)}

    def _meant(self, raw: Node) -> list[Node]:
        """A source without a version means each version under which the run reads that dataset, if any."""
        if raw.version is not None:
            return [raw]
        versions = self._versions.get((raw.namespace, raw.name), [])
        if self.grown is not None:
            versions = versions + self.grown.reads.named(raw.namespace, raw.name)
        return versions or [raw]

    def _settle_pairs(self, pairs: set[tuple[Node, Node]], by: EventRef) -> None:
        for source, target in pairs:
            explicit, stated = self._resolved.get(target, (set(), set()))
            in_product = source in self._reads and target in self._writes and target not in self._complete
            known = max(self._reads[source], self._writes[target]) if in_product else None
            implied = known is not None and self._wide.since is not None and known[0] >= self._wide.since
            if implied and known is not None and known[0] < self._count:
                self._wide.restate(source, target, known[1], by)
            is_explicit = source in explicit
            wanted = not is_explicit and (source in stated or (in_product and not implied))
            self._standing.settle(Edge(source, target, True), is_explicit, by)
            self._standing.settle(Edge(source, target, False), wanted, by)
