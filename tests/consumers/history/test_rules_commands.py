"""`headwater rules` and `headwater backtest` as processes: mistakes, rules that are kept or broken, the past again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headwater.settings import Settings
from tests.consumers.detection.making import dataset, edge_set, profile_record, through_the_contract
from tests.consumers.detection.test_worker import run_event
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import batch

START = date(2026, 1, 1)
GOOD, BAD = 30, 3
RANGE = ("--from", "2026-01-20", "--to", "2026-02-10")
PURPOSE = "[[rule]]\nname = 'why'\nkind = 'purpose'\ndatasets = 'lake/delivery'\n"
TYPO = "[[dataset]]\nname = 'lake/*'\n\nleast_distanse = 0.1\n[[rule]]\nname = 'why'\nkind = 'purpse'\n"


def headwater(*words: str, settings: Settings | None = None) -> subprocess.CompletedProcess[str]:
    """The command as a person runs it, to its end."""
    found = settings or Settings(store_url="http://127.0.0.1:9")
    names = ("store_url", "store_user", "prefix", "rules")
    named = {f"HEADWATER_{name.upper()}": str(getattr(found, name)) for name in names}
    return subprocess.run(
        [sys.executable, "-m", "headwater.cli", *words],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **named, "HEADWATER_STORE_PASSWORD": found.store_password},
        check=False,
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rules.toml"


@pytest.mark.integration
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("rules", "check", "FILE"), 1),
        (("rules", "test", "FILE"), 2),
        (("backtest", "--rules", "FILE"), 2),
        (("worker", "detection", "--brokers", "127.0.0.1:1"), 2),
    ],
    ids=["check", "test", "backtest", "worker"],
)
def test_a_mistake_ends_the_command(words: tuple[str, ...], code: int, file: Path) -> None:
    """Each with its line and what was perhaps meant; before the store or a broker is asked."""
    file.write_text(TYPO)
    given = [str(file) if word == "FILE" else word for word in words]
    done = headwater(*given, settings=Settings(rules=str(file), store_url="http://127.0.0.1:9"))
    told = done.stdout if code == 1 else done.stderr
    assert done.returncode == code
    assert "4: a dataset has no least_distanse; did you mean least_distance?" in told
    assert "7: there is no kind purpse; did you mean purpose?" in told
    assert "Traceback" not in done.stderr


@pytest.mark.integration
def test_a_file_as_it_should_be(file: Path) -> None:
    """It says what it found; a file that is not there, or no file, is said too."""
    file.write_text(PURPOSE + "[[dataset]]\nname = 'lake/*'\nchecks = ['skew']\n")
    done = headwater("rules", "check", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{file}: 1 settings of datasets, 1 policies, nothing wrong\n"
    away = headwater("rules", "check", str(file.with_name("away.toml")))
    assert (away.returncode, "cannot be read" in away.stderr) == (2, True)
    none = headwater("rules", "check")
    assert (none.returncode, "which file?" in none.stderr) == (2, True)


def kept(history: History) -> None:
    """A month in which a table is made daily from a file; in its last days distances are in another unit."""
    events: list[dict[str, Any]] = []
    edges: list[dict[str, Any]] = []
    profiles: list[dict[str, Any]] = []
    for number in range(GOOD + BAD):
        day = START + timedelta(days=number)
        read, written = dataset("delivery", str(day), "file"), dataset("raw", str(day))
        event = run_event("ingest", day, "COMPLETE", inputs=[read], outputs=[written])
        events.append(through_the_contract("run_event", event))
        edges.append(edge_set("ingest", day, [read], written))
        miles = np.random.default_rng(number).gamma(4, 250, 1_000)
        profiles.append(profile_record("raw", day, {"distance": miles * (1.0 if number < GOOD else 1.609)}))
    history.keep(batch("lineage.runs", events), batch("lineage.edges", edges), batch("lineage.profiles", profiles))


@pytest.mark.integration
def test_rules_against_the_history(history: History, file: Path) -> None:
    """A policy that is broken ends `rules test` with 1, and says which; one that is kept with 0."""
    kept(history)
    file.write_text(PURPOSE)
    broken = headwater("rules", "test", str(file), *RANGE, settings=history.settings)
    assert (broken.returncode, broken.stderr) == (1, "")
    assert "why: lake/delivery" in broken.stdout
    assert "jobs/ingest read lake/delivery" in broken.stdout
    assert "drifted" not in broken.stdout
    file.write_text(PURPOSE.replace("delivery", "secret"))
    fine = headwater("rules", "test", str(file), *RANGE, settings=history.settings)
    assert (fine.returncode, fine.stderr) == (0, "")
    assert fine.stdout.startswith("0 incidents, 0 pages")


@pytest.mark.integration
def test_the_history_again_with_other_settings(history: History, file: Path) -> None:
    """`backtest` tells the drift, from its first day; with rules that leave it out it tells none."""
    kept(history)
    file.write_text("")
    told = headwater("backtest", "--rules", str(file), *RANGE, "--json", settings=history.settings)
    assert (told.returncode, told.stderr) == (0, "")
    (incident,) = json.loads(told.stdout)["incidents"]
    assert incident["title"] == "distance of lake/raw drifted"
    assert incident["onset"].startswith(str(START + timedelta(days=GOOD)))
    file.write_text("[[dataset]]\nname = 'lake/raw'\nchecks = ['volume']\n")
    silent = headwater("backtest", "--rules", str(file), *RANGE, settings=history.settings)
    assert (silent.returncode, silent.stderr) == (0, "")
    assert silent.stdout.startswith("0 incidents, 0 pages")


@pytest.mark.integration
def test_without_a_store_it_says_so(file: Path) -> None:
    """With the exit code of what is away, and no traceback."""
    file.write_text(PURPOSE)
    done = headwater("rules", "test", str(file), *RANGE)
    assert done.returncode not in {0, 1, 2}
    assert "127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr
