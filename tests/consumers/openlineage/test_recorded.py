"""What real clients sent, each kind of them once: the proofs of `tests/infra/gateway` run the clients themselves."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import pytest

from tests.consumers.openlineage.recorded import all_recorded, recorded
from tests.consumers.openlineage.samples import Event, facet
from tests.consumers.openlineage.test_mutations import taken_or_refused
from tests.consumers.openlineage.test_translation import changed, run_event, told
from tests.consumers.stitching import reference


def graph(events: Iterable[Event]) -> set[tuple[str, str]]:
    """Edges with both ends, by the last parts of the datasets' names."""
    facts: Any = reference.current([told(event)[0] for event in events])
    return {
        (fact[2][1].rpartition("/")[2], fact[3][1].rpartition("/")[2])
        for fact in facts
        if fact[0] == "edge" and fact[2] and fact[3]
    }


def states(events: Iterable[Event]) -> dict[str, str]:
    """The state of each job's run."""
    by_job: dict[str, list[Any]] = {}
    for event in events:
        one = told(event)[0]
        by_job.setdefault(one["job"]["name"], []).append(one)
    return {name: reference.state(of) for name, of in by_job.items()}


@pytest.mark.parametrize("event", all_recorded())
def test_each_is_taken_and_all_ways_of_reading_it_say_the_same(event: Event) -> None:
    """None is refused, whole or put together from pieces."""
    assert taken_or_refused(event)


def test_a_failed_query_of_spark() -> None:
    """Spark says why in a facet of its own, and tells the query as complete right after: it failed, for that reason."""
    events = recorded("spark")
    (failed,) = [told(event)[0] for event in events if event["eventType"] == "FAIL"]
    assert failed["error"]["message"].startswith("Job aborted due to stage failure")
    assert "no total may be positive" in failed["error"]["stack_trace"]
    assert "spark.exception" not in failed["run"]["facets"]
    assert states(events) == {
        "shop": "COMPLETE",
        "shop.map_partitions_parallel_collection": "START",
        "shop.adaptive_spark_plan.shop_revenue_parquet": "COMPLETE",
        "shop.execute_insert_into_hadoop_fs_relation_command.shop_broken_parquet": "FAIL",
    }
    assert graph(events) == {
        ("orders.csv", "revenue.parquet"),
        ("customers.parquet", "revenue.parquet"),
        ("revenue.parquet", "broken.parquet"),
    }


def test_of_two_facets_that_say_why_a_run_failed_none_is_lost() -> None:
    """The specification's stands; what Spark's says beside it is kept whole."""
    (event,) = [event for event in recorded("spark") if event["eventType"] == "FAIL"]
    both = copy.deepcopy(event)
    both["run"]["facets"]["errorMessage"] = facet("ErrorMessageRunFacet", message="no", programmingLanguage="scala")
    taken = run_event(both)
    assert (taken["error"]["message"], taken["error"]["language"]) == ("no", "scala")
    assert "no total may be positive" in taken["run"]["facets"]["spark.exception"]
    assert taken_or_refused(both)


def test_dlt_loads() -> None:
    """Its resources are what is read, the destination's tables what is written; a source that fails says so twice."""
    events = recorded("dlt")
    loaded = {
        (output["namespace"], output["name"], output["rows"])
        for event in events
        for output in told(event)[0]["outputs"]
    }
    store = "dlt.destinations.duckdb://duckdb"
    assert loaded == {(store, "raw.customers", 2), (store, "raw.orders", 2), (store, "raw.orders__lines", 3)}
    assert states(events) == {"shop": "COMPLETE", "fails": "FAIL"}
    assert {one["error"]["language"] for event in events if (one := told(event)[0])["error"]} == {"python"}


def test_a_validation_of_great_expectations() -> None:
    """Its numbers are a profile. Of the expectation whose outcome it could not write nothing is said, and of the six
    others what they say: numpy's booleans are no JSON for openlineage-python.
    """
    (event,) = recorded("great_expectations")
    said = {(one["rule"].removeprefix("expect_"), one["outcome"]) for one in told(event, "lineage.verdicts")}
    assert said == {
        ("table_row_count_to_equal", "ok"),
        ("column_values_to_not_be_null", "alarm"),
        ("column_unique_value_count_to_be_between", "ok"),
        ("column_min_to_be_between", "ok"),
        ("column_max_to_be_between", "alarm"),
        ("column_sum_to_be_between", "ok"),
    }
    (source,) = run_event(event)["inputs"]
    assert "non-serializable" in source["facets"]["greatExpectations_assertions"]
    (profile,) = told(event, "lineage.profiles")
    assert (profile["rows"], [one["name"] for one in profile["columns"]]) == (50, ["amount", "customer"])


def test_dagster_runs_many_jobs_under_one_run_id() -> None:
    """Each asset is a job of its own: none has the edges of another. The graph is the lineage of columns, since Dagster
    tells no asset's inputs. What is told as failed after it completed stays complete.
    """
    events = recorded("dagster")
    assert len({event["run"]["runId"] for event in events}) == 1
    assert graph(events) == {("orders", "revenue")}
    assert states(events) == {
        "orders": "COMPLETE", "revenue": "COMPLETE", "revenue__checks": "COMPLETE", "report": "FAIL"
    }  # fmt: skip


def test_a_check_of_dagster_that_is_only_to_warn() -> None:
    """The severity stands in a facet of the run; in the one of the dataset it would be an alarm."""
    checks = [event for event in recorded("dagster") if event["job"]["name"] == "revenue__checks"]
    said = {(one["rule"], one["column"], one["outcome"]) for event in checks for one in told(event, "lineage.verdicts")}
    assert said == {("totals_are_positive", "total", "alarm"), ("few_customers", None, "warn")}
    (warning,) = [event for event in checks if "WARN" in str(event)]
    assert run_event(warning)["inputs"][0]["assertions"][0]["severity"] == "WARN"
    assert "dagster_asset_check" in run_event(warning)["run"]["facets"]
    parts: list[Any] = [None, 7, {"assertion": 1}, {"assertion": "few_customers"}]
    odd: list[Any] = [None, [], {"checks": None}, {"checks": parts}]
    for value in odd:
        event = changed(warning, run__facets__dagster_asset_check=value)
        assert [one["outcome"] for one in told(event, "lineage.verdicts")] == ["alarm"]
        assert taken_or_refused(event)
