"""Airflow with its own OpenLineage provider, pointed here by nothing but the address and a key."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import uuid
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from headwater.schemas.topics import RUNS
from tests.backends.kinds import Kafka
from tests.backends.processes import wait_until
from tests.benchmarks.peers import SCRIPTS, made_already
from tests.infra.gateway.real_clients import Line, environment, last_parts, line, parents

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1500)]

AIRFLOW = (
    "apache-airflow-core==3.3.2",
    "apache-airflow-providers-openlineage==2.20.3",
    "apache-airflow-providers-standard==1.21.0",
    "apache-airflow-providers-common-sql==2.4.0",
    "apache-airflow-providers-sqlite==4.3.4",
)


class Shop:
    """A folder in which Airflow runs the DAG `shop`, telling a gateway of it."""

    def __init__(self, python: Path, folder: Path, found: Line) -> None:
        self._python = python
        self.folder = folder / "shop"
        (self.folder / "dags").mkdir(parents=True)
        shutil.copy(SCRIPTS / "airflow_dag.py", self.folder / "dags")
        (self.folder / "raw_orders.csv").write_text("cleo,7\nada,10\nbob,20\nada,5\n", "utf-8")
        own = {
            "AIRFLOW_HOME": str(self.folder / "home"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.folder / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW_CONN_SHOP": json.dumps({"conn_type": "sqlite", "host": str(self.folder / "report.db")}),
            "AIRFLOW_SHOP": str(self.folder),
        }
        address = {
            "OPENLINEAGE_URL": found.gateway.url,
            "OPENLINEAGE_API_KEY": found.key,
            "OPENLINEAGE_NAMESPACE": "shop",
        }
        self._environment = {**os.environ, **own, **address}
        self._run("db", "migrate")

    def test(self, what: str, *names: str) -> None:
        """`airflow dags test` or `airflow tasks test`: it runs what it names, in its own process."""
        self._run(what, "test", *names, "2026-01-02")

    def _run(self, *words: str) -> None:
        command: Sequence[str] = [str(self._python), "-m", "airflow", *words]
        done = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=600, check=False, cwd=self.folder
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]

    def edge(self, source: str, target: str) -> tuple[str, str]:
        return str(self.folder / source), str(self.folder / target)


@pytest.mark.prove
@pytest.mark.backends("local")
def test_airflow_feeds_the_graph_of_its_dag(kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """`airflow dags test` of a DAG with a command, a Python function and two SQL statements. The edges are what its
    tasks declare; each task's parent is the DAG's run, each statement's parent its task, and the root is the DAG's.
    """
    python = environment("airflow", *AIRFLOW)
    with line(kafka, prefix, tmp_path) as found:
        shop = Shop(python, tmp_path, found)
        shop.test("dags", "shop")
        chain = ("raw_orders.csv", "orders.csv", "revenue.csv", "report.db")
        wanted = {shop.edge(*names) for names in pairwise(chain)}
        wait_until(lambda: _ended(found) >= {"shop"}, 60, "the DAG's end")
        wait_until(lambda: found.edges() >= wanted, 60, "the DAG's edges")
        edges, run_events = found.edges(), found.records(RUNS.name, "run_event")
    found_parents = parents(run_events)
    shown = {"edges": sorted(last_parts(edges)), "parents": sorted(found_parents)}
    print(json.dumps(shown, indent=1))  # noqa: T201 — what the proof shows
    assert sqlite3.connect(shop.folder / "report.db").execute("SELECT * FROM report").fetchall() == [(3,)]
    assert edges == wanted
    tasks = {(f"shop.{task}", "shop", "shop") for task in ("orders", "revenue", "report")}
    queries = {(f"shop.report.query.{number}", "shop.report", "shop") for number in (1, 2)}
    assert found_parents == tasks | queries
    states = {(one["job"]["name"], one["run"]["state"]) for one in run_events}
    # `dags test` tells of the DAG's run at its end alone.
    started = {name for name, _, _ in found_parents}
    assert states == {(name, state) for name in started for state in ("START", "COMPLETE")} | {("shop", "COMPLETE")}


@pytest.mark.backends("embedded")
def test_airflow_tells_of_a_task(kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """`airflow tasks test` of one task: both its events, with what it reads, what it writes and its parent. Skipped
    until the long proof has installed Airflow, which takes minutes.
    """
    if not made_already("airflow", *AIRFLOW):
        pytest.skip("Airflow's environment is not there yet: `make prove` makes it")
    with line(kafka, prefix, tmp_path, workers=()) as found:
        shop = Shop(environment("airflow", *AIRFLOW), tmp_path, found)
        shop.test("tasks", "shop", "orders")
        wait_until(lambda: "shop.orders" in _ended(found), 30, "the task's end")
        run_events = found.records(RUNS.name, "run_event")
    assert [one["run"]["state"] for one in run_events] == ["START", "COMPLETE"]
    told = [(one["job"]["name"], one["run"]["parent"], one["run"]["root"]) for one in run_events]
    assert {(name, of["job_name"], root["job_name"]) for name, of, root in told} == {("shop.orders", "shop", "shop")}
    assert len({uuid.UUID(bytes=one["run"]["run_id"]) for one in run_events}) == 1
    for one in run_events:
        assert ([of["name"] for of in one["inputs"]], [of["name"] for of in one["outputs"]]) == (
            [str(shop.folder / "raw_orders.csv")],
            [str(shop.folder / "orders.csv")],
        )


def _ended(found: Line) -> set[str]:
    events = found.records(RUNS.name, "run_event")
    return {one["job"]["name"] for one in events if one["run"]["state"] == "COMPLETE"}
