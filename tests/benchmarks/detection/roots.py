"""A6: the root of a fault in a graph, ranked by lineage, beside the most upstream alarmed node.

A graph has 200 nodes in 8 layers, each made from 1 to 5 of the layers above. A fault starts at one node (or two) and is
handed down: its effect shrinks with the share of the inputs that have it, and varies by a lognormal factor. Each node
says how unusual it is, in limits of its own history; well ones stay below the limit, but for 1 % false alarms.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from headwater.detection.gates import Gate
from headwater.detection.incidents.book import Book
from headwater.detection.policy import Policy
from headwater.detection.verdicts import Subject, Verdict
from tests.consumers.detection.making import dataset, edge_set, through_the_contract, use
from tests.consumers.detection.telling import at, day

NODES, DEPTH, FALSE_ALARMS = 200, 8, 0.01


@dataclass
class Case:
    """One graph with its faults and what each node's check says."""

    parents: dict[int, list[int]]
    layer: dict[int, int]
    roots: list[int]
    unusual: dict[int, float]

    @property
    def alarmed(self) -> list[int]:
        """Nodes above their limit."""
        return [node for node, value in self.unusual.items() if value > 1]


def case(seed: int, faults: int) -> Case:
    """The graph and its faults of a seed."""
    random = np.random.default_rng([6, 1_000 + seed, faults])  # seeds that nothing was tuned on
    layer = {node: node * DEPTH // NODES for node in range(NODES)}
    parents: dict[int, list[int]] = {}
    for node in range(NODES):
        above = [other for other in range(node) if layer[other] == layer[node] - 1]
        further = [other for other in range(node) if layer[other] < layer[node]]
        wanted = int(random.integers(1, 6))
        chosen: set[int] = set(random.choice(above, min(len(above), 1), replace=False).tolist()) if above else set()
        while further and len(chosen) < min(wanted, len(further)):
            chosen.add(int(random.choice(further)))
        parents[node] = sorted(chosen)
    inner = [node for node in range(NODES) if layer[node] <= DEPTH // 2]
    roots = sorted(int(node) for node in random.choice(inner, faults, replace=False))
    effect = dict.fromkeys(range(NODES), 0.0)
    for node in range(NODES):
        if node in roots:
            effect[node] = float(random.uniform(3, 12))
        elif parents[node]:
            handed = sum(effect[parent] for parent in parents[node]) / len(parents[node])
            effect[node] = handed * float(random.lognormal(0, 0.25)) if handed > 0.2 else 0.0
    unusual: dict[int, float] = {}
    for node in range(NODES):
        noise = min(0.95, abs(float(random.normal(0, 0.35))))
        if random.random() < FALSE_ALARMS:
            noise = float(random.uniform(1.0, 2.5))
        unusual[node] = max(noise, effect[node])
    return Case(parents, layer, roots, unusual)


def told(found: Case) -> dict[bytes, int]:
    """Each incident's id with the node that it names as its root."""
    book = Book(Policy(), "headwater")
    for node, parents in found.parents.items():
        written = dataset(f"n{node}", "1")
        read = [dataset(f"n{parent}", "1") for parent in parents]
        book.use(use(f"job{node}", day(0), "write", written))
        for source in read:
            book.use(use(f"job{node}", day(0), "read", source))
        if read:
            book.world.graph.add(
                edge_set(f"job{node}", day(0), read, written, [(i, "x", "x") for i in range(len(read))])
            )
    for node, value in found.unusual.items():
        for verdict in _verdicts(node, value):
            book.verdict(through_the_contract("verdict", verdict.fields()), 0)
    roots: dict[bytes, int] = {}
    for second in range(1, 40):
        for message in book.tick(second * 1_000_000):
            if message["suppressed_by"] is not None:
                roots.pop(message["incident_id"], None)
            else:
                roots[message["incident_id"]] = int(message["root"]["name"].removeprefix("n"))
    return roots


def most_upstream(found: Case) -> int | None:
    """The alarmed node of the topmost layer, of several the most unusual."""
    return min(found.alarmed, key=lambda node: (found.layer[node], -found.unusual[node]), default=None)


def a6(graphs: int) -> dict[str, float]:
    """Shares of faults whose true root stands first, for us and the most upstream; incidents and alarms a fault."""
    ours = upstream = incidents = alarms = total = 0
    explained = 0
    for seed in range(graphs):
        found = case(seed, 1 + seed % 2)
        roots = told(found)
        total += len(found.roots)
        ours += sum(root in roots.values() for root in found.roots)
        upstream += most_upstream(found) in found.roots
        false = {node for node in found.alarmed if not _is_below(found, node)}
        incidents += sum(root not in false for root in roots.values())
        explained += len(roots)
        alarms += len(found.alarmed)
    return {
        "root": ours / total,
        "upstream": upstream / total,
        "incidents": incidents / total,
        "all incidents": explained / total,
        "alarms": alarms / total,
    }


def _is_below(found: Case, node: int) -> bool:
    """Whether it lies at or below a fault."""
    waiting, seen = [node], {node}
    while waiting:
        one = waiting.pop()
        if one in found.roots:
            return True
        new = set(found.parents[one]) - seen
        seen |= new
        waiting += new
    return False


def _verdicts(node: int, value: float) -> list[Verdict]:
    outcome: Any = "alarm" if value > 1 else "ok"
    subject = Subject(at(0), "lake", f"n{node}", "1")
    shown = json.dumps({"x": {"drift": [value, value, outcome]}})
    whole = Verdict("drift", "ok", subject, "whole", evidence={"columns": shown, "role": '"output"'})
    if outcome == "ok":
        return [whole]
    own = Subject(at(0), "lake", f"n{node}", "1", "x")
    gates = [Gate("ks_distance", 0.3, 0.05, passed=True)]
    evidence = {"unusual": str(value), "role": '"output"'}
    return [whole, Verdict("drift", "alarm", own, f"n{node}.x", 0.3, at(0), gates=gates, evidence=evidence)]
