"""dlt with dlt-openlineage, pointed here by nothing but the address and a key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headwater.schemas.topics import RUNS
from tests.backends.kinds import Kafka
from tests.backends.processes import wait_until
from tests.benchmarks.peers import run_peer
from tests.infra.gateway.real_clients import environment, line

pytestmark = [pytest.mark.integration, pytest.mark.prove, pytest.mark.timeout(1500)]

DLT = ("dlt[duckdb]==1.31.0", "dlt-openlineage==0.1.1", "openlineage-python==1.54.0")


@pytest.mark.backends("local")
def test_dlt_feeds_the_graph_of_its_pipelines(kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """Two loads into DuckDB, one of them of nested lines, and a source that fails: each resource has edges to the
    tables that were made of it, with their columns and rows; the failed run failed and says why.
    """
    python = environment("dlt", *DLT)
    with line(kafka, prefix, tmp_path) as found:
        address = {
            "OPENLINEAGE_URL": found.gateway.url,
            "OPENLINEAGE_API_KEY": found.key,
            "RUNTIME__DLTHUB_TELEMETRY": "false",
        }
        rows = run_peer(python, "dlt_shop.py", str(tmp_path), environment=address)
        wanted = {("orders", "raw.orders"), ("orders", "raw.orders__lines"), ("customers", "raw.customers")}
        wait_until(lambda: found.edges() >= wanted, 120, "the pipeline's edges")
        wait_until(lambda: any(one["run"]["state"] == "FAIL" for one in found.runs()), 60, "the failed run")
        edges, run_events = found.edges(), found.records(RUNS.name, "run_event")
    ends = {(one["job"]["name"], one["run"]["state"]) for one in run_events if one["run"]["state"] != "RUNNING"}
    print(json.dumps({"edges": sorted(edges), "ends": sorted(ends)}, indent=1))  # noqa: T201 — what the proof shows
    assert edges == wanted
    assert ends == {("shop", "START"), ("shop", "COMPLETE"), ("returns", "START"), ("returns", "FAIL")}
    written = {
        output["name"]: (output["rows"], {one["name"] for one in output["columns"]})
        for one in run_events
        for output in one["outputs"]
    }
    assert {name.removeprefix("raw."): count for name, (count, _) in written.items()} == rows
    assert rows == {"orders": 2, "orders__lines": 3, "customers": 2}
    assert {"id", "customer", "amount"} < written["raw.orders"][1]
    errors = [one["error"] for one in run_events if one["error"]]
    assert errors
    assert all("the source is away" in error["message"] for error in errors)
