"""OpenLineage events as the contract's: what lands where, what is lenient, what is refused, what has the same id."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, cast

import pytest

from headwater.errors import InvalidMessage
from headwater.openlineage import LANDINGS, messages, translate
from headwater.openlineage.assembling import Pieces
from headwater.openlineage.fields import run_id_of
from headwater.schemas import plain, reasons, records
from headwater.schemas.content import content_digest
from tests.consumers.openlineage.samples import AIRFLOW, DBT, HAND_WRITTEN, RUN, SPARK, Event, of_the_client, real
from tests.snippets import ROOT

NOW = 1_714_550_000_000_000


def told(event: Event, topic: str = "lineage.runs") -> list[dict[str, Any]]:
    """The records of a topic, as who reads them has them."""
    found = [message for message in messages(translate(event, now_us=NOW)) if message.topic.name == topic]
    return [plain.decode(records.current(str(one.topic.record)), one.value[10:]) for one in found]


def run_event(event: Event) -> dict[str, Any]:
    (found,) = told(event)
    return found


def changed(event: Event, **fields: Any) -> Event:
    """The event with other fields; a field of an inner object is named by its path with __ between."""
    found = copy.deepcopy(event)
    for path, value in fields.items():
        *before, last = path.split("__")
        at: Any = found
        for name in before:
            at = at[int(name) if name.isdigit() else name]
        at[int(last) if last.isdigit() else last] = value
    return found


def refusal(event: Event) -> str:
    with pytest.raises(InvalidMessage) as refused:
        list(messages(translate(event, now_us=NOW)))
    assert refused.value.reason in reasons.REASONS
    return refused.value.detail


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("job__name", "job.name"),
        ("inputs__0__namespace", "inputs[0].namespace"),
        ("inputs__0__name", "inputs[0].name"),
        ("outputs__0__name", "outputs[0].name"),
    ],
)
def test_a_name_that_no_edge_could_copy_is_refused(path: str, place: str) -> None:
    """Whichever way the event goes: of 8 KB it is taken, of a byte more refused with its place."""
    event = SPARK if path.startswith("outputs") else AIRFLOW
    fits, beyond = (changed(event, **{path: "n" * size}) for size in (8192, 8193))
    detail = f"{place} has 8,193 bytes, at most 8,192 are taken"
    assert refusal(beyond) == detail
    pieces = Pieces()
    for _ in range(2):
        with pytest.raises(InvalidMessage) as refused:
            pieces.messages(beyond, now_us=NOW, sender=bytes(16))
        assert (refused.value.reason, refused.value.detail) == (reasons.TOO_LONG, detail)
        assert pieces.messages(fits, now_us=NOW, sender=bytes(16))


@pytest.mark.parametrize("further", [{}, {"test": {}}], ids=["of a run as others", "of a run by itself"])
def test_a_parent_that_no_edge_could_copy_is_refused(further: Event) -> None:
    """Also where the run is put together from what is kept of it."""
    parent = {"run": {"runId": RUN}, "job": {"namespace": "ns", "name": "n" * 8193}}
    event = changed(AIRFLOW, run={"runId": RUN, "facets": {"parent": parent, **further}})
    for _ in range(2):
        with pytest.raises(InvalidMessage, match=r"run.parent.job_name has 8,193 bytes, at most 8,192"):
            Pieces().messages(event, now_us=NOW, sender=bytes(16))


def test_a_long_description_of_a_transformation_is_cut() -> None:
    """It names nothing: its beginning and end stay, in the length that edges copy."""
    fields = {
        "total": {
            "inputFields": [
                {
                    "namespace": "ns",
                    "name": "x",
                    "field": "a",
                    "transformations": [{"type": "DIRECT", "description": f"begin{'ä' * 9000}end"}],
                }
            ]
        }
    }
    event = changed(SPARK, outputs__0__facets__columnLineage={"fields": fields})
    [row] = run_event(event)["outputs"][0]["column_lineage"]
    assert row["description"].startswith("begin")
    assert row["description"].endswith("end")
    assert 8000 < len(row["description"].encode()) <= 8192


def leaves(value: Any) -> Iterator[str]:
    """All that a facet says, without names and addresses of its own specification."""
    if isinstance(value, dict):
        for name, of in cast("dict[str, Any]", value).items():
            if name not in {"_producer", "_schemaURL"}:
                yield from leaves(of)
    elif isinstance(value, list):
        for of in cast("Iterable[Any]", value):
            yield from leaves(of)
    elif value not in (None, ""):
        yield json.dumps(value, ensure_ascii=False).strip('"')


def test_events_of_airflow_spark_and_dbt_land_in_the_fields() -> None:
    """Job, run, parent, engine, code, columns, sizes, column lineage; names lose their passwords."""
    airflow, spark = run_event(AIRFLOW), run_event(SPARK)
    assert airflow["run"]["run_id"].hex() == RUN.replace("-", "")
    assert airflow["run"]["parent"]["job_name"] == "etl"
    assert airflow["run"]["nominal_start"] == 1_714_521_600_000_000
    assert airflow["event_time"] == 1_714_546_801_384_910
    assert airflow["inputs"][0]["namespace"] == "postgres://db:5432"
    assert airflow["job"]["code"]["source"].startswith("INSERT")
    assert json.loads(airflow["run"]["facets"]["airflow"])["dag"]["dag_id"] == "etl"
    assert json.loads(airflow["environment"]["processing_engine"]) == {"version": "2.9.0", "name": "Airflow"}
    output = spark["outputs"][0]
    assert [(one["column"], one["target_column"], one["subtype"]) for one in output["column_lineage"]] == [
        ("id", "id", "IDENTITY"),
        ("id", "id", "FILTER"),
    ]
    assert (output["rows"], output["bytes"], output["facets"]) == (5, 490, {})
    assert output["aliases"][0]["name"] == "db.clean"
    assert "planted-2" not in json.dumps(spark, default=str)


def test_assertions_become_verdicts() -> None:
    """dbt's tests: one that held is ok, one that failed an alarm, about the column and its dataset."""
    found = told(DBT, "lineage.verdicts")
    assert [(one["outcome"], one["column"], one["check"]) for one in found] == [
        ("ok", "id", "assertion"),
        ("alarm", "id", "assertion"),
    ]
    assert found[1]["explanation"] == "duckdb://shop.db/shop.main.orders: unique of id failed"
    assert run_event(DBT)["inputs"][0]["assertions"][1]["success"] is False


