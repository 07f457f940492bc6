"""The audit questions over a history with awkward corners, against answers that a plain walk in memory gives.

Two models, the second trained after the feed changed; a dataset read twice in one run; a cycle (a model that learns
from its own predictions); a masked and an unmasked way of a personal column; a table nobody reads; two jobs
that compute the same; two owners in turn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from headwater.audit import ask
from headwater.schemas import topics
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import NS, as_uuid, at, batch, dataset, edge_set, head, prediction, run_event

pytestmark = pytest.mark.integration


class Made(NamedTuple):
    """A run: what it read and wrote, as name@version."""

    job: str
    turn: int
    minute: float
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    commit: str = "c1"
    parameters: dict[str, str] = {}  # noqa: RUF012 — never changed
    metrics: tuple[tuple[str, float], ...] = ()
    state: str = "COMPLETE"


RUNS = (
    Made("ingest", 1, 1, ("feed@1",), ("raw@1",)),
    Made("clean", 1, 5, ("raw@1", "raw@1", "zones@1"), ("clean@1",), parameters={"drop": "nulls"}),
    Made("copy", 1, 6, ("raw@1", "zones@1"), ("twin@1",), parameters={"drop": "nulls"}),
    Made("train", 1, 10, ("clean@1",), ("model@1",), parameters={"depth": "3"}, metrics=(("rmse", 1.5),)),
    Made("score", 1, 15, ("model@1", "clean@1"), ("scores@1",)),
    Made("ingest", 2, 20, ("feed@2",), ("raw@2",), commit="c2"),
    Made("clean", 2, 25, ("raw@2", "zones@1"), ("clean@2",), parameters={"drop": "none"}),
    Made("clean", 3, 26, ("raw@2",), ("clean@bad",), state="FAIL"),
    Made(
        "train", 2, 30, ("clean@2", "scores@1"), ("model@2",), parameters={"depth": "4"}, metrics=(("rmse", 2.5),)
    ),  # learns from its own predictions
    Made("score", 2, 35, ("model@2", "clean@2"), ("scores@1",)),  # and writes the same version again: a cycle
    Made("other", 1, 40, ("zones@1",), ("lonely@1",)),
)
KINDS = {"model": "model", "scores": "prediction_stream"}
#: Column lineage: source column, target column, masking.
COLUMNS = (
    ("raw", "email", "clean", "email", False),
    ("raw", "email", "clean", "email_hash", True),
    ("clean", "email", "scores", "contact", False),
    ("clean", "email_hash", "scores", "who", False),
    ("scores", "contact", "raw", "email", False),
)
#: Fingerprints by dataset version: twin is computed as clean is.
SAME = {"clean@1": b"same", "twin@1": b"same"}


def node(text: str) -> dict[str, Any]:
    name, _, version = text.partition("@")
    return dataset(name, version, kind=KINDS.get(name, "table"))


def output(text: str) -> dict[str, Any]:
    made = node(text)
    if text in SAME:
        made["fingerprint"] = {"algorithm": "sum-1", "digest": SAME[text]}
        made["rows"] = 7
    tags = {"raw": ["email"], "clean": [], "scores": []}.get(made["name"])
    if tags is not None:
        names = sorted(
            {c[1] for c in COLUMNS if c[0] == made["name"]} | {c[3] for c in COLUMNS if c[2] == made["name"]}
        )
        made["columns"] = [
            {"name": name, "type": "text", "tags": [{"key": "pii", "value": "yes"}] if name in tags else []}
            for name in names
        ]
    return made


def told(history: History) -> None:
    """All of it, in the history."""
    events: list[dict[str, Any]] = []
    sets: list[dict[str, Any]] = []
    for made in RUNS:
        run = f"{made.job} {made.turn}"
        more: dict[str, Any] = {
            "parameters": made.parameters,
            "metrics": [{"name": name, "value": value} for name, value in made.metrics],
            "job_fields": {"code": {"repository": "git", "commit": made.commit}},
        }
        events.append(run_event(run, "START", at(made.minute - 1), inputs=[node(one) for one in made.inputs], **more))
        events.append(run_event(run, made.state, at(made.minute), outputs=list(map(output, made.outputs)), **more))
        names = list(dict.fromkeys((*made.inputs, *made.outputs)))
        places = {name: number for number, name in enumerate(names)}
        pairs = {(places[source], places[target]) for source in made.inputs for target in made.outputs}
        columns = [
            {
                "source": places[source],
                "target": places[target],
                "column": column,
                "target_column": goal,
                "transformation": "DIRECT",
                "subtype": "TRANSFORMATION",
                "masking": masking,
            }
            for source in places
            for target in places
            for before, column, after, goal, masking in COLUMNS
            if source in made.inputs and target in made.outputs and (before, after) == (source[:-2], target[:-2])
        ]
        sets.append(edge_set(run, at(made.minute), list(map(node, names)), sorted(pairs), columns=columns))
    cycle = [dataset("scores", "1", kind="prediction_stream"), dataset("raw", "2")]
    back = {"source": 0, "target": 1, "column": "contact", "target_column": "email", "transformation": "DIRECT"}
    sets.append(edge_set("feedback 1", at(41), cycle, columns=[{**back, "subtype": "IDENTITY"}]))
    decided = [
        {**head(f"own {who}", at(minute)), "kind": "owner", "actor": "ann", "namespace": NS, "name": "clean",
         "owners": [{"name": who}]}
        for who, minute in (("team:a", 50), ("team:b", 60))
    ]  # fmt: skip
    history.keep(
        batch(topics.RUNS.name, events),
        batch(topics.EDGES.name, sets),
        batch(topics.DECISIONS.name, decided),
        batch(topics.PREDICTIONS.name, [prediction(f"p{n}", at(15 + n), "model", "1") for n in range(4)]),
    )


def reached(start: str, *, up: bool) -> dict[str, int]:
    """The plain walk: every node reached, with the fewest edges."""
    next_to: dict[str, set[str]] = defaultdict(set)
    for made in RUNS:
        for source in made.inputs:
            for target in made.outputs:
                next_to[target if up else source].add(source if up else target)
    found = {start: 0}
    frontier = [start]
    while frontier:
        fresh: list[str] = []
        for one in frontier:
            for near in sorted(next_to[one] - found.keys()):
                found[near] = found[one] + 1
                fresh.append(near)
        frontier = fresh
    return found


def named(rows: list[dict[str, Any]]) -> Iterator[tuple[str, int]]:
    for row in rows:
        yield f"{row['name']}@{row['version']}", row["depth"]


@pytest.mark.parametrize("start", ["model@2", "scores@1", "clean@1", "raw@2"])
def test_walks_are_right_on_cycles(history: History, start: str) -> None:
    """What a version derives from and what derives from it, each node once, a cycle or not."""
    told(history)
    name, _, version = start.partition("@")
    up = ask(history.client, "model_made_of", namespace=NS, name=name, version=version).dicts()
    down = ask(history.client, "reaches", namespace=NS, name=name, version=version).dicts()
    assert dict(named(up)) == reached(start, up=True)
    assert len(up) == len(set(named(up)))
    assert dict(named(down)) == {one: depth for one, depth in reached(start, up=False).items() if depth}
    assert not any(row["truncated"] for row in up + down)


def test_what_is_missing_to_make_a_model_again(history: History) -> None:
    """Each version with what it lacks, and the share that is there; a walk that was cut has no share."""
    told(history)
    rows = ask(history.client, "model_made_of", namespace=NS, name="model", version="1").dicts()
    lacks = {f"{row['name']}@{row['version']}": (row["source"], row["missing"]) for row in rows}
    unpinned = ["content (no fingerprint, and no store or digest gave the version)"]
    assert lacks == {
        "model@1": (False, ["environment"]),
        "clean@1": (False, ["environment"]),
        "raw@1": (False, ["environment"]),
        "zones@1": (True, unpinned),
        "feed@1": (True, unpinned),
    }
    # 5 of 3 · 5 + 2 · 2 facts are missing.
    assert {row["completeness"] for row in rows} == {round(1 - 5 / 19, 4)}
    cut = ask(history.client, "model_made_of", namespace=NS, name="model", version="1", depth=1).dicts()
    assert {(row["completeness"], row["truncated"]) for row in cut} == {(None, True)}


def test_the_graph_at_a_time(history: History) -> None:
    """Around a dataset at T: what stood, and what came since."""
    told(history)
    rows = ask(history.client, "graph_changes", namespace=NS, name="clean", at="2026-03-01T08:12:00Z").dicts()
    changes = {
        (*(f"{row[f'{end}_name']}@{row[f'{end}_version']}" for end in ("source", "target")), row["job_name"]): row[
            "change"
        ]
        for row in rows
    }
    expected = {
        (source, target, made.job): "stood" if made.minute <= 12 else "came"
        for made in RUNS
        for source in made.inputs
        for target in made.outputs
        if "clean" in (source.partition("@")[0], target.partition("@")[0])
    }
    assert changes == expected


def test_what_changed_between_two_models(history: History) -> None:
    """Metrics, parameters and code of every step below, the data versions that only one of them has."""
    told(history)
    rows = ask(history.client, "model_diff", namespace=NS, name="model", before="1", after="2").dicts()

    def told_of(
        rows: list[dict[str, Any]], before: str, after: str
    ) -> dict[tuple[str, str, str], tuple[str, str, int]]:
        return {(row["what"], row["about"], row["item"]): (row[before], row[after], row["alike"]) for row in rows}

    said = told_of(rows, "before", "after")
    assert said["metric", "jobs/train", "rmse"] == ("", "2.5", 1)  # model 2 also rests on model 1's run
    assert said["parameter", "jobs/train", "depth"] == ("", "4", 1)
    assert said["code", "jobs/ingest", "git"] == ("", "c2", 1)
    assert said["data", f"{NS}/raw", ""] == ("", "2", 1)
    back = ask(history.client, "model_diff", namespace=NS, name="model", before="2", after="1").dicts()
    assert told_of(back, "after", "before") == said
    assert ("data", f"{NS}/zones", "") not in said
    assert ("code", "jobs/train", "git") not in said


def test_the_nearest_change_before_an_onset(history: History) -> None:
    """The newest run above that changed something comes first; runs after the onset are left out."""
    told(history)
    asked = {"namespace": NS, "name": "clean", "version": "2", "onset": "2026-03-01T08:27:00Z"}
    rows = ask(history.client, "nearest_change", **asked).dicts()
    assert [(row["job_name"], row["run_id"], row["changes"]) for row in rows] == [
        ("clean", as_uuid("clean 2"), ["parameters"]),
        ("ingest", as_uuid("ingest 2"), ["code"]),
    ]
    early = ask(history.client, "nearest_change", **{**asked, "onset": "2026-03-01T08:21:00Z"}).dicts()
    assert [row["job_name"] for row in early] == ["ingest"]


def test_columns_that_lack_a_tag(history: History) -> None:
    """Unmasked ways count, masked ones end; a cycle ends; the path is told."""
    told(history)
    rows = ask(history.client, "untagged_columns", namespace=NS, name="raw", column="email").dicts()
    assert [(row["name"], row["column"], row["depth"]) for row in rows] == [
        ("clean", "email", 1),
        ("scores", "contact", 2),
    ]
    assert rows[1]["path"] == [f"{NS}/raw[email]", f"{NS}/clean[email]", f"{NS}/scores[contact]"]
    assert not rows[0]["truncated"]
    cut = ask(history.client, "untagged_columns", namespace=NS, name="raw", column="email", depth=1).dicts()
    assert [(row["name"], row["truncated"]) for row in cut] == [("clean", True)]


def test_what_an_erasure_touches(history: History) -> None:
    """All that derives from it; models that learnt from it and have no later clean version."""
    told(history)
    rows = ask(history.client, "erasure", namespace=NS, name="raw", version="1").dicts()
    states = {f"{row['name']}@{row['version']}": row["state"] for row in rows}
    assert set(states) == set(reached("raw@1", up=False))
    assert states["raw@1"] == "erase"
    assert states["clean@1"] == "contains"
    # model 2 learnt from scores that model 1 made of it: no version of the model is clean.
    assert (states["model@1"], states["model@2"]) == ("not retrained", "not retrained")
    below = ask(history.client, "erasure", namespace=NS, name="feed", version="2").dicts()
    assert {f"{row['name']}@{row['version']}": row["state"] for row in below}["model@2"] == "not retrained"
    predictions = {f"{row['name']}@{row['version']}": row["predictions"] for row in rows}
    assert predictions["model@1"] == 4


def test_outputs_that_nobody_reads(history: History) -> None:
    """Written, and not read since the given days before the time asked of."""
    told(history)
    asked = {"at": "2026-03-02T00:00:00Z", "days": "1"}
    rows = ask(history.client, "unread_outputs", **asked).dicts()
    assert {row["name"] for row in rows} == {"twin", "lonely"}
    [lonely] = [row for row in rows if row["name"] == "lonely"]
    assert (lonely["writes"], lonely["written_by"], lonely["last_read_at"], lonely["seconds"]) == (
        1,
        ["other"],
        None,
        60.0,
    )
    later = ask(history.client, "unread_outputs", at="2026-03-05T00:00:00Z", days=1).dicts()
    assert {"raw", "clean", "model"} <= {row["name"] for row in later}


def test_the_same_output_computed_twice(history: History) -> None:
    """Equal content from equal inputs by equal code, in two jobs."""
    told(history)
    [row] = ask(history.client, "same_outputs").dicts()
    assert (row["jobs"], row["datasets"], row["times"], row["rows"]) == (
        ["jobs/clean", "jobs/copy"],
        [f"{NS}/clean", f"{NS}/twin"],
        2,
        7,
    )
    assert (row["same_inputs"], row["same_code"]) == (True, True)


def test_who_changed_what_is_said(history: History) -> None:
    """Two owners in turn, with who said so; what was said before stays readable."""
    told(history)
    rows = ask(history.client, "metadata_changes", name="clean").dicts()
    owners = [(row["before"], row["after"], row["said_by"]) for row in rows if row["what"] == "decision: owner"]
    assert [(before[:10], after[:10]) for before, after, _ in owners] == [
        ("", "['team:a']"),
        ("['team:a']", "['team:b']"),
    ]
    assert {by for *_, by in owners} == {"ann"}
    assert next(row["what"] for row in rows if row["about"] == "dataset") == "columns"
