"""The examples that stand with the rules in consumers/README.md, each as it stands there.

Those of rules 1, 2, 7 and 8 are in test_examples.py, of 5 and 12 in test_kinds.py, the others here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from headwater.settings import Settings
from headwater.stitching import StitchingStep
from tests.consumers.stitching import reference, worlds
from tests.consumers.stitching.test_examples import RUN, dataset, event, stitched
from tests.consumers.stitching.test_kinds import sets_of, without_run

Event = dict[str, Any]


#: By rule.
WORDS = {
    1: """job `a` reads X, job `b` writes Y, both as run 7: no edge X→Y.""",
    2: """START names X, COMPLETE names Y: X→Y. COMPLETE first, START after: the same. A START without datasets after
        COMPLETE: still the same.""",
    3: """START {X, Y}, RUNNING {→ Z}: X→Z and Y→Z, before the run ends.""",
    4: """Z written by run 7: Z@run:7. START reads X, RUNNING reads X@3: two edges, from X and from X@3.""",
    5: """COMPLETE {→ Z}: (nothing)→Z. START {X} a day late: X→Z is known, (nothing)→Z withdrawn.""",
    6: """Z.total comes from X.amount, the run reads X@3: column edge X@3.amount→Z.total. If the read of X@3 comes
        later: X.amount→Z.total stands until then.""",
    7: """Inputs A, B; outputs C, D; C's list is [A] and complete: A→C, A→D, B→D.""",
    8: """COMPLETE at 12:00, FAIL at 12:05: COMPLETE, whichever came first.""",
    9: """RUNNING names message 4 of `orders`, RUNNING names messages 4 and 5 and the parent run `flow`, RUNNING names 5
        and `flow` again: three links, each told once, by the event that named it first.""",
    10: """COMPLETE {X → Y} comes three times: one edge set, X→Y. START {X} and COMPLETE {→ Y} come under one event id:
        X→Y, and one conflict.""",
    11: """A job event reads X and writes Y: X→Y, neither with a version. A dataset event says that Z comes from X@4:
        X@4→Z. One that says only what columns Z has: no edge, also none from nothing.""",
    12: """Days 1, 2 and 3 of X@7 are read, Y is written: one edge, X@7→Y.""",
    13: """START says that X@1 is a view, RUNNING that it is a file, COMPLETE does not say: a file, in any order.""",
}


@pytest.mark.parametrize("rule", WORDS)
def test_the_examples_stand_in_the_readme(rule: int) -> None:
    """So who changes one there comes here."""
    readme = (Path(__file__).parents[3] / "consumers" / "README.md").read_text("utf-8")
    rules = readme.partition("\n## Stitching\n")[2]
    text = re.findall(rf"^{rule}\. (.*?)(?=^{rule + 1}\. |^\S)", rules, re.MULTILINE | re.DOTALL)[0]
    assert " ".join(WORDS[rule].split()) in " ".join(text.split())


def test_inputs_and_outputs_meet_before_the_run_ends() -> None:
    """Rules 3 and 4: both ends without a version, one input read under two."""
    start, running = event(1, "START", [dataset("x"), dataset("y")], []), event(2, "RUNNING", [], [dataset("z")])
    assert stitched(start, running) == {("x@None", f"z@{RUN}"), ("y@None", f"z@{RUN}")}
    two = event(1, "START", [dataset("x")], []), event(2, "RUNNING", [dataset("x", "3")], [dataset("z")])
    assert stitched(*two) == {("x@None", f"z@{RUN}"), ("x@3", f"z@{RUN}")}


def test_a_source_without_a_version_is_each_version_that_is_read() -> None:
    """Rule 6."""
    row = {**dataset("x"), "column": "amount", "target_column": "total"}
    stated = event(1, "START", [], [dataset("z", "1", column_lineage=[row])])
    read = event(2, "RUNNING", [dataset("x", "3")], [])

    def columns(*said: Event) -> dict[Any, bytes | None]:
        found = reference.said(sets_of(*said))
        return {fact[2]: withdrawn for (fact, _), withdrawn in found.items() if fact[0] == "column"}

    assert columns(read, stated) == {("ns", "x", "3"): None}
    assert columns(stated, read) == {("ns", "x", None): read["event_id"], ("ns", "x", "3"): None}


def test_links_are_told_once() -> None:
    """Rule 9."""
    messages = [{"topic": "orders", "partition": 0, "offset": offset} for offset in (4, 5)]
    flow = {"run_id": worlds.RUNS[1], "job_namespace": "j", "job_name": "flow"}

    def running(number: int, links: list[Event], parent: Event | None) -> Event:
        run = {"run_id": worlds.RUNS[0], "state": "RUNNING", "links": links, "parent": parent}
        return event(number, "RUNNING", [], [], run=run)

    said = [running(1, messages[:1], None), running(2, messages, flow), running(3, messages[1:], flow)]
    made = sets_of(*said)
    told = [
        (link["kind"], link["offset"], one["events"][link["known_by"]]["event_id"], link["withdrawn_by"])
        for one in made
        for link in one["links"]
    ]
    first, second = (one["event_id"] for one in said[:2])
    assert sorted(told, key=str) == [
        ("message", 4, first, -1),
        ("message", 5, second, -1),
        ("parent", None, second, -1),
    ]


def test_repeated_events_and_other_content_under_one_id() -> None:
    """Rule 10; that the history reports one conflict: tests/consumers/history/test_views.py."""
    one = event(1, "COMPLETE", [dataset("x")], [dataset("y", "1")])
    step = StitchingStep(Settings())
    assert len(worlds.feed_one(step, [one], 0)) == 1
    assert worlds.feed_one(step, [one], 1) == worlds.feed_one(step, [one], 2) == []
    under_one_id = event(1, "START", [dataset("x")], []), event(1, "COMPLETE", [], [dataset("y", "1")])
    assert stitched(one) == stitched(*under_one_id) == stitched(*reversed(under_one_id)) == {("x@None", "y@1")}


def test_job_and_dataset_events() -> None:
    """Rule 11."""
    job = without_run(1, "job", [dataset("x")], [dataset("y")])
    stated = without_run(2, "dataset", [], [dataset("z", edges=[dataset("x", "4")])])
    columns = without_run(3, "dataset", [], [dataset("z", columns=[{"name": "total", "type": "double"}])])
    assert stitched(job) == {("x@None", "y@None")}
    assert stitched(stated) == {("x@4", "z@None")}
    assert sets_of(columns) == []
    assert reference.current([columns]) == set()