@pytest.mark.integration
def test_nothing_of_the_clients_events_is_lost() -> None:
    """Every facet that openlineage-python can write: each value is in a field or kept, but secrets are nowhere."""
    for event in real():
        translated = translate(event, now_us=NOW)
        kept = json.dumps(
            [translated.run_event, translated.profiles], default=lambda one: one.hex(), ensure_ascii=False
        ).replace("\\", "")
        known = {"planted-secret-1", event["eventTime"], "DATASET", "JOB", "git"}
        texts = {text for text in leaves(event) if text not in known}
        times = {text for text in texts if text[:3] == "202" and "T" in text and text != "2025-01-02T03:04:05Z"}
        lower = kept.lower()
        missing = {one for one in texts - times if one.lower() not in lower and one.replace("-", "") not in lower}
        assert missing == set()
        assert "planted-secret-1" not in kept


@pytest.mark.integration
def test_the_clients_quality_facets_become_profiles_and_verdicts() -> None:
    """Metrics of what was read and written; assertions and tests, warnings apart; quantiles as detection wants them."""
    event = real()[1]
    read, written = told(event, "lineage.profiles")
    assert (read["role"], read["rows"], read["version"]) == ("input", 100, "snapshot-71")
    assert (written["role"], written["version"]) == ("output", "run:01941f29-7c00-7d38-9a4f-d3b0c1f4a001")
    column = read["columns"][0]
    assert (column["nulls"], column["minimum"], column["maximum"], column["distinct"]) == (3, 1.5, 99.5, 41)
    assert column["mean"] == 50.0
    assert len(column["quantiles"]) == 129
    assert column["quantiles"][64] == 50.5
    assert column["quantiles"] == sorted(column["quantiles"])
    said = [(one["outcome"], one["name"], one["rule"]) for one in told(event, "lineage.verdicts")]
    assert said == [
        ("alarm", "", "no_orphans"),
        ("ok", "", "fresh"),
        ("ok", "orders", "amount_is_there"),
        ("warn", "orders", "unique"),
        ("alarm", "orders", "row_count"),
    ]


