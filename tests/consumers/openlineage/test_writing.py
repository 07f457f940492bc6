"""Our records as OpenLineage events: read again they make the same graph, and say what they said."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings

from headwater.audit.store import Client
from headwater.audit.writers import writer_schemas
from headwater.cli.main import main
from headwater.export import openlineage as exporting
from headwater.openlineage import encoded, written
from headwater.schemas import plain, records
from headwater.schemas.topics import RUNS
from tests.benchmarks.peers import NoPeer, peer_python, run_peer
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import batch
from tests.consumers.openlineage.samples import CLIENT, HAND_WRITTEN, RUN, SPARK, real
from tests.consumers.openlineage.test_translation import changed, run_event
from tests.consumers.stitching import reference, worlds

SCHEMA = records.current("run_event")


def again(event: dict[str, Any]) -> list[dict[str, Any]]:
    """The records of an event that was written and read again."""
    found = [json.loads(json.dumps(one)) for one in written(event)]
    made = [message for one in found for message in encoded(one, now_us=1, sender=bytes(16))]
    return [plain.decode(SCHEMA, one.value[10:]) for one in made if one.topic.record == "run_event"]


def without_parts(event: dict[str, Any]) -> dict[str, Any]:
    return {**event, "part": 1, "parts": 1}


def twice_the_same() -> dict[str, Any]:
    """A dataset event that mentions one dataset twice: with a stated source, and with a column of that source."""
    source = {"namespace": "ns", "name": "a", "version": None}
    column = {**source, "column": "c", "target_column": "d", "transformation": "DIRECT"}
    mentions = [{**source, "edges": [source]}, {**source, "column_lineage": [column]}]
    head = {
        "emit_time": 0,
        "producer_id": bytes(16),
        "sequence": 0,
        "event_id": bytes(16),
        "event_time": 1_700_000_000_000_000,
    }
    return {**head, "kind": "dataset", "outputs": mentions}


@given(st.lists(worlds.events(ordinary=False).map(without_parts), max_size=4))
@example([twice_the_same()])
@settings(max_examples=100)
def test_written_and_read_again_events_make_the_same_graph(events: list[dict[str, Any]]) -> None:
    """Runs, job and dataset events with versions, explicit edges, column lineage, parents and links. Each has an id and
    a time of its own: read again they get ids of their contents, and by these the order of events of one time. Only the
    job that a dataset event names is not said.
    """
    whole = [
        {**worlds.whole(event), "event_id": bytes([number]) * 16, "event_time": event["event_time"] + number}
        for number, event in enumerate(events)
    ]
    found = [one for event in whole for one in again(event)]
    said = [event | {"job": None} if event["kind"] == "dataset" and not event["run"] else event for event in whole]
    assert reference.current(found) == reference.current(said)


_OF_THE_SENDER = {"emit_time", "producer_id", "sequence", "event_id"}


@pytest.mark.parametrize("event", HAND_WRITTEN, ids=["airflow", "spark", "dbt"])
def test_an_integrations_event_says_the_same_again(event: dict[str, Any]) -> None:
    """Every field of the contract, facets that were kept too."""
    before = run_event(event)
    (after,) = again(before)
    for name in before.keys() - _OF_THE_SENDER:
        assert _plain(after[name]) == _plain(before[name]), name


def _plain(value: Any) -> Any:
    """Without addresses of specifications, which are ours in what we wrote, and there where the sender gave none."""
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {name: _plain(of) for name, of in fields.items() if name not in {"_producer", "_schemaURL", "schemaURL"}}
    if isinstance(value, list):
        return [_plain(of) for of in cast("Iterable[Any]", value)]
    if isinstance(value, str) and value.startswith("{"):
        return _plain(json.loads(value))
    return value


@pytest.mark.integration
def test_the_clients_events_make_the_same_graph_again() -> None:
    """Those with every facet of openlineage-python, the job's lineage facet and dataset events among them."""
    before = [run_event(event) for event in real()]
    after = [one for event in before for one in again(event)]
    assert reference.current(after) == reference.current(before)


