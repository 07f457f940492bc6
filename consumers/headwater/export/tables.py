"""The tables of an export: from which view, which of its rows, in which order.

Each has a condition for what hangs on nodes and runs, and one for a stretch of event time. The marks in them are filled
in by `statement`; ids are numbers and UUIDs, everything else goes as a typed parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from headwater.audit.clocks import Clocks
from headwater.audit.lookup import key_sql
from headwater.export.columns import BASE64, HEX
from headwater.export.scope import Scope

_SINCE, _UNTIL = "{since:DateTime64(6, 'UTC')}", "{until:DateTime64(6, 'UTC')}"
#: Of the stretch of event time that is wanted.
RANGE: Final = f"event_time >= {_SINCE} AND event_time < {_UNTIL}"
_DATASET: Final = "sipHash64(namespace, name, toUInt8(1), '') IN $datasets"
_OWN: Final = key_sql()
_USED: Final = f"SELECT namespace, name FROM $uses_view WHERE {RANGE}"
_RUN_OR_NODE: Final = f"(run_id IN $runs OR (isNull(run_id) AND {_OWN} IN $keys))"
#: Of an event that belongs to no run and names one of the nodes.
USING: Final = f"event_id IN (SELECT event_id FROM $uses_view WHERE isNull(run_id) AND {_OWN} IN $keys)"
_PREDICTED: Final = (
    f"(run_id IN $runs OR {key_sql('model_')} IN $keys OR {key_sql('stream_')} IN $keys "
    f"OR {key_sql('deployment_')} IN $keys)"
)
_PROFILED: Final = f"({_OWN} IN $keys OR run_id IN $runs)"
_DECIDED: Final = f"({_DATASET} OR run_id IN $runs)"


@dataclass(frozen=True)
class Table:
    """A table of an export. `by`: its conditions for nodes and runs, and for time; empty: all rows."""

    name: str
    what: str
    view: str
    by_scope: str
    by_time: str
    order: str
    bytes: Mapping[str, str] = field(default_factory=dict[str, str])

    def statement(self, scope: Scope) -> str:
        """The rows, all columns, not in order."""
        condition = self.by_time if scope.kind == "time" else self.by_scope
        return f"SELECT * FROM {_view(self.view, scope.clocks)} WHERE {filled(condition or 'true', scope)}"


def _view(name: str, clocks: Clocks) -> str:
    if name == "nodes":
        return "nodes_at(known_at = {known_at:DateTime64(6, 'UTC')})"
    if name == "messages":
        return f"({_messages(clocks)})"
    return name if name == "schemas" else clocks.view(name)


def filled(condition: str, scope: Scope) -> str:
    """A condition with its marks filled in."""
    runs = ", ".join(f"'{run}'" for run in scope.runs) or "'00000000-0000-0000-0000-000000000000'"
    marks = {
        "$keys": f"({', '.join(map(str, scope.keys)) or 0})",
        "$datasets": f"({', '.join(map(str, scope.datasets)) or 0})",
        "$runs": f"({runs})",
        "$uses_view": scope.clocks.view("uses"),
        "$predictions_view": scope.clocks.view("predictions"),
        "$decisions_view": scope.clocks.view("decisions"),
        "$events": scope.clocks.events(),
    }
    for mark, text in marks.items():
        condition = condition.replace(mark, text)
    return condition


#: What is kept of every message as it was received.
_HEAD: Final = (
    "kafka_topic, kafka_partition, kafka_offset, kafka_generation, kafka_key, emit_time, producer_id, sequence, "
    "event_id, event_time, arrival, body_digest, content_digest, schema_fingerprint, raw_body"
)
#: The tables of messages, with the columns by which they hang on nodes and runs.
_RAW: Final = {
    "run_events": "run_id, '' AS namespace, '' AS name, CAST(NULL, 'Nullable(String)') AS version",
    "edge_set_events": "run_id, '' AS namespace, '' AS name, CAST(NULL, 'Nullable(String)') AS version",
    "prediction_events": "run_id, '' AS namespace, '' AS name, CAST(NULL, 'Nullable(String)') AS version",
    "profile_events": "run_id, namespace, name, version",
    "verdict_events": "run_id, namespace, name, version",
    "alert_events": "run_id, namespace, name, version",
    "decision_events": "run_id, namespace, name, version",
    "producer_events": "CAST(NULL, 'Nullable(UUID)') AS run_id, '' AS namespace, '' AS name, "
    "CAST(NULL, 'Nullable(String)') AS version",
}


def _messages(clocks: Clocks) -> str:
    parts = [
        f"SELECT {_HEAD}, toNullable(run_id) AS run_id, toString(namespace) AS namespace, "
        f"toString(name) AS name, version FROM (SELECT {_HEAD}, {hangs} FROM {table} FINAL WHERE {clocks.events()})"
        for table, hangs in _RAW.items()
    ]
    return " UNION ALL ".join(parts)


_SENT: Final = "producer_id IN (SELECT producer_id FROM run_events WHERE run_id IN $runs AND $events)"
_HEARD: Final = f"heard_at >= {_SINCE}"
_TEXT: Final = {"fingerprint_digest": HEX}

TABLES: Final = (
    Table("nodes", "Datasets, models, deployments and their versions", "nodes", "key IN $keys",
          f"(namespace, name) IN ({_USED})", "namespace, name, version, key"),
    Table("datasets", "Datasets, one row each: kind, schema, owners, tags", "datasets", "dataset IN $datasets",
          f"(namespace, name) IN ({_USED})", "namespace, name"),
    Table("dataset_versions", "Versions: who wrote each, when, rows, fingerprint", "dataset_versions", "key IN $keys",
          f"written_at >= {_SINCE} AND written_at < {_UNTIL}", "namespace, name, version, key", _TEXT),
    Table("edges", "Edges between versions", "edges",
          "(run_id IN $runs OR (isNull(run_id) AND target_key IN $keys))", RANGE,
          "source_namespace, source_name, source_version, target_namespace, target_name, target_version, "
          "run_id, known_by"),
    Table("column_edges", "Edges between columns", "column_edges",
          "(run_id IN $runs OR (isNull(run_id) AND target_key IN $keys))", RANGE,
          "source_namespace, source_name, source_version, source_column, target_namespace, target_name, "
          "target_version, target_column, run_id, known_by, transformation, subtype"),
    Table("runs", "Runs: state, times, code, parameters, environment, metrics", "runs", "run_id IN $runs",
          f"last_event_at >= {_SINCE} AND started_at < {_UNTIL}", "started_at, run_id, job_namespace, job_name"),
    Table("run_links", "Links of runs to runs and messages", "run_links", "run_id IN $runs", RANGE,
          "run_id, kind, known_by, other_run_id, topic, partition, offset"),
    Table("uses", "Who read, wrote or described which dataset", "uses", _RUN_OR_NODE, RANGE,
          "event_time, event_id, access, namespace, name, version", _TEXT),
    Table("column_profiles", "Profiles of columns", "column_profiles", _PROFILED, RANGE,
          "event_time, event_id, namespace, name, version, role, column"),
    Table("predictions", "Predictions", "predictions", _PREDICTED, RANGE, "event_time, event_id"),
    Table("verdicts", "What each check said", "verdicts", _PROFILED, RANGE, "event_time, event_id"),
    Table("incidents", "Incidents, as their newest alert tells them", "incidents", _PROFILED,
          f"opened_at >= {_SINCE} AND opened_at < {_UNTIL}", "opened_at, incident_id"),
    Table("alerts", "Each state of each incident, as it was told", "alerts", _PROFILED, RANGE, "event_time, event_id"),
    Table("decisions", "What people decided", "decisions", _DECIDED, RANGE, "event_time, event_id"),
    Table("owners", "Who owns a dataset", "owners", f"about = 'dataset' AND {_DATASET}",
          f"(namespace, name) IN ({_USED})", "about, namespace, name"),
    Table("producers", "Who sent the events of these runs (in a time range: all that were heard)", "producers",
          _SENT,
          f"heard_at >= {_SINCE} AND opened_at < {_UNTIL}", "opened_at, producer_id"),
    Table("producer_gaps", "Numbers that these producers handed out and that never arrived", "producer_gaps", _SENT,
          _HEARD, "producer_id, first_missing"),
    Table("conflicts", "Event ids that stand for more than one content", "conflicts",
          "event_id IN (SELECT event_id FROM run_events WHERE run_id IN $runs AND $events)",
          f"event_id IN (SELECT event_id FROM run_events WHERE {RANGE})", "kafka_topic, event_id, part"),
    Table("dead_letters", "What could not be read; of what, nobody knows, so it is in exports of time ranges only",
          "dead_letters", "false", RANGE, "event_time, event_id", {"key": BASE64, "body": BASE64}),
    Table("messages", "The messages as received, body and key in Base64, with their schema's fingerprint", "messages",
          f"(run_id IN $runs OR (isNull(run_id) AND name != '' AND ({_OWN} IN $keys OR {_DATASET})) "
          f"OR event_id IN (SELECT event_id FROM $predictions_view WHERE {_PREDICTED}) "
          f"OR {USING})",
          RANGE, "kafka_topic, kafka_generation, kafka_partition, kafka_offset",
          {"raw_body": BASE64, "kafka_key": BASE64}),
    Table("schemas", "The schemas by which the bodies are read, by fingerprint", "schemas", "", "",
          "fingerprint, name"),
)  # fmt: skip