@pytest.mark.integration
def test_every_facet_of_the_client_has_a_home() -> None:
    """Each facet class of openlineage-python lands somewhere. What lands is one of its classes, older, ours or an
    integration's.
    """
    classes = set(of_the_client()[1])
    known = {landing.of for landings in LANDINGS.values() for landing in landings.values()}
    assert classes - known == set()
    older = {"ParentRunFacet (before 1.0)", "DataQualityMetrics (its former name)"}
    assert known - classes == {"ours", "Great Expectations' own", "Spark's own", "Dagster's own", *older}


def test_the_table_of_facets_is_the_codes() -> None:
    """consumers/README.md says where each facet lands, row for row, and has no row for a facet that has no home."""
    text = (ROOT / "consumers/README.md").read_text("utf-8")
    (table,) = re.findall(r"^\| facet \| of \| where it lands \|\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    rows = [
        f"| `{name}` | {place} | {landing.where} |"
        for place, landings in LANDINGS.items()
        for name, landing in landings.items()
    ]
    assert table.splitlines() == rows
    broken = re.compile(r"``|\w`\w")  # two code spans that run into one another are not shown as such
    assert [row for row in rows if broken.search(row) or row.count("`") % 2] == []


@pytest.mark.parametrize(
    ("time", "micros"),
    [
        ("2020-12-28T19:52:00.001Z", 1_609_185_120_001_000),
        ("2020-12-28T19:52:00.001999999+10:00", 1_609_149_120_001_999),
        ("2020-12-28T09:52:00[Europe/Berlin]", 1_609_149_120_000_000),
        ("2020-12-28t09:52z", 1_609_149_120_000_000),
        ("2020-12-28 09:52:00+0000", 1_609_149_120_000_000),
        ("1969-12-31T23:59:59.999999Z", -1),
    ],
)
def test_times_are_read_as_producers_write_them(time: str, micros: int) -> None:
    """Nanoseconds are cut, no zone is UTC, Java's zone names and small letters do no harm."""
    assert run_event(changed(AIRFLOW, eventTime=time))["event_time"] == micros


@pytest.mark.parametrize("state", ["start", "RUNNING", "Complete", "ABORT", "fail ", "OTHER", "PAUSED", None])
def test_every_state_is_read(state: str | None) -> None:
    """In any letters; none and unknown ones are OTHER, which ends no run, and the word is kept."""
    found = run_event(changed(AIRFLOW, eventType=state))
    known = (state or "OTHER").strip().upper()
    assert found["run"]["state"] == ("OTHER" if known == "PAUSED" else known)
    assert ("PAUSED" in found["environment"]["openlineage"]) == (state == "PAUSED")


def test_a_run_id_that_is_no_uuid_is_one_run() -> None:
    """Its digest, the same for the run and for a child that names it as its parent; the text is kept."""
    parent = run_event(changed(AIRFLOW, run__runId="scheduled__2024-05-01"))
    child = run_event(changed(AIRFLOW, run__facets__parent__run__runId="scheduled__2024-05-01"))
    assert parent["run"]["run_id"] == child["run"]["parent"]["run_id"] == run_id_of("scheduled__2024-05-01")
    assert "scheduled__2024-05-01" in parent["run"]["facets"]["openlineage"]


@pytest.mark.parametrize("nil", ["00000000-0000-0000-0000-000000000000", "0" * 32])
def test_the_nil_uuid_is_no_run_id(nil: str) -> None:
    """It is taken as a text: its digest is the run, since zeros stand for none; one byte more makes it a UUID."""
    found = run_event(changed(AIRFLOW, run__runId=nil))
    assert found["run"]["run_id"] == run_id_of(nil) != bytes(16)
    assert nil in found["run"]["facets"]["openlineage"]
    assert run_event(changed(AIRFLOW, run__runId=nil[:-1] + "1"))["run"]["run_id"] == bytes(15) + b"\x01"


