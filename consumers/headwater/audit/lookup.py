"""Finding nodes: by exact name, by part of a name, with suggestions for what is not there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from headwater.audit.clocks import NOW, Clocks
from headwater.audit.model import Node
from headwater.audit.rows import KEYS, chunks, select
from headwater.audit.store import Client
from headwater.errors import NotFound

#: Of the kinds that were stated of a version, the one with the least of these is shown; as the view nodes_at does.
_SHOWN = "(n.kind IN ('', 'table'), n.kind = '', n.kind)"


@dataclass(frozen=True)
class Found:
    """A node as the store knows it: `key` is what edges refer to, `dataset` the same without version."""

    key: int
    dataset: int
    node: Node
    kind: str


def key_sql(prefix: str = "") -> str:
    """The key of a node as the store computes it, from the columns namespace, name and version with this prefix."""
    namespace, name, version = f"{prefix}namespace", f"{prefix}name", f"{prefix}version"
    return f"sipHash64({namespace}, {name}, toUInt8(isNull({version})), ifNull({version}, ''))"


def nodes_sql(clocks: Clocks, where: str, *, known: bool = False) -> str:
    """Nodes that meet a condition on their key. `known`: only those that were known then.

    The condition stands inside, where it is looked up by the sort key; doubles are taken together here, which costs
    less than FINAL.
    """
    if clocks.set:
        then = " WHERE arrival <= {known_at:DateTime64(6, 'UTC')}" if known else ""
        return (
            "SELECT key, dataset, namespace, name, version, kind "
            f"FROM (SELECT * FROM nodes_at(known_at = {{known_at:DateTime64(6, 'UTC')}}) WHERE {where}){then}"
        )
    return (
        "SELECT key, any(n.dataset) AS dataset, any(n.namespace) AS namespace, any(n.name) AS name, "
        f"any(n.version) AS version, argMin(n.kind, {_SHOWN}) AS kind FROM nodes AS n WHERE {where} GROUP BY key"
    )


def by_keys(client: Client, keys: set[int], clocks: Clocks = NOW) -> dict[int, Found]:
    """Nodes by their keys; a key that no node has is left out."""
    found: dict[int, Found] = {}
    sql = nodes_sql(clocks, "key IN {keys:Array(UInt64)}")
    for some in chunks(sorted(keys), KEYS):
        for one in read(client, sql, {"keys": some, **clocks.values()}):
            found[one.key] = one
    return found


class Nodes:
    """Nodes by key, each looked up once. `found`: what was there."""

    def __init__(self, client: Client, clocks: Clocks = NOW) -> None:
        self._client = client
        self._clocks = clocks
        self._asked: set[int] = set()
        self.found: dict[int, Found] = {}

    def learn(self, keys: Iterable[int]) -> None:
        """Look up those that were not yet."""
        fresh = set(keys) - self._asked
        self._asked |= fresh
        self.found.update(by_keys(self._client, fresh, self._clocks))


def find(client: Client, text: str, limit: int = 20) -> list[Node]:
    """Datasets whose name or namespace/name holds the text, the closest first; case is ignored."""
    rows = select(
        client,
        "SELECT namespace, name FROM nodes FINAL "
        "WHERE positionCaseInsensitiveUTF8(concat(namespace, '/', name), {text:String}) > 0 "
        "GROUP BY namespace, name "
        "ORDER BY lowerUTF8(name) != lowerUTF8({text:String}), length(name), namespace, name LIMIT {limit:UInt32}",
        {"text": text, "limit": limit},
    )
    return [Node(row["namespace"], row["name"]) for row in rows]


def resolve(client: Client, text: str) -> Node:
    """The node that a person means: `namespace/name`, `name` or a part of it, `@version`, `[column]` behind.

    Raises NotFound where nothing or more than one thing fits; the message lists what comes near.
    """
    column: str | None = None
    if text.endswith("]") and "[" in text:
        text, _, rest = text.rpartition("[")
        column = rest.removesuffix("]")
    for name, version in _readings(text):
        fits = _fits(client, name)
        if len(fits) == 1 or (fits and name in (str(fits[0]), fits[0].name) and not _same(fits, name)):
            return Node(fits[0].namespace, fits[0].name, version, column)
        if len(fits) > 1:
            raise NotFound(f"{name} fits more than one node{hint(fits)}")
    raise NotFound(f"{text} is not in the history{hint(suggest(client, text.split('@', maxsplit=1)[0]))}")


def _readings(text: str) -> list[tuple[str, str | None]]:
    """A name may hold @ itself, so the whole is tried first."""
    readings: list[tuple[str, str | None]] = [(text, None)]
    if "@" in text:
        name, _, version = text.rpartition("@")
        readings.append((name, version))
        name, _, version = text.partition("@")
        readings.append((name, version))
    return readings


def _fits(client: Client, name: str) -> list[Node]:
    rows = select(
        client,
        "SELECT DISTINCT namespace, name FROM nodes FINAL "
        "WHERE concat(namespace, '/', name) = {text:String} OR name = {text:String} ORDER BY namespace, name",
        {"text": name},
    )
    return [Node(row["namespace"], row["name"]) for row in rows] or find(client, name)


def _same(fits: list[Node], name: str) -> bool:
    return sum(name in (str(node), node.name) for node in fits) > 1


def suggest(client: Client, text: str, limit: int = 5) -> list[Node]:
    """Nodes whose names come near the text."""
    parts = [part for part in (find(client, text, limit), find(client, text.rpartition("/")[2], limit)) if part]
    if parts:
        return parts[0]
    rows = select(client, "SELECT DISTINCT namespace, name FROM nodes FINAL ORDER BY namespace, name LIMIT 20000")
    nodes = {str(Node(row["namespace"], row["name"])): Node(row["namespace"], row["name"]) for row in rows}
    short = {node.name: full for full, node in nodes.items()}
    near = difflib.get_close_matches(text, nodes, limit, 0.5) + [
        short[name] for name in difflib.get_close_matches(text.rpartition("/")[2], short, limit, 0.5)
    ]
    return [nodes[name] for name in dict.fromkeys(near)][:limit]


def hint(nodes: list[Node]) -> str:
    """Suggestions, as the end of a message."""
    return f"; did you mean {', '.join(map(str, nodes[:5]))}?" if nodes else ""


def read(client: Client, sql: str, parameters: dict[str, object]) -> list[Found]:
    """The nodes that a statement of `nodes_sql` gives."""
    return [
        Found(row["key"], row["dataset"], Node(row["namespace"], row["name"], row["version"]), row["kind"])
        for row in select(client, sql, parameters)
    ]
