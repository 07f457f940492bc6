"""The way back from a prediction, folded for reading: versions of one dataset that one job made stand together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from headwater.audit import Explanation, Node, Step, WalkEdge


@dataclass(frozen=True)
class Made:
    """What made a branch: one job's runs. Parameters and metrics are those that all its runs share."""

    job: str
    runs: int
    run_id: str
    commit: str
    dirty: bool | None
    repository: str
    entrypoint: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    ended_at: str


@dataclass(frozen=True)
class Branch:
    """Versions of one dataset, what made them, and of what."""

    dataset: str
    kind: str
    versions: int
    first: str
    last: str
    made_by: Made | None
    made_of: tuple[Branch, ...] = field(default_factory=tuple["Branch", ...])
    #: Whether its own way back stands elsewhere in the tree already.
    seen_above: bool = False


@dataclass
class _Fold:
    explanation: Explanation
    kinds: Mapping[Node, str]
    above: Mapping[Node, list[WalkEdge]]
    shown: set[frozenset[Node]] = field(default_factory=set[frozenset[Node]])

    def branch(self, nodes: frozenset[Node]) -> Branch:
        some = min(nodes, key=_version)
        edges = [edge for node in nodes for edge in self.above.get(node, ())]
        runs = {edge.run_id for edge in edges if edge.run_id is not None}
        made = _made(edges, [self.explanation.steps[str(run)] for run in runs if str(run) in self.explanation.steps])
        seen = nodes in self.shown and bool(edges)
        self.shown.add(nodes)
        return Branch(
            dataset=f"{some.namespace}/{some.name}",
            kind=self.kinds.get(some, ""),
            versions=len(nodes),
            first=_version(some),
            last=_version(max(nodes, key=_version)),
            made_by=made,
            made_of=() if seen else self.below(edge.source for edge in edges),
            seen_above=seen,
        )

    def below(self, sources: Iterable[Node]) -> tuple[Branch, ...]:
        """A branch for each dataset among these."""
        datasets: dict[tuple[str, str], set[Node]] = {}
        for node in sources:
            datasets.setdefault((node.namespace, node.name), set()).add(node)
        return tuple(self.branch(frozenset(nodes)) for _, nodes in sorted(datasets.items()))


def fold(explanation: Explanation) -> tuple[Branch, ...]:
    """What a prediction was made of: the data first, the model behind it."""
    walk = explanation.walk
    above: dict[Node, list[WalkEdge]] = {}
    for edge in walk.edges:
        above.setdefault(edge.target, []).append(edge)
    folding = _Fold(explanation, {node.node: node.kind for node in walk.nodes}, above)
    model = [root for root in walk.roots if _same(root, explanation.prediction.model)]
    data = [root for root in walk.roots if root not in model]
    return (*folding.below(data), *folding.below(model))


def _same(one: Node, other: Node) -> bool:
    return (one.namespace, one.name) == (other.namespace, other.name)


def _version(node: Node) -> str:
    return node.version or ""


def _made(edges: list[WalkEdge], steps: list[Step]) -> Made | None:
    if not edges:
        return None
    jobs = sorted({edge.job_name for edge in edges})
    last = max(steps, key=lambda step: (step.ended_at is not None, step.ended_at, str(step.run_id)), default=None)
    runs = {edge.run_id for edge in edges}
    if last is None:
        return Made(", ".join(jobs), len(runs), "", "", None, "", "", {}, {}, "")
    return Made(
        job=", ".join(jobs),
        runs=len(runs),
        run_id=str(last.run_id),
        commit=last.commit,
        dirty=last.dirty,
        repository=last.repository,
        entrypoint=last.entrypoint,
        parameters=_shared([step.parameters for step in steps]),
        metrics=dict(last.metrics) if len(steps) == 1 else {},
        ended_at="" if last.ended_at is None else last.ended_at.isoformat(),
    )


def _shared(every: list[Mapping[str, str]]) -> dict[str, str]:
    first, *others = every
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}