def test_sloppy_facets_are_kept_aside() -> None:
    """Null facets say nothing; a deleted or misshapen one that makes no edge is kept as it came."""
    odd = {"schema": {"fields": "none"}, "ownership": None, "tags": {"_deleted": True}, "storage": 7}
    found = run_event(changed(AIRFLOW, inputs__0__facets=odd))["inputs"][0]
    assert found["facets"] == {"schema": '{"fields":"none"}', "tags": '{"_deleted":true}', "storage": "7"}
    assert found["columns"] == []


_REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"inputs__0__name": None}, "inputs[0].name"),
    ({"inputs__0__namespace": ""}, "inputs[0].namespace"),
    ({"inputs": {}}, "inputs must be a list"),
    ({"inputs__0": "x"}, "inputs[0] must be an object"),
    ({"job": None}, "job must be an object"),
    ({"job__name": 7}, "job.name"),
    ({"run": None}, "run must be an object"),
    ({"run__runId": None}, "run.runId"),
    ({"eventTime": "yesterday"}, "eventTime"),
    ({"eventTime": None}, "eventTime"),
    ({"eventType": 3}, "eventType"),
    ({"run__facets__parent": {"run": {}}}, "run.facets.parent.run.runId"),
    ({"inputs__0__facets": {"version": {"datasetVersion": []}}}, "inputs[0].facets.version.datasetVersion"),
    ({"outputs": [{"namespace": "n", "name": "n", "facets": {"columnLineage": {"fields": []}}}]}, "columnLineage"),
    ({"outputs": [{"namespace": "n", "name": "n", "facets": {"headwater": {"edges": [{}]}}}]}, "edges[0].namespace"),
    ({"run__facets__headwater": {"trace_id": "xyz"}}, "headwater.trace_id must be 32 hexadecimal digits"),
]


@pytest.mark.parametrize(("fields", "where"), _REFUSED)
def test_what_would_make_a_false_edge_is_refused(fields: dict[str, Any], where: str) -> None:
    """The refusal names the place."""
    assert where in refusal(changed(AIRFLOW, **fields))


def test_the_same_event_has_the_same_id() -> None:
    """However its keys are ordered, its nulls written, and its time and state spelled; other content has another."""
    first = run_event(AIRFLOW)["event_id"]
    turned = dict(
        reversed(list(changed(AIRFLOW, eventType="start", eventTime="2024-05-01T09:00:01.384910+02:00").items()))
    )
    turned["run"] = dict(reversed(list(turned["run"].items()))) | {"runId": RUN.upper()}
    del turned["outputs"]
    turned["inputs"][0]["inputFacets"] = None
    assert run_event(turned)["event_id"] == first
    assert run_event(changed(AIRFLOW, job__name="other"))["event_id"] != first


def test_sent_again_it_says_the_same() -> None:
    """Later, by another sender: every message has the same content digest, so the history keeps one."""
    for event in HAND_WRITTEN:
        one = messages(translate(event, now_us=NOW, sender=bytes(16)))
        two = messages(translate(json.loads(json.dumps(event)), now_us=NOW + 7_000_000, sender=bytes(range(16))))
        assert [content_digest(m.value[10:]) for m in one] == [content_digest(m.value[10:]) for m in two]


def test_job_and_dataset_events_have_no_run() -> None:
    """A job event has the job's key, a dataset event describes its dataset."""
    job = {name: AIRFLOW[name] for name in ("eventTime", "producer", "job", "inputs")}
    assert translate(job, now_us=NOW).key == b"airflow\netl.load"
    assert run_event(job)["run"] is None
    dataset = {"eventTime": AIRFLOW["eventTime"], "dataset": {"namespace": "n", "name": "d"}}
    found = run_event(dataset)
    assert (found["kind"], found["job"], found["outputs"][0]["name"]) == ("dataset", None, "d")
    assert "run, job or dataset must be an object, it is missing" in refusal({"eventTime": AIRFLOW["eventTime"]})


