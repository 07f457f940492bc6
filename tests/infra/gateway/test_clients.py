"""Existing integrations, each really run, feed Headwater with no change but the address; the graph is what they did."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from headwater.schemas.topics import EDGES, RUNS, VERDICTS
from tests.backends.kinds import Kafka
from tests.backends.processes import wait_until
from tests.benchmarks.peers import run_peer
from tests.consumers.openlineage.samples import CLIENT
from tests.consumers.stitching import reference
from tests.infra.gateway.real_clients import TOPIC, environment, line

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1500)]

WAYS = {"http", "async_http", "kafka", "composite"}


def test_every_transport_of_openlineage_python_gives_the_same_graph(kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """HTTP, asynchronous HTTP, Kafka, and both at once: each run's two events once, the edges and column edges that
    openlineage-sql found in the query, the failed run's too. What came both ways is one event.
    """
    python = environment("openlineage-sql", CLIENT, "openlineage-sql==1.54.0")
    with line(kafka, prefix, tmp_path) as found:
        arguments = (found.gateway.url, found.key, kafka.bootstrap, prefix + TOPIC)
        columns = run_peer(python, "openlineage_transports.py", *arguments)
        events = 4 * len(WAYS)
        wait_until(lambda: len(found.records(RUNS.name, "run_event")) == events + 4, 60, "the events")
        run_events = found.records(RUNS.name, "run_event")
        edge_sets = 2 * len(WAYS)
        wait_until(
            lambda: len({one["run_id"] for one in found.records(EDGES.name, "edge_set")}) == edge_sets, 60, "edges"
        )
        sets = found.records(EDGES.name, "edge_set")
        facts: list[Any] = list(reference.standing(reference.said(sets)))
        edges = found.edges()
    by_way: dict[str, set[bytes]] = {}
    for one in run_events:
        by_way.setdefault(one["job"]["namespace"], set()).add(one["event_id"])
    assert {way: len(ids) for way, ids in by_way.items()} == dict.fromkeys(WAYS, 4)
    assert edges == {("shop.public.orders", "shop.public.revenue"), ("shop.public.customers", "shop.public.revenue")}
    assert columns == {"customer": [["shop.public.customers", "name"]], "total": [["shop.public.orders", "amount"]]}
    wanted = {(name, column, target) for target, of in columns.items() for name, column in of}
    told = [fact for fact in facts if fact[0] == "column"]
    assert {(fact[2][1], dict(zip(reference.COLUMN_FIELDS, fact[4], strict=True))["column"]) for fact in told} == {
        (name, column) for name, column, _ in wanted
    }
    assert len(told) == 2 * len(WAYS) * len(wanted)
    assert {one["run"]["state"] for one in run_events} == {"START", "COMPLETE", "FAIL"}


PROJECT = {
    "dbt_project.yml": "name: shop\nversion: '1.0'\nprofile: shop\nmodels:\n  shop:\n    +materialized: table\n",
    "profiles.yml": "shop:\n  target: dev\n  outputs:\n    dev:\n      type: duckdb\n      path: shop.duckdb\n",
    "seeds/raw_orders.csv": "id,customer,amount\n1,ada,10\n2,bob,20\n3,ada,5\n3,bob,7\n",
    "models/orders.sql": "select id, customer, amount from {{ ref('raw_orders') }} where amount > 0\n",
    "models/revenue.sql": "select customer, sum(amount) as total from {{ ref('orders') }} group by 1\n",
    "models/schema.yml": """\
version: 2
models:
  - name: orders
    columns:
      - name: id
        tests: [unique]
  - name: revenue
    columns:
      - name: customer
        tests: [not_null, unique]
""",
}


@pytest.mark.prove
def test_dbt_ol_feeds_the_graph_of_its_project(kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """`dbt-ol` on a real dbt-duckdb project: a seed, two models, three tests of which one fails. The edges are the
    project's refs, and each test is a verdict.
    """
    python = environment("dbt", "openlineage-dbt==1.54.0", "dbt-core==1.10.13", "dbt-duckdb==1.9.6")
    project = tmp_path / "shop"
    for name, text in PROJECT.items():
        file = project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    # What pip made of `dbt` names the folder in which the environment was made.
    dbt = tmp_path / "bin" / "dbt"
    dbt.parent.mkdir()
    dbt.write_text(f'#!/bin/sh\nexec {python} -m dbt.cli.main "$@"\n', "utf-8")
    dbt.chmod(0o755)
    with line(kafka, prefix, tmp_path) as found:
        given = {
            **os.environ,
            "PATH": f"{dbt.parent}{os.pathsep}{os.environ['PATH']}",
            "OPENLINEAGE_URL": found.gateway.url,
            "OPENLINEAGE_API_KEY": found.key,
            "OPENLINEAGE_NAMESPACE": "shop",
            "DO_NOT_TRACK": "1",
        }
        said = ""
        for command in ("seed", "run", "test"):
            words = [str(python), str(python.with_name("dbt-ol")), command, "--profiles-dir", ".", "--project-dir", "."]
            done = subprocess.run(
                words, cwd=project, env=given, capture_output=True, text=True, timeout=600, check=False
            )
            said += done.stdout + done.stderr
            # dbt's own code: a test failed, as it should.
            assert done.returncode == (1 if command == "test" else 0), said[-3000:]
        wanted = {("raw_orders", "orders"), ("orders", "revenue")}
        wait_until(lambda: wanted <= _last_parts(found.edges()), 60, "the project's edges")
        wait_until(lambda: len(found.records(VERDICTS.name, "verdict")) >= 3, 30, "a verdict for each test")
        edges, verdicts = _last_parts(found.edges()), found.records(VERDICTS.name, "verdict")
        jobs = sorted({one["job"]["name"] for one in found.records(RUNS.name, "run_event")})
    print(json.dumps({"edges": sorted(edges), "jobs": jobs}, indent=1))  # noqa: T201 — what the proof shows
    assert edges == wanted
    # dbt-ol says a test's outcome in each event of the test's run.
    outcomes = {
        (one["name"].rpartition(".")[2], one["column"], one["explanation"].rpartition(": ")[2].partition(",")[0])
        for one in verdicts
    }
    assert outcomes == {
        ("orders", "id", "unique of id failed"),
        ("revenue", "customer", "not_null of customer held"),
        ("revenue", "customer", "unique of customer held"),
    }


def _last_parts(edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    return {(source.rpartition(".")[2], target.rpartition(".")[2]) for source, target in edges}
