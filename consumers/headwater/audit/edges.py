"""One step of a walk: the edges that stand next to a set of nodes, reads without version resolved.

A statement costs its planning whatever it finds, so a step that asks reads on ahead: `beyond` finds what lies some
levels further by key alone, then one statement each brings all of their edges, the nodes at their ends, and what the
reads without version stand for. The steps that follow find theirs already here. What is read ahead and not needed
changes no answer.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import itemgetter

from headwater.audit.ahead import beyond
from headwater.audit.clocks import NOW, Clocks
from headwater.audit.edge_rows import Edge, EdgeRows, place_of
from headwater.audit.lookup import Nodes
from headwater.audit.model import Direction
from headwater.audit.naming import Names
from headwater.audit.rows import KEYS, chunks, select, together
from headwater.audit.store import Client
from headwater.audit.versions import NAMED, named, stood


class Edges:
    """Edges next to nodes; remembers what it read, and the versions of the datasets that it had to resolve.

    `names`: a read that named no version is resolved to what was written under any name of the dataset. `nodes`: where
    the ends of what was read are looked up and kept.
    """

    def __init__(
        self, client: Client, direction: Direction, names: Names, nodes: Nodes, *, columns: bool, clocks: Clocks = NOW
    ) -> None:
        self._client = client
        self.names = names
        self.nodes = nodes
        self.direction: Direction = direction
        self.clocks = clocks
        self._columns = columns
        self._rows = EdgeRows(client, direction, columns=columns, clocks=clocks)
        #: By the node that they are looked up by: as they were read, and resolved.
        self._known: dict[int, list[tuple[Edge, Edge]]] = {}
        self._stood: dict[tuple[int, datetime], int | None] = {}

    def next_to(self, keys: Iterable[int], datasets: Iterable[int], ahead: int = 0, most: int = 0) -> list[Edge]:
        """Edges into (up) or out of (down) the keys.

        `datasets`: of those nodes. Walking down, a read that named no version is an edge out of the version
        that stood at the time of the read, and of no other. `ahead`: levels that will be asked for next, of
        `most` nodes together.
        """
        wanted = set(keys)
        asked = (wanted if self.direction == "up" else wanted | set(datasets)) - {0}
        if missing := self._unread(asked):
            self._read(missing, ahead, most)
            # What the levels behind will ask for, as far as resolved reads lead out of what was read, together. Which
            # columns a walk follows is not known here.
            while not self._columns and len(self._known) < most and (further := self._beyond_known(wanted, ahead)):
                level, missing = further
                self._read(missing, ahead - level, most)
        found = [known for key in asked for known in self._known[key]]
        # Dataset edges stand in the order of their fields, of which columns may be None.
        found.sort(key=(lambda pair: place_of(pair[0])) if self._columns else itemgetter(0))
        edges = [edge for _, edge in found]
        edges = edges if self.direction == "up" else [edge for edge in edges if edge.source in wanted]
        self.nodes.learn({edge.source if self.direction == "up" else edge.target for edge in edges})
        return edges

    def touching(self, keys: set[int]) -> list[tuple[int, Edge]]:
        """Edges of which one end is named as one of the keys, each with its source as it was named; an end that is
        missing is 0.
        """
        read = list({edge: None for some in chunks(sorted(keys), KEYS) for edge in self._rows.touching(some)})
        self.nodes.learn({end for edge in read for end in (edge.source, edge.target)} - {0})
        edges = self._resolved(read)
        self.nodes.learn({edge.source for edge in edges} - {0})
        return [(before.source, edge) for before, edge in zip(read, edges, strict=True)]

    def _beyond_known(self, keys: set[int], levels: int) -> tuple[int, set[int]] | None:
        """What a walk from these nodes will ask for that was not read yet, and at which level first; None: nothing."""
        seen, fresh = set(keys), set(keys)
        first, missing = 0, set[int]()
        for level in range(1, levels + 1):
            fresh = {end for key in fresh for end in self._ends(key)} - seen
            if not fresh:
                break
            seen |= fresh
            if self.direction == "down":
                self.nodes.learn(fresh)
            unread = self._unread(place for key in fresh for place in self._places(key))
            first = first if missing or not unread else level
            missing |= unread
        return (first, missing) if missing else None

    def _unread(self, keys: Iterable[int]) -> set[int]:
        # Not by the difference of sets: that of a dict's keys goes through all of them.
        return {key for key in keys if key not in self._known}

    def _places(self, key: int) -> set[int]:
        """The keys under which edges next to a node are looked up."""
        node = self.nodes.found.get(key)
        return {key} if self.direction == "up" or node is None else {key, node.dataset}

    def _ends(self, key: int) -> Iterable[int]:
        """The nodes that known edges lead to from a node."""
        edges = (edge for place in self._places(key) for _, edge in self._known.get(place, ()))
        return (
            (edge.source for edge in edges) if self.direction == "up" else (e.target for e in edges if e.source == key)
        )

    def _read(self, missing: set[int], ahead: int, most: int) -> None:
        further = beyond(self._client, self._rows.ends, self.direction, missing, ahead, most)
        found = missing | further.nodes | further.datasets
        parts = [*chunks(sorted(self._unread(found)), KEYS)]
        read, _ = together(
            lambda: [edge for some in parts for edge in self._rows.next_to(some) if edge.source and edge.target],
            lambda: self.nodes.learn(missing | further.nodes),
        )
        # Of a dataset that many read without version few reads are of the versions that are walked to: what the others
        # lead to is not looked up.
        self.nodes.learn({edge.source for edge in read} | {edge.target for edge in read if not edge.unversioned})
        for key in found:
            self._known.setdefault(key, [])
        edges = self._resolved(read)
        for before, edge in zip(read, edges, strict=True):
            self._known[before.target if self._rows.up else before.source].append((before, edge))
        if self.direction == "down":
            self.nodes.learn({edge.target for edge in edges if edge.source in self._known})

    def _resolved(self, read: Sequence[Edge]) -> Sequence[Edge]:
        open_reads = [edge for edge in read if edge.unversioned]
        if not open_reads:
            return read
        times = self._read_times(
            {uuid.UUID(int=edge.run) for edge in open_reads if edge.run}, {edge.source for edge in open_reads}
        )
        asked = [(edge.source, times.get((edge.run, edge.source), edge.at)) for edge in open_reads]
        self._learn(asked)
        versions = iter(asked)
        edges: list[Edge] = []
        for edge in read:
            version = self._stood[next(versions)] if edge.unversioned else None
            edges.append(edge if version is None else edge._replace(source=version, inferred=True))
        return edges

    def _learn(self, asked: Iterable[tuple[int, datetime]]) -> None:
        """The keys of the versions that stood at these times, under any name of their datasets."""
        missing = set(asked) - self._stood.keys()
        datasets = {dataset for dataset, _ in missing}
        groups = self.names.of(datasets)
        names = {dataset: [(name.namespace, name.name) for name in group] for dataset, group in groups.items()}
        names = {dataset: [name] for dataset, name in self._named(datasets).items()} | names
        times: dict[tuple[str, str], set[datetime]] = defaultdict(set)
        for dataset, at in missing:
            for name in names.get(dataset, ()):
                times[name].add(at)
        found = stood(self._client, times, self.clocks)
        for dataset, at in missing:
            every = [found[*name, at] for name in names.get(dataset, ()) if (*name, at) in found]
            self._stood[dataset, at] = max(every).key if every else None

    def _named(self, datasets: Iterable[int]) -> dict[int, tuple[str, str]]:
        """Names of datasets that were read without version, from the nodes that stand for such a read."""
        nodes = ((dataset, self.nodes.found.get(dataset)) for dataset in datasets)
        return {dataset: (one.node.namespace, one.node.name) for dataset, one in nodes if one is not None}

    def _read_times(self, runs: set[uuid.UUID], datasets: set[int]) -> dict[tuple[int, int], datetime]:
        """When each run, by its id as a number, first read each dataset of which it named no version."""
        times: dict[tuple[int, int], datetime] = {}
        names = sorted(self._named(datasets).values())
        for some in chunks(sorted(runs)):
            for row in select(
                self._client,
                "SELECT assumeNotNull(run_id) AS run, sipHash64(namespace, name, toUInt8(1), '') AS dataset, "
                f"min(u.event_time) AS first FROM dataset_uses AS u WHERE {NAMED} AND access = 'read' "
                f"AND isNull(version) AND run_id IN {{runs:Array(UUID)}} AND {self.clocks.events()} "
                "GROUP BY run, dataset",
                {"runs": some, **named(names), **self.clocks.values()},
            ):
                times[row["run"].int, row["dataset"]] = row["first"]
        return times