def test_the_old_form_of_column_lineage_lands() -> None:
    """1-0: a word for the column's sources. MASKED hides the value."""
    fields = {"h": {"inputFields": [{"namespace": "n", "name": "d", "field": "c"}], "transformationType": "MASKED"}}
    output = {"namespace": "n", "name": "o", "facets": {"columnLineage": {"fields": fields}}}
    (row,) = run_event(changed(AIRFLOW, outputs=[output]))["outputs"][0]["column_lineage"]
    assert (row["transformation"], row["subtype"], row["masking"]) == ("DIRECT", "MASKED", True)


def test_personal_columns_leave_no_values() -> None:
    """Of a column tagged pii a profile has counts, and neither range nor quantiles, nor does the facet stay."""
    metrics = {"rowCount": 9, "columnMetrics": {"age": {"nullCount": 1, "min": 17.25, "max": 93.75}}}
    facets = {
        "schema": {"fields": [{"name": "age", "type": "int"}]},
        "tags": {"tags": [{"key": "PII", "value": "true", "field": "age"}]},
    }
    source = {"namespace": "n", "name": "d", "facets": facets, "inputFacets": {"dataQualityMetrics": metrics}}
    event = changed(AIRFLOW, inputs=[source])
    (profile,) = told(event, "lineage.profiles")
    assert (profile["columns"][0]["nulls"], profile["columns"][0]["minimum"]) == (1, None)
    assert "93.75" not in json.dumps([run_event(event), profile], default=str)


def test_a_large_event_comes_in_parts() -> None:
    """Thousands of columns' lineage and long facets: parts below half of what a topic takes, together the whole."""
    sources = [{"namespace": "s3://lake", "name": f"source_{n}", "field": "c" * 50} for n in range(40)]
    fields = {f"column_{n}": {"inputFields": sources} for n in range(300)}
    event = changed(SPARK, outputs__0__facets__columnLineage__fields=fields)
    event["run"]["facets"] |= {f"plan_{n}": {"text": "x" * 60_000} for n in range(12)}
    event["run"]["facets"]["huge"] = {"text": "y" * 100_000}
    whole = list(messages(translate(event, now_us=NOW)))
    assert len(whole) > 3
    assert max(len(one.value) for one in whole) < 512 * 1024
    parts = told(event)
    assert [(one["part"], one["parts"]) for one in parts] == [(n, len(parts)) for n in range(1, len(parts) + 1)]
    assert {one["event_id"] for one in parts} == {parts[0]["event_id"]}
    assert sum(len(output["column_lineage"]) for one in parts for output in one["outputs"]) == 12_000
    facets = {name: text for one in parts for name, text in one["run"]["facets"].items()}
    assert facets.keys() == event["run"]["facets"].keys()
    assert json.loads(facets["huge"])["cut"] == 100_011
    assert {one["run"]["state"] for one in parts} == {"COMPLETE"}


_SECRETS = (
    "password passwd pass passcode pwd db_pw client_secret token api_key access-key auth bearer cookie session_id "
    "session-id dsn connection_string conn_str sas_url signature salt pin otp credentials"
)


@pytest.mark.parametrize("name", _SECRETS.split())
def test_kept_facets_lose_what_stands_under_a_secrets_name(name: str) -> None:
    """Whatever the name, the value is … while its neighbours stay."""
    kept = run_event(changed(SPARK, run__facets={"custom": {name: "planted-3", "other": "stays"}}))["run"]["facets"]
    assert json.loads(kept["custom"]) == {name: "…", "other": "stays"}


@pytest.mark.parametrize(
    "text",
    ["postgres://u:planted-4@h/d", "x Bearer planted-4planted-4", "AKIAPLANTED4PLANTED4", "PASSWORD='planted-4'"],
)
def test_kept_facets_lose_secrets_within_texts(text: str) -> None:
    """By their form, wherever they stand."""
    kept = run_event(changed(SPARK, run__facets={"custom": {"text": [text]}}))["run"]["facets"]["custom"]
    assert "planted" not in kept.lower()
