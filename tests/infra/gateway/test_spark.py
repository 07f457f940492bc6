"""Apache Spark with its own OpenLineage listener, pointed here by nothing but settings of the listener."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.backends.cache import kafka_jars
from tests.backends.kinds import Kafka
from tests.backends.processes import wait_until
from tests.benchmarks.peers import SCRIPTS, run_command
from tests.consumers.stitching import reference
from tests.infra.gateway.real_clients import TOPIC, Line, artifact, environment, last_parts, line, parents

pytestmark = [pytest.mark.integration, pytest.mark.prove, pytest.mark.timeout(1500)]

PYSPARK = "pyspark==3.5.9"
LISTENER = "io.openlineage:openlineage-spark_2.12:1.53.0"
EDGES = {
    ("orders.csv", "revenue.parquet"),
    ("customers.parquet", "revenue.parquet"),
    ("revenue.parquet", "broken.parquet"),
}
#: Source, its column, target, its column (none: its rows), what was done.
COLUMNS = {
    ("customers.parquet", "name", "revenue.parquet", "customer", "DIRECT/TRANSFORMATION"),
    ("orders.csv", "amount", "revenue.parquet", "total", "DIRECT/AGGREGATION"),
    ("orders.csv", "amount", "revenue.parquet", None, "INDIRECT/FILTER"),
    ("orders.csv", "customer", "revenue.parquet", None, "INDIRECT/FILTER"),
    ("orders.csv", "customer", "revenue.parquet", None, "INDIRECT/JOIN"),
    ("customers.parquet", "id", "revenue.parquet", None, "INDIRECT/FILTER"),
    ("customers.parquet", "id", "revenue.parquet", None, "INDIRECT/JOIN"),
    # The listener's word for the upper case of a name by which is grouped.
    ("customers.parquet", "name", "revenue.parquet", None, "DIRECT/TRANSFORMATION"),
    ("revenue.parquet", "total", "broken.parquet", "checked", "INDIRECT/CONDITIONAL"),
}


class Spark:
    """An application that `spark-submit` runs in this process's folder, with the listener among its jars."""

    def __init__(self, python: Path, folder: Path) -> None:
        self._python, self._folder = python, folder
        self._home = run_command([str(python), "-c", "import pyspark; print(pyspark.__path__[0])"], 60).strip()

    def submit(self, name: str, transport: Mapping[str, str], jars: tuple[Path, ...] = ()) -> Path:
        """Run the shop in a folder of this name, which is its namespace. `transport`: settings of the listener's."""
        shop = self._folder / name
        shop.mkdir()
        (shop / "orders.csv").write_text("id,customer,amount\n1,1,10\n2,2,20.5\n3,1,5\n4,2,-7\n", "utf-8")
        settings = {
            "spark.master": "local[1]",
            "spark.driver.memory": "768m",
            "spark.ui.enabled": "false",
            "spark.sql.shuffle.partitions": "1",
            "spark.jars": ",".join(str(one) for one in (artifact(LISTENER), *jars)),
            "spark.extraListeners": "io.openlineage.spark.agent.OpenLineageSparkListener",
            "spark.openlineage.namespace": name,
            **{f"spark.openlineage.transport.{key}": value for key, value in transport.items()},
        }
        file = shop / "spark.conf"
        file.write_text("".join(f"{key} {value}\n" for key, value in settings.items()), "utf-8")
        own = {"SPARK_HOME": self._home, "PYSPARK_PYTHON": str(self._python), "SPARK_LOCAL_IP": "127.0.0.1"}
        submit = [f"{self._home}/bin/spark-submit", "--properties-file", str(file), str(SCRIPTS / "spark_shop.py")]
        done = subprocess.run(
            [*submit, str(shop)],
            env={**os.environ, **own},
            cwd=shop,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        (shop / "spark.log").write_text(done.stderr, "utf-8")
        assert done.returncode == 0, done.stderr[-4000:]
        assert json.loads(done.stdout.splitlines()[-1]) == [["ADA", 15.0, 2], ["BOB", 20.5, 1]]
        return shop


@pytest.mark.backends("local")
def test_spark_feeds_the_graph_of_its_application(kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """`spark-submit` of an application with a join, a sum and a step that fails, by HTTP with a key. The edges and
    column edges are what it does; each query's parent and root is the application; the failed one failed and says why.
    """
    spark = Spark(environment("spark", PYSPARK), tmp_path)
    with line(kafka, prefix, tmp_path) as found:
        spark.submit("shop", _http(found))
        _wait_for(found, "shop")
        run_events, edges, columns = found.runs(), found.edges(), found.columns()
    shown = {"edges": sorted(last_parts(edges)), "columns": sorted(map(str, _short(columns)))}
    print(json.dumps({**shown, "states": _states(run_events)}, indent=1))  # noqa: T201 — what the proof shows
    assert last_parts(edges) == EDGES
    assert _short(columns) == COLUMNS
    jobs = {one["job"]["name"] for one in run_events}
    assert parents(run_events) == {(name, "shop", "shop") for name in jobs - {"shop"}}
    states = _states(run_events)
    assert states["shop.adaptive_spark_plan.shop_revenue_parquet"] == "COMPLETE"
    assert states["shop.execute_insert_into_hadoop_fs_relation_command.shop_broken_parquet"] == "FAIL"
    (error,) = [one["error"] for one in run_events if one["error"]]
    assert "no total may be positive" in error["stack_trace"]
    assert {one["job"]["integration"] for one in run_events} == {"SPARK"}
    written = {
        (Path(output["name"]).name, output["rows"])
        for one in run_events
        for output in one["outputs"]
        if one["run"]["state"] == "COMPLETE" and output["rows"] is not None
    }
    assert written == {("customers.parquet", 3), ("revenue.parquet", 2)}


@pytest.mark.backends("local")
def test_spark_compressed_and_over_kafka(kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """The same application by HTTP in gzip, then by Kafka: the same graph by either way, each event once."""
    (client,) = kafka_jars().glob("kafka-clients-*.jar")
    spark = Spark(environment("spark", PYSPARK), tmp_path)
    by_kafka = {
        "type": "kafka",
        "topicName": prefix + TOPIC,
        "properties.bootstrap.servers": kafka.bootstrap,
        "properties.key.serializer": "org.apache.kafka.common.serialization.StringSerializer",
        "properties.value.serializer": "org.apache.kafka.common.serialization.StringSerializer",
    }
    with line(kafka, prefix, tmp_path) as found:
        spark.submit("gzip", {**_http(found), "compression": "gzip"})
        spark.submit("kafka", by_kafka, (client,))
        for way in ("gzip", "kafka"):
            _wait_for(found, way)
        run_events, edges, columns = found.runs(), found.edges(), found.columns()
    assert set(Counter(one["event_id"] for one in run_events).values()) == {1}
    for way in ("gzip", "kafka"):
        assert last_parts(edge for edge in edges if Path(edge[0]).parent.name == way) == EDGES
        assert _short({one for one in columns if Path(one[0]).parent.name == way}) == COLUMNS


def _http(found: Line) -> dict[str, str]:
    return {"type": "http", "url": found.gateway.url, "auth.type": "api_key", "auth.apiKey": found.key}


def _wait_for(found: Line, namespace: str) -> None:
    """Until the application of this name ended, and what it did is stitched."""

    def ended() -> bool:
        jobs = [one["job"] for one in found.runs() if one["run"]["state"] == "COMPLETE"]
        return any((job["namespace"], job["name"]) == (namespace, "shop") for job in jobs)

    wait_until(ended, 120, "the application's end")
    of_this = f"/{namespace}/"
    wait_until(lambda: last_parts(edge for edge in found.edges() if of_this in edge[0]) >= EDGES, 120, "its edges")
    wait_until(lambda: sum(of_this in one[0] for one in found.columns()) >= len(COLUMNS), 60, "its column edges")


def _short(columns: set[tuple[str, str, str, str | None, str]]) -> set[tuple[str, str, str, str | None, str]]:
    return {(Path(of).name, column, Path(to).name, at, said) for of, column, to, at, said in columns}


def _states(run_events: list[dict[str, Any]]) -> dict[str, str]:
    """The state of each job's run by the rule of stitching: the earliest end stands."""
    return {
        one["job"]["name"]: reference.state([of for of in run_events if of["run"]["run_id"] == one["run"]["run_id"]])
        for one in run_events
    }
