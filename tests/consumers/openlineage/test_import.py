"""`headwater import` on real brokers: files in all their forms, resumed, repeated, refused; the graph of it."""

from __future__ import annotations

import gzip
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from headwater.cli.main import main
from headwater.errors import Unavailable
from headwater.importing import import_events, sources
from headwater.importing import run as running
from headwater.importing.files import units
from headwater.importing.sending import Sending
from headwater.openlineage import Message
from headwater.schemas import plain, records
from headwater.schemas.content import content_digest
from headwater.schemas.topics import EDGES, PROFILES, RUNS, SCHEMAS, VERDICTS
from headwater.settings import Settings
from headwater.topics import create
from tests.backends import clients
from tests.backends.kinds import Kafka
from tests.backends.processes import ServerProcess, wait_until
from tests.consumers.openlineage.samples import AIRFLOW, DBT, HAND_WRITTEN, SPARK, of_the_client
from tests.consumers.openlineage.test_translation import changed
from tests.consumers.stitching import reference
from tests.infra.workers import environment, working


@pytest.fixture
def settings(kafka: Kafka, prefix: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Topics are there, and commands in this process find them."""
    given = Settings(brokers=kafka.bootstrap, prefix=prefix, partitions=3)
    create(given)
    monkeypatch.setenv("HEADWATER_BROKERS", kafka.bootstrap)
    monkeypatch.setenv("HEADWATER_PREFIX", prefix)
    return given


def lines(*events: Any) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def runs(count: int) -> list[dict[str, Any]]:
    """Events of as many runs of one job."""
    return [changed(SPARK, run__runId=f"018f30e2-9000-7b3c-8f77-{number:012x}") for number in range(count)]


def sent(settings: Settings, topic: str = RUNS.name) -> list[tuple[bytes | None, bytes]]:
    """Key and content digest of every message on a topic."""
    found = clients.read_all(settings.brokers, settings.prefix + topic)
    return [(one.key, content_digest(one.value[10:])) for one in found if one.value]


def test_files_in_every_form_hold_the_same_events(tmp_path: Path) -> None:
    """A line each, one text over several lines, a list, a page of Marquez's API, a page a line; plain and gzip."""
    page = {"events": list(HAND_WRITTEN), "totalCount": 3}
    forms = {
        "lines.ndjson": lines(*HAND_WRITTEN),
        "bom.json": b"\xef\xbb\xbf" + lines(*HAND_WRITTEN),
        "list.json": json.dumps(HAND_WRITTEN, indent=2).encode(),
        "page.json": json.dumps(page, indent=2).encode(),
        "pages": lines({"events": HAND_WRITTEN[:2], "totalCount": 3}, {"events": HAND_WRITTEN[2:]}),
    }
    for name, text in forms.items():
        (tmp_path / name).write_bytes(text)
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(text))
    (tmp_path / "one.json").write_text(json.dumps(AIRFLOW, indent=2), "utf-8")
    (tmp_path / ".hidden").write_bytes(b"{")
    (tmp_path / "old.refused.ndjson").write_bytes(b"{")
    found = {path.name: [event for unit in units(path) for event in unit.events()] for path in sources(tmp_path)}
    assert found.pop("one.json") == [AIRFLOW]
    assert found == {f"{name}{end}": list(HAND_WRITTEN) for name in forms for end in ("", ".gz")}


