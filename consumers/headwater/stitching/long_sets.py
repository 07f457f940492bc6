"""What long runs made known by compiled code, as edge-set messages: bytes of inputs, copied as they came."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from headwater.schemas import records, varints
from headwater.schemas.framing import single_object_header
from headwater.stitching.edge_sets import MAX_BYTES, blocks
from headwater.stitching.facts import EventRef, Node, Scope
from headwater.stitching.grown import identity_of, name_of, text
from headwater.stitching.reads import Descriptions, Told

_HEADER = single_object_header(records.current("edge_set"))
_NUMBERS = tuple(varints.encode(n) for n in range(4096))
#: An event, a product's numbers; what stands around them.
_EVENT, _ENTRY, _AROUND = 32, 24, 256


class _Message:
    """A message under way: events, nodes, the targets first, and products."""

    def __init__(self, targets: list[bytes], around: int) -> None:
        self.events: list[bytes] = []
        self.latest = -1 << 63
        self.nodes = list(targets)
        self.products: list[bytes] = []
        self.size = around + sum(map(len, targets))

    def event(self, event: EventRef) -> int:
        self.events.append(event.event_id + varints.encode(event.event_time))
        self.latest = max(self.latest, event.event_time)
        self.size += _EVENT
        return len(self.events) - 1


def long_sets(
    told: Told, scope: Scope, state: str, described: Descriptions, *, producer_id: bytes, now_us: int
) -> Iterator[bytes]:
    """The messages, framed, at most 256 KB each: a product for each event."""
    run = (
        (b"\0" if scope.run_id is None else b"\x02" + scope.run_id)
        + name_of(Node(scope.namespace, scope.name, None))
        + text(state)
    )
    head = b"".join((_HEADER, varints.encode(now_us), producer_id, b"\0"))

    def whole(message: _Message) -> bytes:
        what = b"".join(
            (
                varints.encode(message.latest),
                run,
                _list(message.events),
                _list(message.nodes),
                b"\0",
                _list(message.products),
                b"\0\0",
            )
        )
        return b"".join((head, hashlib.blake2b(what, digest_size=16).digest(), what))

    for block in blocks(told.targets):
        nodes = [_node(node, described) for node in block]
        targets = _list([_small(place) for place in range(len(nodes))])
        more = _ENTRY + len(targets)
        message = _Message(nodes, _AROUND + len(run))
        for event, entries in told.inputs():
            by, sources = -1, list[bytes]()
            for entry in entries:
                if message.size + len(entry) + more + _EVENT + 4 > MAX_BYTES and len(message.nodes) > len(nodes):
                    if sources:
                        message.products.append(_product(sources, targets, by))
                    yield whole(message)
                    message, by, sources = _Message(nodes, _AROUND + len(run)), -1, []
                if by < 0:
                    by = message.event(event)
                    message.size += more
                sources.append(_small(len(message.nodes)))
                message.nodes.append(entry)
                message.size += len(entry) + 4
            message.products.append(_product(sources, targets, by))
        yield whole(message)


def _product(sources: list[bytes], targets: bytes, by: int) -> bytes:
    return b"".join((_list(sources), targets, _small(by), b"\x01"))


def _list(items: list[bytes]) -> bytes:
    return b"".join((varints.encode(len(items)), *items, b"\0")) if items else b"\0"


def _small(value: int) -> bytes:
    return _NUMBERS[value] if value < len(_NUMBERS) else varints.encode(value)


def _node(node: Node, described: Descriptions) -> bytes:
    origin, kind = described.of(node)
    return identity_of(node) + (b"\0" if origin is None else b"\x02" + text(origin)) + text(kind)
