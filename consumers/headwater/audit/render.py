"""Walks and answers for people: a tree or a table for a terminal, Mermaid, Graphviz dot, CSV.

Names may hold anything: what a terminal or a picture would take as its own is escaped.
"""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from headwater.audit.drawing import by_columns, ends
from headwater.audit.model import Node, Step, Walk, WalkEdge, plain, show_time

#: Characters of a table's cell at most.
CELL = 60

#: What hangs below a node, by which edge; None: a column of the node itself.
_Below: TypeAlias = dict[Node, list[tuple[Node, WalkEdge | None]]]


def printable(text: str) -> str:
    """The text on one line, control characters and the like as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def label(node: Node) -> str:
    """A node's name without its namespace."""
    version = "" if node.version is None else f"@{node.version}"
    column = "" if node.column is None else f"[{node.column}]"
    return printable(f"{node.name}{version}{column}")


def tree(walk: Walk, steps: Mapping[str, Step] | None = None) -> str:
    """A walk as a tree. Each node is unfolded once; steps: what is said of the runs on the way."""
    kinds = {node.node: node.kind for node in walk.nodes}
    below: _Below = {}
    for edge in walk.edges:
        near, far = (edge.target, edge.source) if walk.direction == "up" else (edge.source, edge.target)
        below.setdefault(near, []).append((far, edge))
    if walk.roots and walk.roots[0].column is not None:
        _bridge(walk, below)
    else:
        _own_columns(walk.roots, below)
    lines: list[str] = []
    seen: set[Node] = set()
    for root in walk.roots:
        lines.append(f"{label(root)}  {kinds.get(root, '')}".rstrip())
        _branch(root, "", below, kinds, seen, lines, steps or {})
    if walk.truncated:
        lines.append(f"(truncated: {walk.reason})")
    return "\n".join(lines)


def _own_columns(roots: Sequence[Node], below: _Below) -> None:
    """The columns that a walk along column edges left a whole node by hang below that node."""
    whole = set(roots)
    for node in [node for node in below if node.column is not None]:
        root = Node(node.namespace, node.name, node.version)
        if root in whole:
            below.setdefault(root, []).append((node, None))


def _bridge(walk: Walk, below: _Below) -> None:
    """An edge that holds for every column hangs below each column of its node that was reached."""
    for item in walk.nodes:
        node = item.node
        whole = below.get(Node(node.namespace, node.name, node.version), [])
        if node.column is not None and whole:
            below.setdefault(node, []).extend(whole)


def _branch(
    node: Node,
    indent: str,
    below: _Below,
    kinds: Mapping[Node, str],
    seen: set[Node],
    lines: list[str],
    steps: Mapping[str, Step],
) -> None:
    # An explicit stack: a chain may be longer than Python's own allows.
    stack: list[tuple[Node, str, bool, WalkEdge | None]] = []

    def unfold(parent: Node, margin: str) -> None:
        if parent in seen:
            return
        seen.add(parent)
        children = _children(below.get(parent, ()))
        for place, (child, edge) in reversed(list(enumerate(children))):
            stack.append((child, margin, place == len(children) - 1, edge))

    unfold(node, indent)
    while stack:
        child, margin, last, edge = stack.pop()
        again = child in seen and bool(below.get(child))
        lines.append(
            f"{margin}{'└── ' if last else '├── '}{label(child)}  {kinds.get(child, '')}"
            f"{_via(edge, steps)}{'  (above)' if again else ''}"
        )
        unfold(child, margin + ("    " if last else "│   "))


def _children(edges: Iterable[tuple[Node, WalkEdge | None]]) -> list[tuple[Node, WalkEdge | None]]:
    """Each node once, the latest edge to it, in the order of their names."""
    latest: dict[Node, WalkEdge | None] = {}
    for node, edge in edges:
        before = latest.get(node)
        if before is None or (edge is not None and before.event_time < edge.event_time):
            latest[node] = edge
    return sorted(latest.items(), key=lambda item: str(item[0]))


def _via(edge: WalkEdge | None, steps: Mapping[str, Step]) -> str:
    if edge is None:
        return ""
    said = [printable(edge.job_name)] if edge.job_name else []
    if edge.run_id is not None:
        said.append(f"run {str(edge.run_id)[:8]}")
        step = steps.get(str(edge.run_id))
        if step is not None and step.commit:
            said.append(f"commit {printable(step.commit[:10])}{' (dirty)' if step.dirty else ''}")
    said.append(show_time(edge.event_time))
    if edge.subtype or edge.transformation:
        said.append(printable(edge.subtype or edge.transformation).lower())
    if edge.masking:
        said.append("masked")
    if edge.inferred:
        said.append("version inferred")
    return f"  ← {', '.join(said)}"


def mermaid(walk: Walk) -> str:
    """A walk as a Mermaid flowchart; data flow from left to right."""
    ids = {node.node: f"n{i}" for i, node in enumerate(walk.nodes)}
    lines = ["flowchart LR"]
    lines += [
        f'    {ids[node.node]}["{_entities(label(node.node))}<br/>{_entities(node.kind)}"]' for node in walk.nodes
    ]
    for source, target, job in _pairs(walk, ids):
        text = f'|"{_entities(job)}"|' if job else ""
        lines.append(f"    {source} -->{text} {target}")
    if walk.truncated:
        lines.append(f'    cut["truncated: {_entities(walk.reason)}"]')
    return "\n".join(lines)


def dot(walk: Walk) -> str:
    """A walk as a Graphviz digraph; data flow from left to right."""
    ids = {node.node: f"n{i}" for i, node in enumerate(walk.nodes)}
    lines = ["digraph lineage {", "    rankdir=LR;", "    node [shape=box];"]
    lines += [f"    {ids[node.node]} [label={_quoted(f'{label(node.node)}  {node.kind}')}];" for node in walk.nodes]
    lines += [f"    {source} -> {target} [label={_quoted(job)}];" for source, target, job in _pairs(walk, ids)]
    if walk.truncated:
        lines.append(f"    cut [shape=note, label={_quoted('truncated: ' + walk.reason)}];")
    return "\n".join([*lines, "}"])


def _pairs(walk: Walk, ids: Mapping[Node, str]) -> list[tuple[str, str, str]]:
    columns = by_columns(ids)
    found = {
        (ids[source], ids[target], printable(edge.job_name))
        for edge in walk.edges
        for source in ends(edge.source, ids, columns)
        for target in ends(edge.target, ids, columns)
    }
    return sorted(found)


def _entities(text: str) -> str:
    return "".join(c if c.isalnum() or c in " @./:-_=," else f"#{ord(c)};" for c in text)


def _quoted(text: str) -> str:
    escaped = printable(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def cell(value: object) -> str:
    """A value as one short text."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return show_time(value)
    if isinstance(value, uuid.UUID | int | str):
        return printable(str(value))
    if isinstance(value, float):
        return f"{value:.6g}"
    return printable(str(plain(value)))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows under their names; long cells are cut with …"""
    texts = [[text if len(text) <= CELL else text[: CELL - 1] + "…" for text in map(cell, row)] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *texts, strict=True)]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in [columns, *texts]]
    lines.insert(1, "  ".join("─" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV (RFC 4180) with a header."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows(["" if value is None else plain(value) for value in row] for row in rows)
    return out.getvalue()
