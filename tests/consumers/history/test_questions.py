"""The audit questions over a small pipeline whose answers are known; their SQL alone gives the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headwater.audit import QUESTIONS, Node, ask, explain_prediction, incidents
from headwater.errors import NotFound, SettingsError, StateError
from headwater.schemas.topics import ALERTS, EDGES, PREDICTIONS, PRODUCERS, RUNS
from tests.consumers.history.conftest import History, dropped
from tests.consumers.history.messages import (
    NS,
    as_uuid,
    at,
    batch,
    dataset,
    edge_set,
    head,
    named,
    prediction,
    run_event,
)

pytestmark = pytest.mark.integration

RAW, CLEAN, FEATURES = dataset("raw", "r1"), dataset("clean", "c1"), dataset("features", "f1", kind="feature_view")
MODEL = dataset("model", "m1", kind="model")
DEPLOYED = dataset("deploy", "d1", kind="deployment")
STREAM = dataset("predictions", None, kind="prediction_stream")
NASTY = 'it\'s \\ "quoted"; DROP TABLE nodes -- {x:String}\n🛩'


def identity(node: dict[str, Any]) -> dict[str, Any]:
    return {field: node[field] for field in ("namespace", "name", "version")}


def pipeline(history: History) -> None:
    """raw → clean → features → model → deployment → predictions, 5 predictions, and an incident on features."""
    code = {"code": {"repository": "git", "commit": "abc123", "dirty": False}, "owners": [{"name": "team:ml"}]}
    stages: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
        ("clean", RAW, CLEAN, {"parameters": {"drop": "nulls"}}),
        ("build", CLEAN, FEATURES, {}),
        (
            "train",
            FEATURES,
            MODEL,
            {
                "parameters": {"depth": "3"},
                "environment": {"python": '"3.11"'},
                "metrics": [{"name": "rmse", "value": 1.5, "split": "test"}],
            },
        ),
        ("ship", MODEL, DEPLOYED, {}),
        ("serve", DEPLOYED, STREAM, {}),
    ]
    events: list[dict[str, Any]] = []
    sets: list[dict[str, Any]] = []
    for n, (job, source, target, more) in enumerate(stages):
        read = {**source, "columns_read": ["distance"], "rows": 10 * (n + 1)}
        events.append(
            run_event(f"{job} 1", "START", at(10 * n), inputs=[read], job_fields=code, actor="svc", purpose="p")
        )
        events.append(run_event(f"{job} 1", "COMPLETE", at(10 * n + n + 1), outputs=[target], job_fields=code, **more))
        written = {**target, "version": target["version"] or f"run:{as_uuid(f'{job} 1')}"}
        sets.append(edge_set(f"{job} 1", at(10 * n + n + 1), [source, written], [(0, 1)]))
    told = [
        prediction(
            f"flight-{n}",
            at(60 + n),
            "model",
            "m1",
            run_id=named("serve 1"),
            features=[{"name": "distance", "value": str(n)}, {"name": "secret", "digest": b"\x01\x02"}],
            outputs=[{"name": "air_time", "value": "3"}],
            sources=[identity(FEATURES)],
            sequence=n + 1,
        )
        for n in range(5)
    ]
    told.append(prediction(NASTY, at(66), "model", "m1", sequence=8))
    alert = {
        **head("alert", at(70)),
        "incident_id": named("incident"),
        "state": "opened",
        "number": 1,
        "page": True,
        "severity": 0.8,
        "title": "distance drifted",
        "explanation": "kilometres",
        "check": "drift",
        **identity(FEATURES),
        "column": "distance",
        "onset": at(62),
        "root": {
            "kind": "data",
            **identity(RAW),
            "run_id": named("clean 1"),
            "score": 2.0,
            "explanation": "it began in raw",
            "path": [identity(d) for d in (RAW, CLEAN, FEATURES)],
        },
        "measures": [{"name": "ks", "value": 0.9, "threshold": 0.1, "passed": True}],
        "owners": [{"name": "team:ml"}],
    }
    opened = {**head("opened", at(0), 7), "kind": "opened", "last_sequence": 8, "service": "scoring"}
    history.keep(
        batch(RUNS.name, events),
        batch(EDGES.name, sets),
        batch(PREDICTIONS.name, told),
        batch(ALERTS.name, [alert]),
        batch(PRODUCERS.name, [opened]),
    )


def test_a_prediction_back_to_its_sources(history: History) -> None:
    """The model version, the values, each run with code, parameters and metrics, down to the raw source."""
    pipeline(history)
    found = explain_prediction(history.client, "flight-3")
    assert (found.prediction.model, found.prediction.key_form) == (Node(NS, "model", "m1"), "public")
    assert found.prediction.features == {"distance": "3", "secret": "digest:0102"}
    assert found.raw_sources == (Node(NS, "raw", "r1"),)
    assert {str(node.node.name) for node in found.walk.nodes} == {"model", "features", "clean", "raw"}
    train = found.steps[str(as_uuid("train 1"))]
    assert (train.commit, train.parameters, train.metrics) == ("abc123", {"depth": "3"}, {"rmse (test)": 1.5})
    assert (train.inputs, train.outputs) == ((Node(NS, "features", "f1"),), (Node(NS, "model", "m1"),))
    assert train.owners == ("team:ml",)
    assert str(as_uuid("serve 1")) in found.steps
    assert found.others == 0
    json.dumps(found.as_dict())
    with pytest.raises(NotFound, match="no prediction"):
        explain_prediction(history.client, "flight-99")
    with pytest.raises(NotFound, match="on stream other"):
        explain_prediction(history.client, "flight-3", "other")
    assert explain_prediction(history.client, NASTY, "predictions").prediction.key == NASTY


def test_an_incident_with_its_reach(history: History) -> None:
    """Root, path, and what lies below the root, predictions counted from the onset, each once."""
    pipeline(history)
    [incident] = incidents(history.client)
    assert (incident.title, incident.dataset) == ("distance drifted", Node(NS, "features", "f1", "distance"))
    assert incident.root is not None
    assert (incident.root["run_id"], incident.root["explanation"]) == (as_uuid("clean 1"), "it began in raw")
    assert [node.name for node in incident.path] == ["raw", "clean", "features"]
    assert [(reach.node.name, reach.hops, reach.predictions) for reach in incident.reaches] == [
        ("clean", 1, None),
        ("features", 2, None),
        ("model", 3, None),
        ("deploy", 4, None),
        ("predictions", 5, 6),
    ]
    assert incident.predictions == 6
    json.dumps(incident.as_dict())


ASKED: dict[str, dict[str, Any]] = {
    "who_read": {
        "namespace": NS,
        "name": "features",
        "since": "2026-03-01T08:00:00Z",
        "until": "2026-03-02T00:00:00+01:00",
    },
    "model_made_of": {"namespace": NS, "name": "model", "version": "m1"},
    "reaches": {"namespace": NS, "name": "raw"},
    "prediction": {"key": "flight-3"},
    "predictions_about": {"subject": "00" * 16},
    "owners": {"name": "train"},
    "gaps": {"service": "scoring"},
    "slowest_stages": {},
    "graph_changes": {"namespace": NS, "name": "clean", "at": "2026-03-01T08:05:00Z"},
    "model_diff": {"namespace": NS, "name": "model", "before": "m1", "after": "m0"},
    "nearest_change": {"namespace": NS, "name": "features"},
    "untagged_columns": {"namespace": NS, "name": "raw", "column": "distance"},
    "erasure": {"namespace": NS, "name": "raw", "version": "r1"},
    "unread_outputs": {},
    "same_outputs": {},
    "metadata_changes": {"name": "train"},
}


def test_answers(history: History) -> None:
    """Each question's answer over the pipeline, as far as it is known beforehand."""
    pipeline(history)
    assert set(ASKED) == set(QUESTIONS)
    answers = {name: ask(history.client, name, **parameters).dicts() for name, parameters in ASKED.items()}
    [reader] = answers["who_read"]
    assert (reader["job_name"], reader["run_id"], reader["version"]) == ("train", as_uuid("train 1"), "f1")
    assert (reader["actor"], reader["purpose"], reader["columns_read"], reader["rows"]) == (
        "svc",
        "p",
        ["distance"],
        30,
    )
    made = {row["name"]: row for row in answers["model_made_of"]}
    assert {name: row["depth"] for name, row in made.items()} == {"model": 0, "features": 1, "clean": 2, "raw": 3}
    assert (made["model"]["code_commit"], made["model"]["parameters"]) == ("abc123", {"depth": "3"})
    assert made["model"]["environment"] == {"python": '"3.11"'}
    assert (made["raw"]["made_by_run"], made["raw"]["truncated"]) == (None, False)
    below = {row["name"]: row for row in answers["reaches"]}
    assert {name: row["kind"] for name, row in below.items()} == {
        "clean": "table",
        "features": "feature_view",
        "model": "model",
        "deploy": "deployment",
        "predictions": "prediction_stream",
    }
    assert (below["model"]["predictions"], below["predictions"]["predictions"]) == (6, 5)
    [told] = answers["prediction"]
    assert (told["model_version"], told["features"]["distance"], told["job_name"]) == ("m1", "3", "serve")
    [owner] = answers["owners"]
    assert (owner["about"], owner["name"], owner["owners"], owner["stated_by"]) == (
        "job",
        "train",
        [("team:ml", None)],
        "event",
    )
    [gap] = answers["gaps"]
    assert (gap["missing"], gap["missing_ranges"], gap["last_sequence"]) == (1, [(6, 6)], 8)
    slow = answers["slowest_stages"]
    assert [row["job_name"] for row in slow] == ["serve", "ship", "train", "build", "clean"]
    assert slow[0]["p95_seconds"] == 300.0