@pytest.mark.integration
def test_the_history_is_exported_and_imported_again(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`headwater export --openlineage` of a time and of one run: the events of the file make the graph of the records
    that stand there, an event that came in parts among them.
    """
    events = [*HAND_WRITTEN, large()]
    made = [one for event in events for one in encoded(event, now_us=1, sender=bytes(16))]
    bodies = [one.value[10:] for one in made if one.topic is RUNS]
    assert len(bodies) > len(events)
    history.keep(batch(RUNS.name, [], bodies=bodies))
    for name in ("store_url", "store_user", "store_password", "prefix"):
        monkeypatch.setenv(f"HEADWATER_{name.upper()}", getattr(history.settings, name))
    file = tmp_path / "out.ndjson"
    since, until = "--since=2024-01-01T00:00:00Z", "--until=2025-01-01T00:00:00Z"
    assert main(["export", str(file), "--openlineage", since, until, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["events"] == len(events)
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    found = [
        plain.decode(SCHEMA, one.value[10:])
        for line in lines
        for one in encoded(line, now_us=1, sender=bytes(16))
        if one.topic is RUNS
    ]
    assert reference.current(found) == reference.current(plain.decode(SCHEMA, body) for body in bodies)
    assert main(["export", str(file), "--openlineage", since, until]) == 2
    one_run = tmp_path / "run.ndjson"
    assert main(["export", str(one_run), "--openlineage", "--run", RUN]) == 0
    assert {json.loads(line)["run"]["runId"] for line in one_run.read_text("utf-8").splitlines()} == {RUN}


@pytest.mark.integration
def test_a_body_of_an_unknown_schema_is_left_out_and_named(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A body is read by the schema that wrote it: one that came while the export ran is looked up, and without any the
    event is left out and the command says so and ends with 1. Read by ours it would have said something else.
    """
    fields = SCHEMA.definition["fields"]
    foreign = records.parse(json.dumps({**SCHEMA.definition, "fields": [*fields[1:], fields[0]]}))
    ours, theirs = run_event(HAND_WRITTEN[0]), run_event(HAND_WRITTEN[1])
    history.keep(batch(RUNS.name, [ours]), batch(RUNS.name, [theirs], first=1, schema=foreign))
    for name in ("store_url", "store_user", "store_password", "prefix"):
        monkeypatch.setenv(f"HEADWATER_{name.upper()}", getattr(history.settings, name))
    scope = ("--openlineage", "--since=2024-01-01T00:00:00Z", "--until=2025-01-01T00:00:00Z", "--json")
    answers: list[dict[int, records.Schema]] = [writer_schemas(history.client), {}]

    def answering(_client: Client) -> dict[int, records.Schema]:
        return answers.pop()

    monkeypatch.setattr(exporting, "writer_schemas", answering)
    assert main(["export", str(tmp_path / "all.ndjson"), *scope]) == 0
    assert json.loads(capsys.readouterr().out)["events"] == 2
    monkeypatch.setattr(exporting, "writer_schemas", writer_schemas)
    history.client.command("TRUNCATE TABLE schemas")
    file = tmp_path / "some.ndjson"
    assert main(["export", str(file), *scope]) == 1
    told = json.loads(capsys.readouterr().out)
    why = f"unknown_schema: the history holds none with the fingerprint {foreign.fingerprint}"
    assert (told["events"], told["unreadable"]) == (1, {why: 1})
    (line,) = file.read_text("utf-8").splitlines()
    assert json.loads(line)["job"]["name"] == HAND_WRITTEN[0]["job"]["name"]


def large() -> dict[str, Any]:
    """An event that comes in parts."""
    sources = [{"namespace": "s3://lake", "name": f"source_{n}", "field": "c" * 50} for n in range(40)]
    fields = {f"column_{n}": {"inputFields": sources} for n in range(60)}
    run = "018f30e2-9000-7b3c-8f77-000000000009"
    event = changed(SPARK, run__runId=run, outputs__0__facets__columnLineage__fields=fields)
    event["run"]["facets"] |= {f"plan_{n}": {"text": "x" * 60_000} for n in range(9)}
    return event


@pytest.mark.integration
def test_openlineage_pythons_classes_take_what_is_written(tmp_path: Path) -> None:
    """Events and each of their facets, made anew by the classes of that package, are what was written."""
    try:
        python = peer_python("openlineage", CLIENT)
    except NoPeer as reason:
        pytest.skip(str(reason))
    events = [one for event in (*HAND_WRITTEN, *real()) for one in written(run_event(event))]
    file = tmp_path / "events.ndjson"
    file.write_text("".join(json.dumps(event) + "\n" for event in events), "utf-8")
    told = run_peer(python, "openlineage_accepts.py", str(file))
    assert told["events"] == len(events)
    assert told["facets"] > 30
