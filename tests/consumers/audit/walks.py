"""Walks made by hand, for tests that need no history."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime

from headwater.audit import Node, Walk, WalkEdge, WalkNode

WHEN = datetime(2026, 3, 1, 8, tzinfo=UTC)
RUN = uuid.UUID(int=7)
#: Names that something on the way to a picture might take as its own.
HOSTILE = (
    "it's",
    'say "hi"',
    "</text></svg><script>alert(1)</script>",
    '"]; click n0 "javascript:alert(1)"',
    '\\" ]; evil -> node [URL="http://x"',
    "new\nline\r\n",
    "nul\0 bell\a esc\x1b[31m",
    "&amp; <b> ]]> --> %s {x}",
    "emoji 🛩 漢字 \u202etxt \ud800",
    "x" * 10_000,
    "end",
)


def node(text: str) -> Node:
    """`name@version[column]`."""
    column = None
    if text.endswith("]"):
        text, _, rest = text.partition("[")
        column = rest[:-1]
    name, at, version = text.partition("@")
    return Node("ns", name, version if at else None, column)


def walk_of(roots: Iterable[Node], edges: Iterable[tuple[Node, Node]], reason: str = "", job: str = "job") -> Walk:
    """A walk that found these edges; depths do not matter here."""
    pairs = list(edges)
    tops = tuple(roots)
    nodes = dict.fromkeys((*tops, *(end for pair in pairs for end in pair)))
    return Walk(
        tops,
        "up",
        tuple(WalkNode(one, "table", int(one not in tops)) for one in nodes),
        tuple(WalkEdge(source, target, RUN, "jobs", job, WHEN) for source, target in pairs),
        bool(reason),
        reason,
    )
