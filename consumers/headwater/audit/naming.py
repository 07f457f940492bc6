"""Which names mean the same dataset, and which nodes are therefore one: aliases and renames, as of the clocks.

The stream keeps names as events give them; this is where the history reads them together. The rule is that of the view
`dataset_names_at`: any number of statements in a row, circles too; for all of them stands a name that is no alias and
was not renamed away, else any, of several the first in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from headwater.audit.clocks import NOW, Clocks
from headwater.audit.lookup import Found, hint, nodes_sql, read, suggest
from headwater.audit.model import Node
from headwater.audit.rows import chunks, select
from headwater.audit.store import Client
from headwater.errors import NotFound


@dataclass(frozen=True, order=True)
class Name:
    """One name of a dataset, ordered as one of them stands for all. `secondary`: an alias, or renamed away."""

    secondary: bool
    namespace: str
    name: str
    dataset: int


class Names:
    """The names of datasets; asks for each once, and for none where the history holds no alias at all."""

    def __init__(self, client: Client, clocks: Clocks = NOW) -> None:
        self._client = client
        self._clocks = clocks
        self._groups: dict[int, tuple[Name, ...]] = {}
        self._any: bool | None = None

    def of(self, datasets: Iterable[int]) -> dict[int, tuple[Name, ...]]:
        """All names of each of the datasets that has more than one, the one that stands for all first."""
        wanted = set(datasets)
        fresh = wanted - self._groups.keys()
        if fresh and self._some():
            self._learn(fresh)
        return {dataset: group for dataset in wanted if (group := self._groups.get(dataset, ()))}

    def named(self, namespace: str, name: str) -> tuple[Name, ...]:
        """The same of a name, whether or not a node has it."""
        if not self._some():
            return ()
        [row] = select(
            self._client,
            "SELECT sipHash64({namespace:String}, {name:String}, toUInt8(1), '') AS dataset",
            {"namespace": namespace, "name": name},
        )
        return self.of({row["dataset"]}).get(row["dataset"], ())

    def same(self, nodes: Iterable[Found]) -> dict[int, tuple[Found, ...]]:
        """By key, all nodes that are this one under its dataset's names, the one that stands for all first.

        Nodes that are alone are left out.
        """
        some = list(nodes)
        groups = self.of(node.dataset for node in some)
        several = [node for node in some if node.dataset in groups]
        asked = {(name.namespace, name.name, node.node.version) for node in several for name in groups[node.dataset]}
        known = {(one.dataset, one.node.version): one for one in self.at(asked)}
        found: dict[int, tuple[Found, ...]] = {}
        for node in several:
            places = [(name.dataset, node.node.version) for name in groups[node.dataset]]
            members = tuple(known[place] for place in places if place in known)
            if len(members) > 1 and node in members:
                found[node.key] = members
        return found

    def at(self, asked: Iterable[tuple[str, str, str | None]]) -> Iterator[Found]:
        """The nodes that have just these namespaces, names and versions."""
        for part in chunks(sorted(asked, key=lambda one: (one[0], one[1], one[2] is None, one[2] or ""))):
            yield from read(self._client, *self._sql(part))

    def _sql(self, asked: Sequence[tuple[str, str, str | None]]) -> tuple[str, dict[str, object]]:
        keys = "arrayMap((s, n, v) -> sipHash64(s, n, toUInt8(isNull(v)), ifNull(v, '')), "
        keys += "{namespaces:Array(String)}, {names:Array(String)}, {versions:Array(Nullable(String))})"
        return nodes_sql(self._clocks, f"key IN (SELECT arrayJoin({keys}))", known=True), {
            "namespaces": [namespace for namespace, _, _ in asked],
            "names": [name for _, name, _ in asked],
            "versions": [version for _, _, version in asked],
            **self._clocks.values(),
        }

    def _some(self) -> bool:
        if self._any is None:
            self._any = bool(select(self._client, "SELECT 1 AS one FROM dataset_aliases LIMIT 1"))
        return self._any

    def _learn(self, datasets: set[int]) -> None:
        near: dict[int, set[int]] = {}
        names: dict[int, Name] = {}
        frontier = set(datasets)
        while frontier:
            near.update((dataset, set()) for dataset in frontier)
            for some in chunks(sorted(frontier)):
                for row in select(
                    self._client,
                    "SELECT dataset, any(namespace) AS one_namespace, any(name) AS one_name, max(secondary) AS second, "
                    f"groupUniqArray(other) AS others FROM dataset_aliases "
                    f"WHERE dataset IN {{datasets:Array(UInt64)}} AND {self._clocks.events()} GROUP BY dataset",
                    {"datasets": some, **self._clocks.values()},
                ):
                    dataset = row["dataset"]
                    names[dataset] = Name(bool(row["second"]), row["one_namespace"], row["one_name"], dataset)
                    near[dataset] = set(row["others"])
            frontier = {other for dataset in frontier for other in near[dataset]} - near.keys()
        for dataset in datasets:
            if dataset not in self._groups:
                group = _reached(dataset, near)
                every = tuple(sorted(names[one] for one in group if one in names))
                self._groups.update(dict.fromkeys(group, every))


def _reached(dataset: int, near: dict[int, set[int]]) -> set[int]:
    seen = {dataset}
    frontier = [dataset]
    while frontier:
        fresh = near[frontier.pop()] - seen
        seen |= fresh
        frontier += fresh
    return seen


def standing(same: dict[int, tuple[Found, ...]], key: int) -> int:
    """The key of the node that stands for a node: itself, where it is alone."""
    members = same.get(key)
    return members[0].key if members else key


def exact(client: Client, node: Node, clocks: Clocks = NOW, names: Names | None = None) -> list[Found]:
    """The node by any name of its dataset and, where it names no version, all versions.

    Raises NotFound with suggestions.
    """
    found = matching(client, node, names or Names(client, clocks), clocks)
    if not found:
        if clocks.set and matching(client, node, Names(client), NOW):
            raise NotFound(f"{node} was not known then; it came later")
        raise NotFound(f"{node} is not in the history{hint(suggest(client, node.name))}")
    return found


def versions_of(nodes: Iterable[Node], names: Names) -> dict[Node, list[Found]]:
    """Many nodes that name a version, each by any name of its dataset, asked for together.

    What is not there is left out; a column that a node names is not looked at.
    """
    places: dict[Node, list[tuple[str, str, str | None]]] = {}
    under: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for node in nodes:
        name = (node.namespace, node.name)
        if name not in under:
            under[name] = [(one.namespace, one.name) for one in names.named(*name)] or [name]
        places[node] = [(namespace, of, node.version) for namespace, of in under[name]]
    found: dict[tuple[str, str, str | None], Found] = {}
    for one in names.at({place for some in places.values() for place in some}):
        found[one.node.namespace, one.node.name, one.node.version] = one
    return {
        node: sorted((found[place] for place in some if place in found), key=lambda one: one.key)
        for node, some in places.items()
        if any(place in found for place in some)
    }


def matching(client: Client, node: Node, names: Names, clocks: Clocks) -> list[Found]:
    """The node by any name of its dataset and, where it names no version, all versions; none where it is not there."""
    if node.version is not None:
        return versions_of([node], names).get(node, [])
    every = names.named(node.namespace, node.name)
    asked = [(name.namespace, name.name) for name in every] or [(node.namespace, node.name)]
    hashes = (
        "(SELECT arrayJoin(arrayMap((s, n) -> sipHash64(s, n, toUInt8(1), ''), "
        "{namespaces:Array(String)}, {names:Array(String)})))"
    )
    where = f"key IN (SELECT key FROM dataset_nodes WHERE dataset IN {hashes})"
    values: dict[str, object] = {
        "namespaces": [namespace for namespace, _ in asked],
        "names": [name for _, name in asked],
        **clocks.values(),
    }
    return sorted(read(client, nodes_sql(clocks, where, known=True), values), key=lambda found: found.key)
