"""The demo's answers are those of its pipeline, and each follows what is changed in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.infra.demo.ground_truth import Demo, branches, run

pytestmark = pytest.mark.integration
#: Enough days before the bad month for the detector to know what is usual, and few flights.
SMALL = ("--months", "1-2", "--every", "3")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return run(tmp_path_factory.mktemp("demo") / "home", *SMALL, "--bad-month", "2")


def headwater(demo: Demo, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "headwater.cli", *words, "--home", str(demo.home)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_incident_is_the_bad_month(demo: Demo) -> None:
    """Column, days, size, step and number of predictions are those that the feeds have."""
    incident = demo.document["incident"]
    assert (incident["dataset"], incident["column"]) == ("feeds/flights", "distance")
    assert incident["days"] == demo.bad_days()
    flown = demo.flown()
    bad = flown.filter(pl.col("day").cast(pl.String).is_in(demo.bad_days()))
    assert incident["predictions"] == bad.height
    everything = demo.flown()
    before = everything.filter(~pl.col("day").cast(pl.String).is_in(demo.bad_days()))
    assert incident["mean_during"] / incident["mean_before"] == pytest.approx(
        float(str(bad["distance"].mean())) / float(str(before["distance"].mean())), rel=0.02
    )
    assert incident["introduced_by"].startswith("no step of the pipeline: feeds/flights arrived like this")
    assert "flights/ingest" in incident["introduced_by"]
    assert incident["error_during"] > 50
    assert len(incident["models"]) == 1
    assert incident["models"][0].startswith("air_time@v1.")
    assert incident["learnt"] == []


def test_the_tree_goes_back_to_every_source(demo: Demo) -> None:
    """The prediction is of the bad month's first day; its way back names versions, runs, code and parameters."""
    document = demo.document
    day = demo.bad_days()[0]
    assert document["prediction"]["key"].startswith(day)
    raw = {(node["namespace"], node["name"]) for node in document["raw_sources"]}
    assert raw == {("feeds", "flights"), ("feeds", "weather"), ("feeds", "planes")}
    every = branches(document["tree"])
    feed = next(branch for branch in every if branch["dataset"] == "feeds/flights" and branch["versions"] == 1)
    assert feed["first"].startswith(f"{day}.")
    model = next(branch for branch in every if branch["kind"] == "model")
    assert model["made_by"]["job"] == "train"
    assert model["made_by"]["parameters"]["alpha"] == "1.0"
    assert model["made_by"]["metrics"]["mae (train)"] < 20
    made = [branch["made_by"] for branch in every if branch["made_by"] is not None]
    assert all(one["run_id"] and one["entrypoint"] == "infra/headwater/demo/process.py" for one in made)
    assert not document["truncated"]


def test_the_questions_are_answered_by_sql_that_can_be_typed(demo: Demo) -> None:
    """Each statement, typed at the prompt of the kept history, gives the rows that the demo showed."""
    assert len(demo.document["questions"]) == 3
    for asked in demo.document["questions"]:
        assert asked["rows"], asked["question"]
        done = subprocess.run(
            [sys.executable, "-m", "headwater.cli", "sql", "--csv", "--home", str(demo.home), asked["sql"]],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        header, *rows = done.stdout.splitlines()
        assert header == ",".join(asked["columns"])
        assert len(rows) == len(asked["rows"])
    newest = demo.document["questions"][2]
    alarmed = newest["columns"].index("alarmed")
    assert not any(row[alarmed] for row in newest["rows"])


def test_what_else_happened_is_told_apart(demo: Demo) -> None:
    """Nothing but the main incident is about distances; the blizzard of 9 February is told with what it did."""
    others = demo.document["other_incidents"]
    assert not any(other["incident"]["column"] == demo.distance for other in others)
    storm = [other for other in others if "2013-02-09" in other["incident"]["days"]]
    assert storm
    assert any("did not arrive" in fact["text"] for other in storm for fact in other["facts"])


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    """A demo replaces a demo, never another file or another history."""
    (tmp_path / "thesis.txt").write_text("mine")
    command = [sys.executable, "-m", "headwater.cli", "demo", "--home", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 6
    assert "holds something else than a demo" in done.stderr
    assert (tmp_path / "thesis.txt").read_text() == "mine"


@pytest.mark.prove
def test_changed_demos_change_the_answers(tmp_path: Path) -> None:
    """Without a bad month nothing is about distances; without planes, with another bad month and a renamed column
    each answer says so. The second run takes the place of the first in the same folder.
    """
    quiet = run(tmp_path / "home", *SMALL, "--bad-month", "none")
    assert not any(incident["column"] == "distance" for incident in quiet.incidents())
    assert "distance" not in str([incident["title"] for incident in quiet.incidents()])

    words = ("--months", "2-4", "--every", "4", "--bad-month", "4")
    changed = run(quiet.home, *words, "--sources", "flights,weather", "--rename", "distance=miles")
    incident = changed.document["incident"]
    assert (incident["dataset"], incident["column"]) == ("feeds/flights", "miles")
    assert incident["days"] == changed.bad_days()
    assert incident["days"][0] == "2013-04-01"
    flown = changed.flown()
    assert incident["predictions"] == flown.filter(pl.col("day").dt.month() == 4).height
    assert changed.document["history"]["predictions"] == flown.filter(pl.col("day").dt.month() > 2).height
    assert {node["name"] for node in changed.document["raw_sources"]} == {"flights", "weather"}
    assert "miles" in changed.document["prediction"]["features"]
    assert not {"seats", "plane_age", "distance"} & set(changed.document["prediction"]["features"])
    assert "clean_planes" not in str(changed.document["tree"])


def test_the_incident_is_explained(demo: Demo, tmp_path: Path) -> None:
    """`headwater explain`: gates, both distributions, the baseline and the root, and a picture."""
    listed = headwater(demo, "alerts", "list", "--json")
    incident = next(one for one in json.loads(listed.stdout) if one["dataset"]["column"] == "distance")
    picture = tmp_path / "distance.svg"
    told = headwater(demo, "explain", incident["incident_id"], "--svg", str(picture))
    assert told.returncode == 0, told.stderr
    for word in (
        "gate      rows",
        "p_value",
        "ks_distance",
        "unusual",
        "persistent",
        "baseline  ",
        "before │",
        "root      ",
    ):
        assert word in told.stdout, told.stdout
    assert "feeds/flights.distance" in told.stdout
    assert picture.read_text().startswith("<svg")


def test_the_history_raises_the_same_again(demo: Demo, tmp_path: Path) -> None:
    """`headwater backtest` finds the bad month in what is archived; `rules test` says which policies it broke."""
    days = ("--from", "2013-01-25", "--to", "2013-03-02")
    done = headwater(demo, "backtest", *days, "--json")
    assert done.returncode == 0, done.stderr
    raised = json.loads(done.stdout)
    about = [one["onset"][:10] for one in raised["incidents"] if "distance" in one["title"]]
    told = json.loads(headwater(demo, "alerts", "list", "--json").stdout)
    assert about == [one["onset"][:10] for one in told if "distance" in one["title"]] != []
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rule]]\nname = "only me"\nkind = "writers"\ndatasets = "*"\njobs = ["jobs/me"]\n')
    broken = headwater(demo, "rules", "test", str(rules), *days)
    assert broken.returncode == 1, broken.stderr
    assert "only jobs/me may (rule only me)" in broken.stdout
    rules.write_text(rules.read_text().replace("jobs/me", "*"))
    kept = headwater(demo, "rules", "test", str(rules), *days)
    assert (kept.returncode, kept.stderr) == (0, "")
