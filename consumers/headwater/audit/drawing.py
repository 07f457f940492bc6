"""What a picture of walks shows: boxes and the ways between them, with versions of a dataset in one box where many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from headwater.audit.model import Node, Walk, WalkEdge, WalkNode

#: Up to so many nodes each version has a box of its own, unless asked for otherwise.
FEW: Final = 40
#: Boxes that are drawn at most, the nearest ones.
MOST: Final = 1000


@dataclass(frozen=True)
class Box:
    """A node, or all versions of a dataset that were reached. `full`: its whole name."""

    name: str
    version: str
    kind: str
    job: str
    full: str
    root: bool


@dataclass(frozen=True)
class Way:
    """One or more edges between two boxes, by their numbers. `says`: what made them."""

    source: int
    target: int
    says: str


@dataclass(frozen=True)
class Drawing:
    """`reason`: why something is not there; empty where nothing was cut."""

    boxes: tuple[Box, ...]
    ways: tuple[Way, ...]
    roots: tuple[Node, ...]
    reason: str


def merged(walks: Sequence[Walk]) -> Walk:
    """Several walks as one: each node once, at its fewest edges from a root; what was cut of any is said."""
    nodes: dict[Node, WalkNode] = {}
    edges: dict[WalkEdge, None] = {}
    for walk in walks:
        edges.update(dict.fromkeys(walk.edges))
        for item in walk.nodes:
            if item.node not in nodes or item.depth < nodes[item.node].depth:
                nodes[item.node] = item
    reasons = [
        f"{walk.direction}: {walk.reason}" if len(walks) > 1 else walk.reason for walk in walks if walk.truncated
    ]
    roots = dict.fromkeys(root for walk in walks for root in walk.roots)
    return Walk(
        tuple(roots), walks[0].direction, tuple(nodes.values()), tuple(edges), bool(reasons), "; ".join(reasons)
    )


def drawing(walks: Sequence[Walk], *, versions: bool | None = None) -> Drawing:
    """Boxes and ways of walks. versions: a box each; None: where there are few nodes."""
    walk = merged(walks)
    each = len(walk.nodes) <= FEW if versions is None else versions
    near = sorted(walk.nodes, key=lambda item: (item.depth, str(item.node)))
    groups: dict[Node, list[WalkNode]] = defaultdict(list)
    for item in near:
        groups[_group(item.node, each=each)].append(item)
    kept = list(groups)[:MOST]
    numbers = {group: number for number, group in enumerate(kept)}
    columns = by_columns(groups)
    between: dict[tuple[int, int], list[WalkEdge]] = defaultdict(list)
    makers: dict[int, set[str]] = defaultdict(set)
    for edge in walk.edges:
        for source in ends(edge.source, groups, columns, each=each):
            for target in ends(edge.target, groups, columns, each=each):
                if source in numbers and target in numbers:
                    between[numbers[source], numbers[target]].append(edge)
                    makers[numbers[target]].add(edge.job_name)
    reasons = [walk.reason] if walk.truncated else []
    if len(groups) > MOST:
        reasons.append(f"{len(groups) - MOST} of {len(groups)} boxes, those farthest away, are not drawn")
    roots = {_group(root, each=each) for root in walk.roots}
    boxes = tuple(_box(group, groups[group], makers[number], root=group in roots) for group, number in numbers.items())
    ways = tuple(Way(*pair, _says(between[pair])) for pair in sorted(between))
    return Drawing(boxes, ways, walk.roots, "; ".join(reasons))


def ends(
    node: Node, known: Container[Node], columns: Mapping[Node, Sequence[Node]], *, each: bool = True
) -> Sequence[Node]:
    """Where an edge's end is drawn: its own box, else its dataset's (a walk begins at a dataset and follows columns),
    else, for an edge that holds for every column, the boxes of all columns that were reached.
    """
    own = _group(node, each=each)
    if own in known:
        return (own,)
    whole = Node(own.namespace, own.name, own.version)
    return (whole,) if whole in known else columns.get(whole, ())


def by_columns(known: Iterable[Node]) -> dict[Node, list[Node]]:
    """The columns that are there of each dataset or version."""
    found: dict[Node, list[Node]] = defaultdict(list)
    for node in known:
        found[Node(node.namespace, node.name, node.version)].append(node)
    return found


def _group(node: Node, *, each: bool) -> Node:
    return node if each else Node(node.namespace, node.name, None, node.column)


def _box(group: Node, items: Sequence[WalkNode], makers: set[str], *, root: bool) -> Box:
    column = "" if group.column is None else f"[{group.column}]"
    versions = {item.node.version for item in items} - {None}
    one = items[0].node if len(items) == 1 else group
    if len(versions) > 1:
        version = f"{len(versions)} versions"
    else:
        version = "".join(f"@{text}" for text in versions) or "any version"
    job = next(iter(makers)) if len(makers) == 1 else f"{len(makers)} jobs" if makers else ""
    kinds = [item.kind for item in items if item.kind]
    return Box(f"{group.name}{column}", version, kinds[0] if kinds else "", job, str(one), root)


def _says(edges: Sequence[WalkEdge]) -> str:
    jobs = sorted({edge.job_name for edge in edges if edge.job_name})
    runs = {edge.run_id for edge in edges if edge.run_id is not None}
    how = sorted({(edge.subtype or edge.transformation).lower() for edge in edges} - {""})
    said = [", ".join(jobs)] if jobs else []
    said += [f"run {next(iter(runs))}"] if len(runs) == 1 else [f"{len(runs)} runs"] if runs else []
    said += how
    said += ["masked"] if any(edge.masking for edge in edges) else []
    said += ["version inferred"] if any(edge.inferred for edge in edges) else []
    return ", ".join(said)
