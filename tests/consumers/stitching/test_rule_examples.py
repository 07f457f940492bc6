"""The examples that stand with rules 9 to 11 and 13 in consumers/README.md, each as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from headwater.settings import Settings
from headwater.stitching import StitchingStep
from tests.consumers.stitching import reference, worlds
from tests.consumers.stitching.test_examples import dataset, event, stitched
from tests.consumers.stitching.test_kinds import sets_of, without_run

Event = dict[str, Any]


#: By rule.
WORDS = {
    9: """RUNNING names message 4 of `orders`, RUNNING names messages 4 and 5 and the parent run `flow`, RUNNING names 5
        and `flow` again: three links, each told once, by the event that named it first.""",
    10: """COMPLETE {X → Y} comes three times: one edge set, X→Y. START {X} and COMPLETE {→ Y} come under one event id:
        X→Y, and one conflict.""",
    11: """A job event reads X and writes Y: X→Y, neither with a version. A dataset event says that Z comes from X@4:
        X@4→Z. One that says only what columns Z has: no edge, also none from nothing.""",
    13: """START says that X@1 is a view, RUNNING that it is a file, COMPLETE does not say: a file, in any order.""",
}


@pytest.mark.parametrize("rule", WORDS)
def test_the_examples_stand_in_the_readme(rule: int) -> None:
    """So who changes one there comes here."""
    readme = (Path(__file__).parents[3] / "consumers" / "README.md").read_text("utf-8")
    [text] = re.findall(rf"^{rule}\. (.*?)(?=^{rule + 1}\. |^\S)", readme, re.MULTILINE | re.DOTALL)
    assert " ".join(WORDS[rule].split()) in " ".join(text.split())


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