def test_damaged_files_are_refused_line_by_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No JSON, and where a file ends too early, is counted; other lines are read. A dry run writes nothing."""
    (tmp_path / "a").write_bytes(b"no json\n" + lines(AIRFLOW) + b"\n" + lines({"eventTime": 1}) + b"\xff\n")
    (tmp_path / "b.gz").write_bytes(gzip.compress(lines(*runs(2000)))[:-20])
    assert main(["import", str(tmp_path), "--dry-run", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["files"], told["refused"]) == (2, 4)
    assert told["messages"][RUNS.name] == told["events"] - 4
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b.gz"}


@pytest.mark.integration
def test_an_import_twice_says_the_same_twice(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run, profile and verdict messages with the producers' keys; again: the same keys, ids and content digests."""
    metrics = {"rowCount": 9, "columnMetrics": {"id": {"nullCount": 1}}}
    measured = changed(DBT, inputs__0__inputFacets={"dataQualityMetrics": metrics})
    source = tmp_path / "events.ndjson"
    source.write_bytes(lines(*HAND_WRITTEN, measured, {"job": {}}))
    assert main(["import", str(source), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["events"], told["refused"], told["skipped"]) == (5, 1, 0)
    refusal = json.loads((tmp_path / "events.ndjson.refused.ndjson").read_text("utf-8"))
    assert (refusal["number"], refusal["event"], refusal["reason"]) == (5, {"job": {}}, "invalid_value")
    assert "eventTime must be" in refusal["detail"]
    first = {topic.name: sorted(sent(settings, topic.name), key=repr) for topic in (RUNS, PROFILES, VERDICTS)}
    assert [len(of) for of in first.values()] == [4, 1, 2]
    assert {key for key, _ in first[PROFILES.name]} == {b"duckdb://shop.db\nshop.main.orders"}
    assert clients.read_all(settings.brokers, SCHEMAS.full_name(settings))
    assert main(["import", str(source), "--json"]) == 1
    for topic, before in first.items():
        assert sorted(sent(settings, topic), key=repr) == sorted([*before, *before], key=repr)
    assert len((tmp_path / "events.ndjson.refused.ndjson").read_text("utf-8").splitlines()) == 1


class _Dies(Sending):
    """The broker goes away at the third batch."""

    batches = 0

    def send(self, messages: list[Message]) -> None:  # type: ignore[override]  # a list is what it gets
        type(self).batches += 1
        if type(self).batches == 3:
            raise Unavailable("the broker is away")
        super().send(messages)


@pytest.mark.integration
def test_an_interrupted_import_goes_on(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one leaves out what was confirmed: each event is sent once, each refusal written once."""
    events: list[Any] = list(runs(50))
    events[3::10] = [{"number": number} for number in range(5)]
    source = tmp_path / "events.ndjson"
    source.write_bytes(lines(*events))
    monkeypatch.setattr(running, "_STEADY", 7)
    monkeypatch.setattr(_Dies, "batches", 0)
    monkeypatch.setattr(running, "Sending", _Dies)
    with pytest.raises(Unavailable):
        import_events([source], settings)
    assert len(sent(settings)) == 14 - 2
    monkeypatch.setattr(running, "Sending", Sending)
    counts = import_events([source], settings)
    assert (counts.skipped, counts.events) == (14, 36)
    keys = [key for key, _ in sent(settings)]
    assert len(keys) == len(set(keys)) == 45
    refused = (tmp_path / "events.ndjson.refused.ndjson").read_text("utf-8").splitlines()
    assert [json.loads(one)["event"]["number"] for one in refused] == [0, 1, 2, 3, 4]


@pytest.mark.integration
def test_a_killed_import_loses_nothing(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGKILL once a batch was noted: the next one goes on, every event is there, some of one batch twice."""
    events = runs(6000)
    source = tmp_path / "events.ndjson"
    source.write_bytes(lines(*events))
    state = tmp_path / "state"
    importing = ServerProcess(
        "import",
        [sys.executable, "-m", "headwater.cli", "import", str(source)],
        tmp_path / "import.log",
        ready=lambda: any(state.rglob("*.json")),
        seconds=60,
        environment={**environment(settings), "XDG_STATE_HOME": str(state)},
        folder=tmp_path,
    )
    importing.start()
    importing.kill()
    before = len(sent(settings))
    assert 0 < before < len(events)
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    assert import_events([source], settings).skipped > 0
    keys = [key for key, _ in sent(settings)]
    assert len(set(keys)) == len(events)
    assert len(keys) < len(events) + before


@pytest.mark.integration
def test_a_broker_that_is_away_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its patience an import says so; nothing is noted as sent, so the next one begins anew."""
    source = tmp_path / "one.json"
    source.write_bytes(lines(AIRFLOW))
    monkeypatch.setattr(running, "Sending", partial(Sending, patience=0.5))
    for _ in range(2):
        with pytest.raises(Unavailable, match="the same command goes on"):
            import_events([source], Settings(brokers="127.0.0.1:1"))
    counts = import_events([source], Settings(brokers="127.0.0.1:1"), dry_run=True)
    assert (counts.events, counts.skipped, counts.refused) == (1, 0, 0)


@pytest.mark.integration
def test_the_clients_events_become_their_edges(settings: Settings, tmp_path: Path) -> None:
    """What openlineage-python's file transport wrote, imported twice: stitching makes just the edges that it says."""
    folder = tmp_path / "events"
    folder.mkdir()
    for name, text in of_the_client()[0].items():
        (folder / name).write_text(text, "utf-8")
    with working(["stitching"], settings, tmp_path):
        for _ in range(2):
            assert main(["import", str(folder)]) == 0
        expected = ("s3://lake", "orders", "snapshot-71"), ("s3://lake", "revenue")
        wait_until(lambda: len(standing(settings)) >= 3, 60, "edges")
    edges = {(fact[2], fact[3]) for fact in standing(settings) if fact[0] == "edge"}
    ours: set[Any] = {(source, target[:2]) for source, target in edges}  # type: ignore[index]  # a dataset's identity
    assert expected in ours
    assert {target[1] for _, target in ours} == {"revenue", "declared", "described"}
    assert {source[1] for source, _ in ours} == {"orders"}


def standing(settings: Settings) -> set[reference.Fact]:
    found = clients.read_all(settings.brokers, EDGES.full_name(settings))
    sets = [plain.decode(records.current("edge_set"), one.value[10:]) for one in found if one.value]
    return reference.standing(reference.said(sets))
