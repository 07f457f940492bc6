"""The critical path: which runs, one after the other, decided when a version was ready.

At each version the path goes to that input of its run which was ready last: had any other been earlier, nothing would
have been. (Kelley and Walker, "Critical-path planning and scheduling", 1959; here of what happened, not of a plan.)
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from headwater.audit.clocks import NOW, Clocks
from headwater.audit.model import Node, Plain, Step, Walk, WalkEdge
from headwater.audit.steps import steps
from headwater.audit.store import Client
from headwater.audit.walking import walk


@dataclass(frozen=True)
class Stage(Plain):
    """A run on the path, and what it made. Seconds; None where a time is not known.

    `ran`: from its start to its end; `waited`: from when `input`, the last of what it read, was ready, to its start,
    0 where it began before; `share`: of the whole path's time, both together.
    """

    output: Node
    job_namespace: str
    job_name: str
    run_id: uuid.UUID
    started_at: datetime | None
    ended_at: datetime | None
    ran: float | None
    waited: float | None
    input: Node | None
    share: float


@dataclass(frozen=True)
class CriticalPath(Plain):
    """From the earliest run to that which made the node. `seconds`: from the first start to the last end."""

    node: Node
    stages: tuple[Stage, ...]
    seconds: float
    truncated: bool
    reason: str


def critical_path(
    client: Client, node: Node, *, depth: int = 50, budget: int = 20_000, clocks: Clocks = NOW
) -> CriticalPath:
    """The path to a version (of a node without one: to that written last). Raises NotFound for what is not there."""
    walked = walk(client, Node(node.namespace, node.name, node.version), "up", depth, budget, clocks=clocks)
    runs = {edge.run_id for edge in walked.edges if edge.run_id is not None}
    return path_of(walked, steps(client, runs, clocks))


def path_of(walked: Walk, known: Mapping[str, Step]) -> CriticalPath:
    """The path in a walk upwards, whose runs are `known` by their ids as text."""
    into: dict[Node, dict[uuid.UUID, list[WalkEdge]]] = defaultdict(lambda: defaultdict(list))
    for edge in walked.edges:
        if edge.run_id is not None:
            into[edge.target][edge.run_id].append(edge)
    maker = {target: max(by, key=lambda run: (_end(known, run, by[run]), str(run))) for target, by in into.items()}
    ready = {target: _end(known, run, into[target][run]) for target, run in maker.items()}
    tops = [root for root in walked.roots if root in ready]
    at = max(tops, key=lambda root: (ready[root], str(root)), default=None)
    node = at or walked.roots[0]
    path: list[tuple[Node, WalkEdge, Node | None]] = []
    seen: set[Node] = set()
    while at is not None and at not in seen:
        seen.add(at)
        edges = into[at][maker[at]]
        following = [edge.source for edge in edges if edge.source in ready and ready[edge.source] <= ready[at]]
        last = max(following, key=lambda source: (ready[source], str(source)), default=None)
        path.append((at, edges[0], last))
        at = last
    stages = [_stage(known, ready, *one) for one in reversed(path)]
    spent = sum((stage.ran or 0.0) + (stage.waited or 0.0) for stage in stages)
    return CriticalPath(
        node,
        tuple(_shared(stage, spent) for stage in stages),
        _between(stages[0].started_at, stages[-1].ended_at) or 0.0 if stages else 0.0,
        walked.truncated,
        walked.reason,
    )


def _end(known: Mapping[str, Step], run: uuid.UUID, edges: list[WalkEdge]) -> datetime:
    step = known.get(str(run))
    return step.ended_at if step is not None and step.ended_at else max(edge.event_time for edge in edges)


def _stage(
    known: Mapping[str, Step], ready: Mapping[Node, datetime], node: Node, edge: WalkEdge, last: Node | None
) -> Stage:
    run = edge.run_id
    assert run is not None  # noqa: S101 — only edges of runs are on the path
    step = known.get(str(run))
    started = step.started_at if step else None
    ended = step.ended_at if step else None
    waited = None if last is None else _between(ready[last], started)
    return Stage(
        output=node,
        job_namespace=edge.job_namespace,
        job_name=edge.job_name,
        run_id=run,
        started_at=started,
        ended_at=ended,
        ran=_between(started, ended),
        waited=None if waited is None else max(waited, 0.0),
        input=last,
        share=0.0,
    )


def _shared(stage: Stage, spent: float) -> Stage:
    own = (stage.ran or 0.0) + (stage.waited or 0.0)
    return replace(stage, share=own / spent if spent else 0.0)


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else (end - start).total_seconds()