def test_the_sql_alone_gives_the_same(history: History) -> None:
    """Each question is one statement: sent as it is printed, with its parameters, it gives the same rows."""
    pipeline(history)
    for name, parameters in ASKED.items():
        answer = ask(history.client, name, **parameters)
        result = history.client.query(answer.sql, parameters=dict(answer.parameters))
        assert [tuple(row) for row in result.result_rows] == list(answer.rows), name
        assert answer.columns == tuple(result.column_names)


def test_values_are_values(history: History) -> None:
    """Whatever a value holds, it is compared and never run."""
    pipeline(history)
    for value in (NASTY, "' OR 1=1 --", "\\", "nul\0", "x" * 10_000, "{name:String}", "\t\n"):
        assert ask(history.client, "who_read", namespace=value, name=value).rows == ()
        assert ask(history.client, "model_made_of", namespace=NS, name=value, version=value).rows == ()
        assert ask(history.client, "owners", name=value).rows == ()
    assert len(ask(history.client, "prediction", key=NASTY).rows) == 1
    assert history.rows("SELECT count() > 0 FROM nodes") == [(True,)]


def test_wrong_questions(history: History) -> None:
    """Unknown questions and parameters, times without an offset, numbers that are none: each says what is wrong."""
    client = history.client
    with pytest.raises(NotFound, match="did you mean who_read"):
        ask(client, "who_reads")
    with pytest.raises(SettingsError, match="has no parameter nam"):
        ask(client, "who_read", namespace="a", nam="b")
    with pytest.raises(SettingsError, match="needs name"):
        ask(client, "who_read", namespace="a")
    with pytest.raises(SettingsError, match="no offset"):
        ask(client, "who_read", namespace="a", name="b", since="2026-01-01T00:00:00")
    with pytest.raises(SettingsError, match="no ISO 8601"):
        ask(client, "who_read", namespace="a", name="b", since="yesterday")
    with pytest.raises(SettingsError, match="no whole number"):
        ask(client, "slowest_stages", limit="many")


def test_a_store_without_history(empty: Any) -> None:
    """No database, or one without tables, is one clear error."""
    from headwater.audit import connect
    from headwater.migrations import migrate
    from headwater.migrations.files import shipped

    with pytest.raises(StateError, match="migrate up"):
        connect(empty)
    client = connect(empty, database=False)
    migrate(client, empty, migrations=shipped()[:1])
    client.close()
    with pytest.raises(StateError, match="migrate status"):
        incidents(connect(empty))
    dropped(empty)
