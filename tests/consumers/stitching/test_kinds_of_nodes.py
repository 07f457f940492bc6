"""What stands of a dataset's kind and version origin is a function of the set of events (rule 13).

An edge set says of a node what an event of its run said; who keeps edge sets and uses resolves what stands by a fixed
order. The history's side of it is in tests/consumers/history/test_kinds.py.
"""

from __future__ import annotations

import copy
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.detection.incidents.graph import Graph, Node
from headwater.detection.uses import uses
from headwater.settings import Settings
from headwater.stitching import StitchingStep
from tests.consumers.stitching import reference, worlds
from tests.consumers.stitching.test_examples import dataset, event
from tests.consumers.stitching.test_rules import cut

Event = dict[str, Any]


def graph_of(events: list[Event], sets: list[Event]) -> Graph:
    """The graph of detection, as its worker makes it: of uses and edge sets."""
    graph = Graph()
    for one in events:
        for use in uses(one):
            if use["name"]:
                graph.see(Node(use["namespace"], use["name"], use["version"]), use["kind"], use["event_time"])
    for one in sets:
        graph.add(one)
    return graph


@pytest.mark.parametrize("ordinary", [True, False])
@given(data=st.data())
@settings(max_examples=100)
def test_any_order_and_any_repetition_give_the_same_nodes(ordinary: bool, data: st.DataObject) -> None:
    """Shuffled, doubled and cut anyhow, in edge sets and uses: each dataset has the kind that the reference says."""
    events = [worlds.whole(e) for e in data.draw(st.lists(worlds.events(ordinary=ordinary), max_size=7))]
    chance = data.draw(st.randoms(use_true_random=False))
    mixed = [copy.deepcopy(e) for e in [*events, *chance.sample(events, len(events) // 2)]]
    chance.shuffle(mixed)
    sets = worlds.feed(StitchingStep(Settings()), cut(mixed, chance))
    chance.shuffle(sets)
    graph = graph_of(mixed, sets)
    kinds: dict[tuple[str, str], set[str]] = {}
    for (namespace, name, _), _, kind in reference.statements(events):
        kinds.setdefault((namespace, name), set()).add(kind)
    for (namespace, name), said in kinds.items():
        assert graph.kind(Node(namespace, name, None)) == reference.of_kinds(said)


@pytest.mark.parametrize("ordinary", [True, False])
@given(data=st.data())
@settings(max_examples=100)
def test_an_edge_set_says_of_a_node_what_an_event_said(ordinary: bool, data: st.DataObject) -> None:
    """One of its own run; of what is named as a source only, the default. So nothing stands that nobody stated."""
    events = [worlds.whole(e) for e in data.draw(st.lists(worlds.events(ordinary=ordinary), max_size=7))]
    sets = worlds.feed(StitchingStep(Settings()), cut(events, data.draw(st.randoms(use_true_random=False))))
    by_run: dict[tuple[Any, ...], list[Event]] = {}
    for one in events:
        job = one["job"] or {"namespace": "", "name": ""}
        run_id = one["run"]["run_id"] if one["run"] else None
        by_run.setdefault((run_id, job["namespace"], job["name"]), []).append(one)
    for one in sets:
        said = reference.statements(by_run[one["run_id"], one["job_namespace"], one["job_name"]])
        for node in one["datasets"]:
            identity = (node["namespace"], node["name"], node["version"])
            default = (identity, None, "table")
            assert (identity, node["version_origin"], node["kind"]) in {*said, default}


def test_two_events_of_a_run_state_two_kinds() -> None:
    """`file` and `view`, and one that states none: `file` stands in any order."""
    said = [
        event(1, "START", [dataset("x", "1", kind="view")], []),
        event(2, "RUNNING", [dataset("x", "1", kind="file", version_origin="store")], [dataset("y", "1")]),
        event(3, "COMPLETE", [dataset("x", "1", version_origin="declared")], []),
    ]
    for order in permutations(said):
        sets = worlds.feed(StitchingStep(Settings()), [[one] for one in order])
        assert graph_of(list(order), sets).kind(Node("ns", "x", "1")) == "file"
        assert reference.described(order)["ns", "x", "1"] == ("store", "file")


def test_a_source_of_column_lineage_does_not_turn_a_model_into_a_table() -> None:
    """Another run names the model as a source only, so its edge set says nothing of the kind; that comes last."""
    model = event(1, "COMPLETE", [dataset("rows", "1")], [dataset("model", "1", kind="model")])
    row = dataset("model", "1", column="x", target_column="y")
    other = {"run_id": worlds.RUNS[1], "state": "COMPLETE"}
    later = event(2, "COMPLETE", [], [dataset("answers", "1", column_lineage=[row])], run=other)
    sets = worlds.feed(StitchingStep(Settings()), [[model], [later]])
    assert ("model", "table") in {(node["name"], node["kind"]) for one in sets for node in one["datasets"]}
    assert graph_of([model, later], sets).kind(Node("ns", "model", "1")) == "model"
