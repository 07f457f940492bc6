"""What stands in the history of an OpenLineage event, and what detection makes of its quality facets."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headwater.detection.checker import Checker
from headwater.detection.incidents.book import Book
from headwater.detection.policy import Policy
from headwater.detection.uses import uses
from headwater.openlineage import messages, translate
from headwater.schemas import plain, records
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import batch
from tests.consumers.openlineage.samples import AIRFLOW, DBT, HAND_WRITTEN, RUN, Event
from tests.consumers.openlineage.test_translation import changed, run_event, told

START = datetime(2024, 1, 1, 6, tzinfo=UTC)


@pytest.mark.integration
def test_events_stand_once_and_their_facets_answer_in_sql(history: History) -> None:
    """Sent twice, at other times by other senders: one row each; custom facets and the producer answer in SQL."""
    for number in range(2):
        bodies: dict[str, list[bytes]] = defaultdict(list)
        for event in HAND_WRITTEN:
            for one in messages(translate(event, now_us=1_714_550_000_000_000 + number, sender=bytes([number] * 16))):
                bodies[one.topic.name].append(one.value[10:])
        history.keep(*(batch(topic, [], first=100 * number, bodies=of) for topic, of in bodies.items()))
    assert history.letters == []
    rows = history.rows(
        "SELECT JSONExtractString(run_facets['airflow'], 'dag', 'dag_id'), "
        "JSONExtractString(environment['openlineage'], 'producer') LIKE '%airflow', event_time "
        "FROM run_events FINAL WHERE job_name = 'etl.load'"
    )
    assert [(dag, found) for dag, found, _ in rows] == [("etl", 1)]
    assert history.rows("SELECT count(), uniqExact(content_digest) FROM run_events FINAL") == [(3, 3)]
    assert history.rows("SELECT outcome, count() FROM verdict_events FINAL GROUP BY 1 ORDER BY 1") == [
        ("alarm", 1),
        ("ok", 1),
    ]


@pytest.mark.integration
def test_facets_that_are_kept_whole_answer_in_sql(history: History) -> None:
    """Of a run, a job and a dataset, those of the specification that have no field among them."""
    catalog = {"framework": "iceberg", "type": "hive", "name": "main"}
    subset = {"inputCondition": {"type": "binary", "operator": "EQUAL"}}
    event = changed(
        AIRFLOW,
        run__facets__tags={"tags": [{"key": "team", "value": "flights"}]},
        job__facets__planner={"queue": "night"},
        inputs__0__facets={"catalog": catalog},
        inputs__0__inputFacets={"subset": subset},
    )
    bodies = [one.value[10:] for one in messages(translate(event, now_us=1)) if one.topic.name == "lineage.runs"]
    history.keep(batch("lineage.runs", [], bodies=bodies))
    assert history.rows(
        "SELECT JSONExtractString(run_facets['tags'], 'tags', 1, 'value'), "
        "JSONExtractString(job_facets['planner'], 'queue'), "
        "JSONExtractString(inputs[1].facets['catalog'], 'framework'), "
        "JSONExtractString(inputs[1].facets['subset'], 'inputCondition', 'operator') FROM run_events FINAL"
    ) == [("flights", "night", "iceberg", "EQUAL")]


def measured(number: int, shift: float) -> Event:
    """A day's run that writes a table and measures it."""
    quantiles = {str(q): q * 100 + shift * (1 + number % 3 * 0.01) for q in (0.05, 0.25, 0.5, 0.75, 0.95)}
    metrics = {
        "rowCount": 10_000,
        "columnMetrics": {"km": {"nullCount": 2, "min": shift, "max": 100 + shift, "quantiles": quantiles}},
    }
    output = {"namespace": "lake", "name": "trips", "facets": {"dataQualityMetrics": metrics}}
    return changed(
        AIRFLOW,
        eventType="COMPLETE",
        eventTime=(START + timedelta(days=number)).isoformat(),
        run__runId=f"018f30e2-9000-7b3c-8f77-{number:012x}",
        outputs=[output],
    )


def test_drift_shows_in_the_metrics_of_others() -> None:
    """30 days alike, then a column that moved: detection, which knows nothing of OpenLineage, raises the alarm."""
    checker = Checker(Policy())
    alarms: dict[int, set[str | None]] = {}
    for number in range(34):
        for profile in told(measured(number, 0.0 if number < 30 else 60.0), "lineage.profiles"):
            alarms[number] = {one.subject.column for one in checker.profile(profile) if one.outcome == "alarm"}
    assert [number for number, columns in alarms.items() if columns and number < 30] == []
    assert any("km" in columns for number, columns in alarms.items() if number >= 30)


def with_a_test(number: int, *, success: bool) -> Event:
    assertions = [{"assertion": "unique", "success": success, "column": "id"}]
    return changed(
        DBT,
        eventTime=(START + timedelta(days=number)).isoformat(),
        run__runId=RUN[:-2] + f"{number:02x}",
        inputs__0__inputFacets={"dataQualityAssertions": {"assertions": assertions}},
    )


def test_a_failed_test_is_an_incident_until_it_holds() -> None:
    """dbt's test fails on one day: one incident about that dataset; it is over once the test has held again."""
    book = Book(Policy(), "headwater")
    states: list[dict[str, Any]] = []
    now = 0
    for number in range(12):
        event = with_a_test(number, success=number != 3)
        for use in uses(run_event(event)):
            book.use(_through("dataset_use", use))
        for verdict in told(event, "lineage.verdicts"):
            book.verdict(verdict, now)
        for _ in range(120):
            now += 1_000_000
            states += book.tick(now)
    assert (states[0]["state"], states[-1]["state"]) == ("opened", "resolved")
    assert {one["incident_id"] for one in states} == {states[0]["incident_id"]}
    assert (states[0]["check"], states[0]["name"], states[0]["column"]) == ("assertion", "shop.main.orders", "id")


def _through(record: str, value: dict[str, Any]) -> dict[str, Any]:
    """A record as its readers have it."""
    schema = records.current(record)
    whole = {"emit_time": 0, "producer_id": bytes(16), "sequence": 0, **value}
    return plain.decode(schema, plain.encode(schema, whole))
