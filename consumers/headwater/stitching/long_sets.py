"""What long runs made known by compiled code, as edge-set messages: bytes of datasets, copied as they came."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from headwater.schemas import records, varints
from headwater.schemas.framing import single_object_header
from headwater.stitching.edge_sets import blocks
from headwater.stitching.facts import Node, Scope
from headwater.stitching.kernel import products
from headwater.stitching.kernel.shapes import MAX_BYTES
from headwater.stitching.packed_nodes import identity_of, name_of, optional, text
from headwater.stitching.reads import Descriptions, Told

_HEADER = single_object_header(records.current("edge_set"))
#: Of a message: what stands around its lists; of each list, what one entry takes beyond the bytes that are asked for.
_AROUND, _BEYOND = 256, 64


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
    packed = told.packed()
    for block in blocks(told.others, described):
        others = b"".join(_node(node, described) for node in block)
        numbers = np.frombuffer(_list(len(block), b"".join(map(varints.encode, range(len(block))))), np.uint8)
        # Names may be so long that there is no room beside them: each message then takes one dataset.
        most = max(0, MAX_BYTES - _AROUND - len(run) - len(others))
        longest = most + len(numbers) + packed.longest + _BEYOND
        lists = np.empty(longest, np.uint8), np.empty(longest, np.uint8), np.empty(longest, np.uint8)
        place = np.array([0, packed.firsts[0]], np.int64)
        while place[0] < len(packed.times):
            size = np.zeros(7, np.int64)
            size[products.NODES], size[products.LATEST] = len(block), -1 << 63
            products.fill(*packed, told.side.is_written, place, numbers, most, *lists, size)
            counts = size.tolist()
            events, nodes, edges = (one[:length].tobytes() for one, length in zip(lists, counts, strict=False))
            what = b"".join(
                (
                    varints.encode(counts[products.LATEST]),
                    run,
                    _list(counts[products.EVENTS], events),
                    _list(counts[products.NODES], others + nodes),
                    b"\0",
                    _list(counts[products.PRODUCTS], edges),
                    b"\0\0",
                )
            )
            yield b"".join((head, hashlib.blake2b(what, digest_size=16).digest(), what))


def _list(count: int, entries: bytes) -> bytes:
    return b"".join((varints.encode(count), entries, b"\0")) if count else b"\0"


def _node(node: Node, described: Descriptions) -> bytes:
    origin, kind = described.of(node)
    return identity_of(node) + optional(origin) + text(kind)
