"""What the history has, beside what the reference says of the events."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import Any

from headwater.audit import connect
from headwater.settings import Settings
from tests.backends.processes import wait_until
from tests.consumers.crashes.line import Line
from tests.consumers.crashes.nursery import Nursery
from tests.consumers.stitching import reference

Edge = tuple[Any, ...]


def expected(events: Iterable[reference.Event]) -> tuple[set[Edge], set[Edge]]:
    """Edges and column edges: (run, source, target) and with both columns; identities as (namespace, name, version)."""
    edges: set[Edge] = set()
    columns: set[Edge] = set()
    for fact in reference.current(events):
        kind, scope, *further = fact
        run = str(uuid.UUID(bytes=scope[0]))  # type: ignore[index]  # a scope is (run id, job namespace, job name)
        if kind == "edge":
            edges.add((run, further[0], further[1]))
        elif kind == "column":
            fields: Any = further[2]
            columns.add((run, further[0], further[1], *fields[:2]))
    return edges, columns


def kept(settings: Settings) -> tuple[list[Edge], list[Edge], Counter[tuple[str, int]]]:
    """The edges and column edges in the history, and how often it has each part of an event."""
    client = connect(settings)
    try:
        nodes = "(source_namespace, source_name, source_version), (target_namespace, target_name, target_version)"
        edges = client.query(f"SELECT toString(run_id), {nodes} FROM edges").result_rows
        columns = client.query(f"SELECT toString(run_id), {nodes}, source_column, target_column FROM column_edges")
        events = client.query("SELECT toString(event_id), part FROM run_events FINAL").result_rows
        return [tuple(row) for row in edges], [tuple(row) for row in columns.result_rows], Counter(map(tuple, events))
    finally:
        client.close()


def compare(settings: Settings, events: list[dict[str, Any]]) -> None:
    """The history has the reference's edges, each once, and each event once, in all its parts."""
    expected_edges, expected_columns = expected(events)
    edges, columns, known = kept(settings)
    assert (len(edges), set(edges)) == (len(expected_edges), expected_edges)
    assert (len(columns), set(columns)) == (len(expected_columns), expected_columns)
    wanted = {(str(uuid.UUID(bytes=one["event_id"])), one["part"]) for one in events}
    lost, twice = wanted - known.keys(), {event: times for event, times in known.items() if times > 1}
    assert (lost, known.keys() - wanted, twice) == (set(), set(), {})


def archive_and_compare(line: Line, nursery: Nursery, events: list[dict[str, Any]]) -> None:
    """Have a line's topics archived by a worker that ends with this, then compare."""
    archive = nursery.worker(line.settings, "archive")
    wait_until(partial(_is_archived, line), 240, "the archive", 0.5)
    archive.kill()
    compare(line.settings, events)


def _is_archived(line: Line) -> bool:
    return line.lag("archive", "runs", "edges") == 0
