"""The kind and version origin that the history shows depend on what was said, not on what arrived first (rule 13)."""

from __future__ import annotations

import copy
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trying

from headwater.audit import Node, walk
from tests.consumers.history.conftest import History
from tests.consumers.history.test_rebuild import emptied, stream
from tests.consumers.stitching import reference, test_rules, worlds
from tests.consumers.stitching.test_examples import dataset, event

pytestmark = pytest.mark.integration

_ALL_TIME = "toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC')"


def shown(history: History) -> dict[str, set[tuple[Any, ...]]]:
    """What the views that show kinds or origins say of them."""
    nodes = "namespace, name, version"
    sources, targets = (f"{end}_namespace, {end}_name, {end}_version, {end}_kind" for end in ("source", "target"))
    of_views = {
        "nodes_at": f"SELECT {nodes}, version_origin, kind FROM nodes_at(known_at = {_ALL_TIME})",
        "dataset_versions": f"SELECT {nodes}, version_origin, kind FROM dataset_versions",
        "datasets": "SELECT namespace, name, kind FROM datasets",
        "edges": f"SELECT {sources}, {targets} FROM edges",
        "column_edges": f"SELECT {sources}, {targets} FROM column_edges",
    }
    return {view: set(history.rows(sql)) for view, sql in of_views.items()}


@trying(
    max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(st.lists(worlds.events(ordinary=False), min_size=1, max_size=7), st.randoms(use_true_random=False))
def test_any_order_and_any_repetition_show_the_same_nodes(history: History, said: list[Any], chance: Any) -> None:
    """Every view that shows a kind or an origin says the same, and of each version what the reference says."""
    events = [worlds.whole(one) for one in said]
    mixed = [copy.deepcopy(one) for one in [*events, *chance.sample(events, len(events) // 2)]]
    chance.shuffle(mixed)
    for order in (events, mixed):
        test_rules.history(order)  # leaves out what the contract cannot tell apart
    emptied(history)
    stream(history, test_rules.cut(events, chance))
    first = shown(history)
    emptied(history)
    stream(history, test_rules.cut(mixed, chance))
    second = shown(history)
    described = reference.described(events)
    for one in (first, second):
        # Of what was named as a source only while an edge stood that is withdrawn now, a node is left in one order.
        nodes = {row[:3]: row[3:] for row in one.pop("nodes_at")}
        assert {identity: nodes[identity] for identity in described} == described
    assert first == second


@pytest.mark.parametrize("turned", [False, True])
def test_two_events_of_a_run_state_two_kinds(history: History, turned: bool) -> None:
    """`file` stands before `view` and the default, `store` before `declared`, in walks too."""
    events = [
        event(1, "START", [dataset("x", "1", kind="view", version_origin="declared")], []),
        event(2, "RUNNING", [dataset("x", "1", kind="file", version_origin="store")], []),
        event(3, "COMPLETE", [dataset("x", "1")], [dataset("y", "1")]),
    ]
    stream(history, [[one] for one in (reversed(events) if turned else events)])
    there = shown(history)
    assert ("ns", "x", "1", "store", "file") in there["nodes_at"] & there["dataset_versions"]
    assert ("ns", "x", "file") in there["datasets"]
    [source] = [item for item in walk(history.client, Node("ns", "y", "1"), "up").nodes if item.node.name == "x"]
    assert source.kind == "file"
    [(kind,)] = history.rows(
        "SELECT kind FROM upstream(namespace = 'ns', name = 'y', version = '1', depth = 5) WHERE name = 'x'"
    )
    assert kind == "file"
