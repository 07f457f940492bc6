"""`headwater verify --columns`: a row whose columns are not what its intact bytes say, and edges that nobody told."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator

import pytest

from headwater.audit import connect
from headwater.audit.store import Client
from headwater.cli.main import main
from headwater.errors import StateError
from headwater.ledger.verifying import verify
from headwater.migrations import migrate
from headwater.recheck import recheck
from headwater.schemas import topics
from tests.consumers.history.conftest import History, dropped
from tests.consumers.history.messages import NS, as_uuid, at, batch, dataset, head, run_event
from tests.consumers.history.test_questions import pipeline

pytestmark = pytest.mark.integration
UPDATED = "SETTINGS mutations_sync = 1"


@pytest.fixture
def beside(history: History, prefix: str) -> Iterator[Client]:
    """Another history on the same store, migrated and empty."""
    settings = dataclasses.replace(history.settings, prefix=f"{prefix}again.")
    bare = connect(settings, database=False)
    migrate(bare, settings)
    bare.close()
    client = connect(settings)
    yield client
    client.close()
    dropped(settings)


def everything(history: History) -> None:
    """A pipeline, doubled and repeated messages, other content under an event id, a dead letter."""
    pipeline(history)
    again = run_event("again 1", "COMPLETE", at(90), outputs=[dataset("again", "1", kind="model")])
    history.clock[0] += 5_000_000
    history.keep(batch(topics.RUNS.name, [again], 500))
    history.clock[0] += 5_000_000
    other = {**again, "outputs": [dataset("again", "1"), dataset("other")]}
    history.keep(batch(topics.RUNS.name, [again, other], 600, generation="life", partition=1))
    letter = {
        **head("letter", at(91)),
        "topic": topics.RUNS.name,
        "partition": 1,
        "offset": 7,
        "worker": "stitching",
        "reason": "truncated",
        "length": 9,
        "digest": b"\x00\xff" * 16,
        "body": b"\xff\x00",
    }
    history.keep(batch(topics.DEAD_LETTERS.name, [letter]))


def test_what_the_bytes_do_not_say_is_named(history: History, beside: Client) -> None:
    """Untouched: nothing. Then a column, an edge that no edge set tells, one that is gone, a forged use: each by name,
    while the bytes are as they were archived.
    """
    everything(history)
    whole = recheck(history.client, beside)
    assert [str(one) for one in whole.findings] == []
    assert (whole.found, whole.unreadable) == (0, 0)
    assert whole.messages == verify(history.client).rows
    assert whole.tables >= 18
    with pytest.raises(StateError, match="not empty"):
        recheck(history.client, beside)
    for row in beside.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' "
        "AND name != 'migrations' AND total_rows > 0"
    ).result_rows:
        beside.command(f"TRUNCATE TABLE {row[0]}")

    run = as_uuid("train 1")
    history.client.command(
        f"ALTER TABLE run_events UPDATE run_state = 'FAIL', parameters = map('depth', '9') "
        f"WHERE run_id = '{run}' AND run_state = 'COMPLETE' AND kafka_offset = 5 {UPDATED}"
    )
    history.client.command(
        "INSERT INTO edges_by_target SELECT * REPLACE (generateUUIDv4() AS run_id) FROM edges_by_target "
        "WHERE job_name = 'build' LIMIT 1"
    )
    shipped = f"(SELECT source, target FROM edges_by_target WHERE job_name = 'ship') {UPDATED}"
    history.client.command(f"ALTER TABLE edges_by_source DELETE WHERE (source, target) IN {shipped}")
    history.client.command(
        f"ALTER TABLE dataset_uses UPDATE purpose = 'another' WHERE name = 'raw' AND purpose = 'p' {UPDATED}"
    )
    assert verify(history.client).whole
    found = recheck(history.client, beside)
    lines = [str(one) for one in found.findings]
    assert (found.found, found.whole) == (4, False)
    assert [one["text"] for one in json.loads(json.dumps(found.as_dict()))["findings"]] == lines
    [altered] = [line for line in lines if line.startswith("altered: run_events")]
    assert altered.startswith(f"altered: run_events: {topics.RUNS.name}/0 offset 5: ")
    assert "run_state is FAIL, its bytes say COMPLETE" in altered
    assert 'parameters is {"depth": "9"}, its bytes say {"depth": "3"}' in altered
    [added] = [line for line in lines if line.startswith("added: edges_by_target")]
    assert f"source {NS}/clean@c1, target {NS}/features@f1" in added
    assert added.endswith("no archived message says so")
    [missing] = [line for line in lines if line.startswith("missing: edges_by_source")]
    assert f"source {NS}/model@m1, target {NS}/deploy@d1" in missing
    [used] = [line for line in lines if line.startswith("altered: dataset_uses")]
    assert "purpose is another, its bytes say p" in used


def test_the_command(
    history: History, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    """`headwater verify --columns` makes the second history itself; exit code 1, and a line a finding."""
    for name in ("store_url", "store_user", "store_password", "prefix"):
        monkeypatch.setenv(f"HEADWATER_{name.upper()}", getattr(history.settings, name))
    pipeline(history)
    history.client.command(f"ALTER TABLE prediction_events UPDATE key_form = 'digest' WHERE key = 'flight-3' {UPDATED}")
    assert main(["verify", "--scratch", str(tmp_path)]) == 2
    capsys.readouterr()
    assert main(["verify", "--columns", "--scratch", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "Nothing was altered." in printed
    assert (
        f"altered: prediction_events: {topics.PREDICTIONS.name}/0 offset 3: key_form is digest, its bytes say public"
        in printed
    )
    assert "Columns are NOT as the bytes say: 1 findings." in printed
