"""Quality as integrations tell it by facets of their own or by former names: Great Expectations, Airflow's checks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headwater.openlineage import translate
from tests.consumers.openlineage.samples import AIRFLOW, Event, facet
from tests.consumers.openlineage.test_mutations import taken_or_refused
from tests.consumers.openlineage.test_translation import changed, run_event, told

METRICS: Event = {"rowCount": 50, "columnMetrics": {"size": {"nullCount": 2, "sum": 60, "min": 1.25, "max": 93.75}}}
#: As OpenLineage's validation action for Great Expectations writes them.
EXPECTED: Event = {
    "assertions": [
        {"expectationType": "expect_table_row_count_to_equal", "success": True, "column": None},
        {"expectationType": "expect_column_sum_to_be_between", "success": False, "column": "size"},
    ]
}


def validated(facets: Event | None = None, **use: Any) -> Event:
    """A validation that reads one table."""
    source = {"namespace": "sqlite", "name": "discounts", "facets": facets or {}, "inputFacets": use}
    return changed(AIRFLOW, eventType="COMPLETE", inputs=[source])


def test_an_expectation_that_failed_is_an_alarm() -> None:
    """Great Expectations names its expectations in a facet of its own and in no other: each is an assertion, and a
    verdict. Its metrics, which it sends under two names, are one profile.
    """
    metrics = facet("DataQualityMetricsInputDatasetFacet", **METRICS)
    event = validated(
        dataQuality={**metrics, "_schemaURL": "of its own"},
        greatExpectations_assertions=facet("GreatExpectationsAssertionsDatasetFacet", **EXPECTED),
        dataQualityMetrics=metrics,
    )
    said = [(one["outcome"], one["name"], one["column"], one["rule"]) for one in told(event, "lineage.verdicts")]
    assert said == [
        ("ok", "discounts", None, "expect_table_row_count_to_equal"),
        ("alarm", "discounts", "size", "expect_column_sum_to_be_between"),
    ]
    (source,) = run_event(event)["inputs"]
    assert [(one["assertion"], one["success"]) for one in source["assertions"]] == [
        ("expect_table_row_count_to_equal", True),
        ("expect_column_sum_to_be_between", False),
    ]
    assert source["facets"] == {}
    (profile,) = told(event, "lineage.profiles")
    assert (profile["rows"], profile["columns"][0]["maximum"]) == (50, 93.75)
    assert taken_or_refused(event)


def test_metrics_under_their_former_name_are_a_profile() -> None:
    """Alone they are as those of today; beside others that differ both are told."""
    (profile,) = told(validated(dataQuality=METRICS), "lineage.profiles")
    assert profile["columns"][0]["nulls"] == 2
    both = validated(dataQuality=METRICS, dataQualityMetrics={**METRICS, "rowCount": 51})
    assert {one["rows"] for one in told(both, "lineage.profiles")} == {50, 51}
    assert taken_or_refused(both)
    named = {"assertions": [{"expectationType": "unique", "success": False, "columnId": "id"}]}
    before = validated(greatExpectations_assertions=named)
    assert [one["column"] for one in told(before, "lineage.verdicts")] == ["id"]
    odd = validated(greatExpectations_assertions={"assertions": [{"success": False}]})
    assert "greatExpectations_assertions" in run_event(odd)["inputs"][0]["facets"]
    assert told(odd, "lineage.verdicts") == []


@pytest.mark.parametrize("name", ["dataQuality", "dataQualityMetrics"])
@pytest.mark.parametrize(
    "metrics",
    [
        METRICS,
        # No rows, so no profile: kept whole, but for these values.
        {"columnMetrics": {"size": {"nullCount": 2, "min": 1.25, "max": 93.75}, "other": {"max": 7.5}}},
        {"columnMetrics": {"size": [93.75], "other": {"max": 7.5}}},
        {"columnMetrics": [{"column": "size", "max": 93.75}]},
    ],
)
def test_personal_columns_leave_no_values_under_any_name(name: str, metrics: Event) -> None:
    """Neither in a profile nor in what is kept where there is none; their counts and all of other columns stay."""
    personal = {
        "schema": {"fields": [{"name": "size", "type": "int"}]},
        "tags": {"tags": [{"key": "pii", "value": "true", "field": "size"}]},
    }
    event = validated(personal, **{name: metrics})
    translated = translate(event, now_us=1)
    said = json.dumps([translated.run_event, *translated.profiles], default=str)
    assert "93.75" not in said
    columns: Any = metrics["columnMetrics"]
    if "other" in columns:
        assert "7.5" in said
    if not translated.profiles and isinstance(columns, dict) and isinstance(columns["size"], dict):
        assert json.loads(translated.run_event["inputs"][0]["facets"][name])["columnMetrics"]["size"] == {
            "nullCount": 2
        }
    assert taken_or_refused(event)
