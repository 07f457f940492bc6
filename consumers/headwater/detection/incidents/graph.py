"""The run-level graph of the last days: which dataset version was made from which, by which run, column by column."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Dataset = tuple[str, str]


class Node(NamedTuple):
    """A dataset version; version None where a read did not name it."""

    namespace: str
    name: str
    version: str | None

    @property
    def dataset(self) -> Dataset:
        """The dataset without its version."""
        return self.namespace, self.name


class ColumnSource(NamedTuple):
    """A column edge within one pair: source column (None: the whole), target column (None: every one), directness, and
    whether the transformation hides the value.
    """

    source: str | None
    target: str | None
    direct: bool
    masked: bool = False


class _Product(NamedTuple):
    """Every source with every target of a wide run, kept as it came."""

    sources: tuple[Node, ...]
    targets: tuple[Node, ...]
    run_id: bytes | None


class Graph:
    """Edges as the sets on `lineage.edges` assert and withdraw them. Any order of sets of different runs."""

    def __init__(self) -> None:
        self._parents: dict[Node, dict[Node, set[bytes | None]]] = defaultdict(dict)
        self._children: dict[Node, set[Node]] = defaultdict(set)
        self._into: dict[Node, list[_Product]] = defaultdict(list)
        self._out_of: dict[Node, list[_Product]] = defaultdict(list)
        self._columns: dict[Node, dict[Dataset, set[ColumnSource]]] = defaultdict(dict)
        self._times: dict[Node, int] = {}
        self._versions: dict[Dataset, list[tuple[int, Node]]] = defaultdict(list)
        self._kinds: dict[Dataset, str] = {}
        self._newest = -(2**63)
        self._in_edges: set[Node] = set()

    def add(self, edge_set: Mapping[str, Any]) -> None:
        """One message of `lineage.edges`."""
        time, run_id = edge_set["event_time"], edge_set["run_id"]
        nodes = [Node(d["namespace"], d["name"], d["version"]) for d in edge_set["datasets"]]
        for node, dataset in zip(nodes, edge_set["datasets"], strict=True):
            self.see(node, dataset["kind"], time)
        self._in_edges.update(nodes)
        for edge in edge_set["edges"]:
            if edge["source"] >= 0 and edge["target"] >= 0:
                source, target = _ends(nodes, edge)
                self._set_edge(source, target, run_id, stands=edge["withdrawn_by"] < 0)
        for product in edge_set["products"]:
            found = _Product(_pick(nodes, product["sources"]), _pick(nodes, product["targets"]), run_id)
            self._set_product(found, stands=product["withdrawn_by"] < 0)
        for edge in edge_set["column_edges"]:
            if edge["source"] >= 0 and edge["target"] >= 0:
                source, target = _ends(nodes, edge)
                pair = self._columns[target].setdefault(source.dataset, set())
                direct = edge["transformation"] != "INDIRECT"
                column = ColumnSource(edge["column"], edge["target_column"], direct, edge["masking"])
                (pair.add if edge["withdrawn_by"] < 0 else pair.discard)(column)

    def see(self, node: Node, kind: str, time: int) -> None:
        """Know a dataset version, its kind, and the first event time that named it."""
        self._newest = max(self._newest, time)
        # As in the history: of several kinds the first by name, the default only where nothing else was stated.
        if kind not in {"", "table"}:
            self._kinds[node.dataset] = min(kind, self._kinds.get(node.dataset, kind))
        known = self._times.get(node)
        if known is None or time < known:
            self._times[node] = time
            if node.version is not None:
                versions = self._versions[node.dataset]
                if known is not None:
                    versions.remove((known, node))
                insort(versions, (time, node))

    def parents(self, node: Node) -> set[Node]:
        """What it was made from; a read that named no version is the newest version at that time."""
        found = set(self._parents.get(node, ()))
        for product in self._into.get(node, ()):
            found.update(product.sources)
        return {self._resolved(parent, node) for parent in found} - {node}

    def children(self, node: Node) -> set[Node]:
        """What was made from it, of reads that named a version."""
        found = set(self._children.get(node, ()))
        for product in self._out_of.get(node, ()):
            found.update(product.targets)
        return found - {node}

    def is_stitched(self, node: Node) -> bool:
        """Whether an edge set named it."""
        return node in self._in_edges

    def column_sources(self, parent: Node, node: Node) -> set[ColumnSource]:
        """The column edges from one to the other; empty where there are none."""
        return self._columns.get(node, {}).get(parent.dataset, set())

    def column_readers(self, dataset: Dataset, column: str) -> set[tuple[str, str, str | None]]:
        """Which columns of which datasets were made from a column of any version, by direct or indirect edges."""
        return {
            (*target.dataset, edge.target)
            for target, sources in self._columns.items()
            for edge in sources.get(dataset, ())
            if edge.source in {column, None}
        }

    def time(self, node: Node) -> int | None:
        """The first event time that named it."""
        return self._times.get(node)

    def kind(self, node: Node) -> str:
        """Its kind; table where nobody said."""
        return self._kinds.get(node.dataset, "table")

    def nodes(self) -> Mapping[Node, int]:
        """Every version and when it was first named."""
        return self._times

    def versions(self, dataset: Dataset, since: int, until: int) -> Iterator[Node]:
        """Its versions first named from `since` to `until`, both included."""
        for time, node in self._versions.get(dataset, ()):
            if since <= time <= until:
                yield node

    def forget(self, oldest: int) -> None:
        """Drop versions first named before `oldest`."""
        for node in [node for node, time in self._times.items() if time < oldest]:
            time = self._times.pop(node)
            if node.version is not None:
                self._versions[node.dataset].remove((time, node))
            for parent in self._parents.pop(node, {}):
                self._children[parent].discard(node)
            for child in self._children.pop(node, set()):
                self._parents.get(child, {}).pop(node, None)
            self._columns.pop(node, None)
            self._in_edges.discard(node)
            self._into.pop(node, None)
            self._out_of.pop(node, None)

    def _resolved(self, parent: Node, child: Node) -> Node:
        if parent.version is not None:
            return parent
        versions = self._versions.get(parent.dataset)
        if not versions:
            return parent
        at = self._times.get(child, self._newest)
        index = bisect_right(versions, at, key=lambda item: item[0])
        return versions[max(0, index - 1)][1]

    def _set_edge(self, source: Node, target: Node, run_id: bytes | None, *, stands: bool) -> None:
        if stands:
            self._parents[target].setdefault(source, set()).add(run_id)
            self._children[source].add(target)
            return
        runs = self._parents[target].get(source)
        if runs is not None:
            runs.discard(run_id)
            if not runs:
                del self._parents[target][source]
                self._children[source].discard(target)

    def _set_product(self, product: _Product, *, stands: bool) -> None:
        for table, nodes in ((self._into, product.targets), (self._out_of, product.sources)):
            for node in nodes:
                if stands and product not in table[node]:
                    table[node].append(product)
                elif not stands and product in table[node]:
                    table[node].remove(product)


def _ends(nodes: Sequence[Node], edge: Mapping[str, Any]) -> tuple[Node, Node]:
    source: int = edge["source"]
    target: int = edge["target"]
    return nodes[source], nodes[target]


def _pick(nodes: Sequence[Node], indexes: Sequence[int]) -> tuple[Node, ...]:
    return tuple(nodes[index] for index in indexes if index >= 0)
