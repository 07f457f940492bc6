"""What the benchmark asks: every question with parameters that differ from turn to turn, and the walks."""

# ruff: noqa: E501 — statements of SQL

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from headwater.audit import Node, ask, walk
from headwater.audit.model import Direction
from headwater.audit.rows import select
from headwater.audit.store import Client
from tests.benchmarks.history.graph import NS, STEPS, Maker, output, version

Case = Callable[[], object]


@dataclass(frozen=True)
class Known:
    """Nodes of the made history that questions are asked about, drawn by a seed."""

    models: tuple[tuple[str, str], ...]
    deliveries: tuple[tuple[str, str], ...]
    tables: tuple[tuple[str, str], ...]
    keys: tuple[str, ...]
    subjects: tuple[str, ...]


def known(client: Client, maker: Maker, turns: int) -> Known:
    """Draws nodes from all over the history; they are named by the numbers that made them."""
    draw = random.Random(6)
    nights = [draw.randrange(max(maker.runs // STEPS, 1)) for _ in range(turns)]

    def nodes(step: int) -> tuple[tuple[str, str], ...]:
        numbers = f"arrayJoin({[night * STEPS + step for night in nights]})"
        rows = select(
            client, f"SELECT {output('n')} AS name, {version('n')} AS version FROM (SELECT toInt64({numbers}) AS n)"
        )
        return tuple((row["name"], row["version"]) for row in rows)

    numbers = [draw.randrange(max(maker.predictions, 1)) for _ in range(turns)]
    people = select(
        client,
        "SELECT lower(hex(sipHash128('key', 20261128, r))) AS key, lower(hex(sipHash128('subject', 20261128, r % 100000))) AS subject "
        f"FROM (SELECT toInt64(arrayJoin({numbers})) AS r)",
    )
    return Known(
        nodes(44), nodes(3), nodes(30), tuple(row["key"] for row in people), tuple(row["subject"] for row in people)
    )


def questions(known: Known, turn: int) -> Mapping[str, Mapping[str, Any]]:
    """Parameters of each question in a turn."""
    model, delivery, table = (some[turn % len(some)] for some in (known.models, known.deliveries, known.tables))
    named = {"namespace": NS, "name": table[0], "version": table[1]}
    return {
        "model_made_of": {"namespace": NS, "name": model[0], "version": model[1]},
        "reaches": {"namespace": NS, "name": delivery[0], "version": delivery[1]},
        "who_read": {"namespace": NS, "name": table[0]},
        "graph_changes": {"namespace": NS, "name": table[0], "at": "2026-06-01T00:00:00Z"},
        "prediction": {"key": known.keys[turn % len(known.keys)]},
        "predictions_about": {"subject": known.subjects[turn % len(known.subjects)]},
        "model_diff": {
            "namespace": NS, "name": model[0], "before": model[1], "after": known.models[(turn + 1) % len(known.models)][1],
        },
        "nearest_change": named,
        "untagged_columns": {"namespace": NS, "name": delivery[0], "column": "column1"},
        "erasure": {"namespace": NS, "name": delivery[0], "version": delivery[1]},
        "slowest_stages": {},
        "unread_outputs": {"days": 30, "at": "2026-10-01T00:00:00Z"},
        "same_outputs": {},
        "owners": {"name": table[0]},
        "metadata_changes": {"name": table[0]},
        "gaps": {},
    }  # fmt: skip


def asked(client: Client, name: str, values: Mapping[str, Any]) -> Case:
    """A question as `headwater audit` asks it."""
    return lambda: ask(client, name, **values)


def walks(client: Client, maker: Maker) -> dict[str, Case]:
    """Walks of the bars, by name; each raises where its answer has not the size that it must have."""

    def down(name: str, nodes: int, **more: Any) -> Case:
        def one() -> object:
            column = more.pop("column", None) if "column" in more else None
            found = walk(client, Node(NS, name, "1", column), "down", depth=2000, budget=200_000)
            if len(found.nodes) != nodes or found.truncated:
                raise AssertionError(f"{name}: {len(found.nodes)} nodes, expected {nodes}; {found.reason}")
            return found

        return one

    def column(layers: int) -> Case:
        def one() -> object:
            found = walk(client, Node(NS, f"ladder{layers}_0", "1", "c"), "down", depth=2000, budget=200_000)
            if len(found.nodes) != 2 * layers + 1 or found.truncated:
                raise AssertionError(f"ladder of {layers}: {len(found.nodes)} nodes; {found.reason}")
            return found

        return one

    def whole() -> object:
        roots = [Node(NS, f"dag{number}", "1") for number in range(100)]
        found = walk(client, roots, "down", depth=2000, budget=200_000)
        if len(found.nodes) != 15_000 or found.truncated:
            raise AssertionError(f"the DAG: {len(found.nodes)} nodes; {found.reason}")
        return found

    return {
        "hub with 400 consumers": down("hub0", 401),
        "chain of 20": down("chain0", 21),
        "DAG of 15,000 nodes": whole,
        "a cycle of 3": down("cycle0", 3),
        "columns, ladder of 18 layers": column(18),
        "columns, ladder of 1,000 layers": column(1000),
    }


def roots(name: str) -> tuple[list[str], Direction]:
    """Where the walk of that name begins, for the peer."""
    if name.startswith("hub"):
        return ["hub0"], "down"
    return (["chain0"], "down") if name.startswith("chain") else ([f"dag{n}" for n in range(100)], "down")
