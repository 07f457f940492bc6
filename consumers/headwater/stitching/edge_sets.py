"""Changes as edge-set messages: each dataset and event once, at most 256 KB a message."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from headwater.schemas import plain, records
from headwater.schemas.framing import single_object_header
from headwater.stitching.changes import Change, ColumnEdge, Edge, Product
from headwater.stitching.facts import ColumnRow, Description, EventRef, Link, Node, Scope
from headwater.stitching.kernel.shapes import MAX_BYTES
from headwater.stitching.reads import Descriptions

#: A product's blocks of nodes are cut so that two of them fit a message. One node takes at most five texts of 8 KB.
_BLOCK_BYTES = 100 * 1024

_SCHEMA = records.current("edge_set")
_HEADER = single_object_header(_SCHEMA)
_NO_ID = bytes(16)


@dataclass
class _Set:
    """A message under way; `size` is an upper bound of its bytes."""

    size: int
    events: dict[EventRef, int] = field(default_factory=dict[EventRef, int])
    nodes: dict[Node, int] = field(default_factory=dict[Node, int])
    edges: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    products: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    column_edges: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    links: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def event(self, event: EventRef | None) -> int:
        if event is None:
            return -1
        return self.events.setdefault(event, len(self.events))

    def node(self, node: Node | None) -> int:
        if node is None:
            return -1
        return self.nodes.setdefault(node, len(self.nodes))

    def when(self, change: Change) -> dict[str, int]:
        return {"known_by": self.event(change.known_by), "withdrawn_by": self.event(change.withdrawn_by)}


def edge_sets(
    scope: Scope,
    state: str,
    changes: Iterable[Change],
    described: Descriptions,
    *,
    producer_id: bytes,
    now_us: int,
) -> Iterator[bytes]:
    """The messages, framed, whose edges together are the changes. The same changes give the same event ids."""
    under_way = _Set(_size_of_scope(scope, state))
    for change in changes:
        for part in _cut(change, described):
            size = _size(part, under_way, described)
            if under_way.size + size > MAX_BYTES and under_way.events:
                yield _message(scope, state, under_way, described, producer_id, now_us)
                under_way = _Set(_size_of_scope(scope, state))
                size = _size(part, under_way, described)
            under_way.size += size
            _put(under_way, part)
    if under_way.events:
        yield _message(scope, state, under_way, described, producer_id, now_us)


def _cut(change: Change, described: Descriptions) -> Iterator[Change]:
    what = change.what
    if not isinstance(what, Product):
        yield change
        return
    for sources in blocks(what.sources, described):
        for targets in blocks(what.targets, described):
            yield Change(Product(sources, targets), change.known_by, change.withdrawn_by)


def blocks(nodes: tuple[Node, ...], described: Descriptions) -> Iterator[tuple[Node, ...]]:
    """Nodes in pieces, two of which fit a message."""
    block: list[Node] = []
    size = 0
    for node in nodes:
        more = _node_size(node, described) + 5
        if block and size + more > _BLOCK_BYTES:
            yield tuple(block)
            block, size = [], 0
        block.append(node)
        size += more
    yield tuple(block)


def _text(value: str | None) -> int:
    return 6 + (4 * len(value) if value is not None and not value.isascii() else len(value or ""))


def _node_size(node: Node, described: Descriptions) -> int:
    description = described.of(node)
    return sum(map(_text, (*node, *description)))


def _size_of_scope(scope: Scope, state: str) -> int:
    return 128 + _text(scope.namespace) + _text(scope.name) + _text(state)


def _size(change: Change, under_way: _Set, described: Descriptions) -> int:
    what = change.what
    nodes: tuple[Node | None, ...] = ()
    size = 64 + 32
    if isinstance(what, Product):
        nodes = (*what.sources, *what.targets)
        size += 5 * len(nodes) + 16
    elif isinstance(what, Edge | ColumnEdge):
        nodes = (what.source, what.target)
    row = what.row if isinstance(what, ColumnEdge) else what if isinstance(what, Link) else ()
    size += sum(_text(value) if isinstance(value, str) else 24 for value in row)
    for node in nodes:
        if node is not None and node not in under_way.nodes:
            size += _node_size(node, described)
    return size


def _put(under_way: _Set, change: Change) -> None:
    what = change.what
    when = under_way.when(change)
    if isinstance(what, Edge):
        ends = {"source": under_way.node(what.source), "target": under_way.node(what.target)}
        under_way.edges.append({**ends, **when, "explicit": what.explicit})
    elif isinstance(what, ColumnEdge):
        ends = {"source": under_way.node(what.source), "target": under_way.node(what.target)}
        row = dict(zip(ColumnRow._fields, what.row, strict=True))
        under_way.column_edges.append({**ends, **when, **row})
    elif isinstance(what, Product):
        sources = [under_way.node(node) for node in what.sources]
        under_way.products.append({"sources": sources, "targets": [under_way.node(n) for n in what.targets], **when})
    else:
        under_way.links.append({**when, **dict(zip(Link._fields, what, strict=True))})


def _message(
    scope: Scope,
    state: str,
    under_way: _Set,
    described: Descriptions,
    producer_id: bytes,
    now_us: int,
) -> bytes:
    body = plain.encode(
        _SCHEMA,
        {
            "emit_time": now_us,
            "producer_id": producer_id,
            "sequence": 0,
            "event_id": _NO_ID,
            "event_time": max(event.event_time for event in under_way.events),
            "run_id": scope.run_id,
            "job_namespace": scope.namespace,
            "job_name": scope.name,
            "state": state,
            "events": [{"event_id": event.event_id, "event_time": event.event_time} for event in under_way.events],
            "datasets": [_node(node, described.of(node)) for node in under_way.nodes],
            "edges": under_way.edges,
            "products": under_way.products,
            "column_edges": under_way.column_edges,
            "links": under_way.links,
        },
    )
    # The id is the digest of what stands after it: emit_time ends with the first byte below 128.
    at = next(i for i, byte in enumerate(body) if byte < 128) + 1 + 16 + 1
    what = body[at + 16 :]
    return b"".join((_HEADER, body[:at], hashlib.blake2b(what, digest_size=16).digest(), what))


def _node(node: Node, description: Description) -> dict[str, Any]:
    return {
        "namespace": node.namespace,
        "name": node.name,
        "version": node.version,
        "version_origin": description.origin,
        "kind": description.kind,
    }
