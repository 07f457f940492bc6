"""Events as integrations write them: by hand in the documented shapes of Airflow, Spark and dbt, and by the client."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.benchmarks.peers import NoPeer, peer_python, run_peer

CLIENT = "openlineage-python[kafka]==1.54.0"
RUN = "3f5e83fa-3480-44ff-99c5-ff943904e5e8"
SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
OL = "https://github.com/OpenLineage/OpenLineage/tree/1.9.1/integration/"
Event = dict[str, Any]


def facet(of: str, /, **fields: Any) -> Event:
    url = f"https://openlineage.io/spec/facets/1-0-0/{of}.json#/$defs/{of}"
    return {"_producer": OL + "airflow", "_schemaURL": url, **fields}


AIRFLOW: Event = {
    "eventType": "START",
    "eventTime": "2024-05-01T07:00:01.384910Z",
    "producer": OL + "airflow",
    "schemaURL": SPEC + "RunEvent",
    "run": {
        "runId": RUN,
        "facets": {
            "nominalTime": facet("NominalTimeRunFacet", nominalStartTime="2024-05-01T00:00:00+00:00"),
            "parent": facet(
                "ParentRunFacet",
                job={"namespace": "airflow", "name": "etl"},
                run={"runId": "018f30e2-9000-7b3c-8f77-8f5f0a4b7a5c"},
            ),
            "airflow": facet("AirflowRunFacet", dag={"dag_id": "etl", "tags": "['a']"}, taskUuid="tu-1"),
            "processing_engine": facet("ProcessingEngineRunFacet", version="2.9.0", name="Airflow"),
        },
    },
    "job": {
        "namespace": "airflow",
        "name": "etl.load",
        "facets": {
            "jobType": facet("JobTypeJobFacet", processingType="BATCH", integration="AIRFLOW", jobType="TASK"),
            "sql": facet("SQLJobFacet", query="INSERT INTO top SELECT id FROM delivery"),
            "airflow": facet("AirflowJobFacet", taskTree={}, tasks={"load": {"ui_color": "#fff"}}),
        },
    },
    "inputs": [{"namespace": "postgres://u:secret-pw@db:5432", "name": "shop.public.delivery", "facets": {}}],
    "outputs": [],
}
SPARK: Event = {
    "eventType": "COMPLETE",
    "eventTime": "2024-05-01T07:03:00.012Z",
    "producer": OL + "spark",
    "schemaURL": "https://openlineage.io/spec/1-0-5/OpenLineage.json#/$defs/RunEvent",
    "run": {
        "runId": RUN,
        "facets": {
            "spark.logicalPlan": {"_producer": OL + "spark", "plan": [{"class": "Insert", "num-children": 1}]},
            "spark_version": {"spark-version": "3.4.0", "openlineage-spark-version": "1.9.1"},
            "spark_properties": {"properties": {"spark.master": "local", "spark.app.secret": "planted-2"}},
        },
    },
    "job": {"namespace": "spark", "name": "app.insert_into", "facets": {"ownership": None}},
    "inputs": [
        {
            "namespace": "s3://raw",
            "name": "events",
            "facets": {
                "schema": facet("SchemaDatasetFacet", fields=[{"name": "id", "type": "long"}, {"name": "at"}]),
                "dataSource": facet("DatasourceDatasetFacet", name="s3://raw", uri="s3://raw"),
            },
            "inputFacets": {},
        }
    ],
    "outputs": [
        {
            "namespace": "file",
            "name": "/warehouse/clean",
            "facets": {
                "columnLineage": facet(
                    "ColumnLineageDatasetFacet",
                    fields={
                        "id": {
                            "inputFields": [
                                {
                                    "namespace": "s3://raw",
                                    "name": "events",
                                    "field": "id",
                                    "transformations": [
                                        {"type": "DIRECT", "subtype": "IDENTITY", "description": "", "masking": False},
                                        {"type": "INDIRECT", "subtype": "FILTER"},
                                    ],
                                }
                            ]
                        }
                    },
                ),
                "symlinks": facet(
                    "SymlinksDatasetFacet",
                    identifiers=[{"namespace": "hive://m:9083", "name": "db.clean", "type": "TABLE"}],
                ),
            },
            "outputFacets": {"outputStatistics": facet("OutputStatistics", rowCount=5, size=490)},
        }
    ],
}
DBT: Event = {
    "eventType": "COMPLETE",
    "eventTime": "2024-05-01T07:05:00.000000Z",
    "producer": OL + "dbt",
    "run": {"runId": RUN, "facets": {"dbt_version": {"version": "1.8.2"}}},
    "job": {"namespace": "dbt", "name": "shop.orders.build.test"},
    "inputs": [
        {
            "namespace": "duckdb://shop.db",
            "name": "shop.main.orders",
            "facets": {},
            "inputFacets": {
                "dataQualityAssertions": facet(
                    "DataQualityAssertionsDatasetFacet",
                    assertions=[
                        {"assertion": "not_null", "success": True, "column": "id"},
                        {"assertion": "unique", "success": False, "column": "id"},
                    ],
                )
            },
        }
    ],
    "outputs": [],
}
HAND_WRITTEN = (AIRFLOW, SPARK, DBT)


@cache
def of_the_client() -> tuple[dict[str, str], dict[str, str]]:
    """What openlineage-python's file transport writes, text by file name; and its facet classes with their kinds.

    Skips the test where the client cannot be installed.
    """
    with TemporaryDirectory() as folder:
        try:
            classes = run_peer(peer_python("openlineage", CLIENT), "openlineage_events.py", folder)
        except NoPeer as reason:
            pytest.skip(str(reason))
        return {path.name: path.read_text("utf-8") for path in Path(folder).iterdir()}, classes


def real() -> list[Event]:
    """The client's events, one with every facet among them."""
    return [json.loads(line) for line in of_the_client()[0]["events.ndjson"].splitlines()]
