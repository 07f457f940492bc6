"""OpenLineage run events of about 4.8 kB, as a scheduler of Spark and SQL jobs sends them: START, then COMPLETE."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator
from typing import Any

#: Jobs of the usual mix: each runs again and again, on its own tables.
JOBS = 200
_PRODUCER = "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/integration/spark"
_COLUMNS = ("id", "customer_id", "ordered_at", "amount", "country")
_BEGIN_MS = 1_767_225_600_000
Event = dict[str, Any]


def events(count: int, seed: int = 0, *, distinct: bool = False) -> Iterator[Event]:
    """So many events. `distinct`: each run is of another job on other tables, so that nothing is ever said twice."""
    chance = random.Random(seed)
    for number in range((count + 1) // 2):
        job = number if distinct else chance.randrange(JOBS)
        run = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        yield _event(job, run, number, "START")
        if 2 * number + 1 < count:
            yield _event(job, run, number, "COMPLETE")


def bodies(count: int, seed: int = 0, *, distinct: bool = False) -> list[bytes]:
    """The same as JSON, as the clients write it."""
    return [json.dumps(event, sort_keys=True).encode() for event in events(count, seed, distinct=distinct)]


def _facet(of: str, **fields: Any) -> Event:
    url = f"https://openlineage.io/spec/facets/1-0-0/{of}.json#/$defs/{of}"
    return {"_producer": _PRODUCER, "_schemaURL": url, **fields}


def _time(ms: int) -> str:
    seconds, rest = divmod(ms, 1000)
    minutes, seconds = divmod(seconds - _BEGIN_MS // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"2026-01-{1 + hours // 24 % 28:02}T{hours % 24:02}:{minutes:02}:{seconds:02}.{rest:03}Z"


def _event(job: int, run: str, number: int, state: str) -> Event:
    team = f"team_{job % 17}"
    ended = state == "COMPLETE"
    outputs = [_output(job, team, number)] if ended else []
    # A START names what it reads and the plan, a COMPLETE what it wrote: both are of about the same size.
    inputs = [_dataset(team, f"source_{job}_{n}") for n in range(1 if ended else 3)]
    return {
        "eventType": state,
        "eventTime": _time(_BEGIN_MS + number * 977 + 500 * ended),
        "producer": _PRODUCER,
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": run, "facets": _run_facets(job, number)},
        "job": {"namespace": f"spark-{team}", "name": f"daily.job_{job}.insert", "facets": _job_facets(job, team)},
        "inputs": inputs,
        "outputs": outputs,
    }


def _run_facets(job: int, number: int) -> Event:
    parent = str(uuid.UUID(int=(job << 64) + number // JOBS, version=4))
    return {
        "parent": _facet(
            "ParentRunFacet", run={"runId": parent}, job={"namespace": "airflow", "name": f"daily.job_{job}"}
        ),
        "nominalTime": _facet("NominalTimeRunFacet", nominalStartTime=_time(_BEGIN_MS + number // JOBS * 86_400_000)),
        "processing_engine": _facet(
            "ProcessingEngineRunFacet", version="3.5.1", name="spark", openlineageAdapterVersion="1.54.0"
        ),
        "spark_applicationDetails": _facet(
            "SparkApplicationDetailsFacet", master="yarn", appName=f"daily_{job}", applicationId=f"app-{number}"
        ),
    }


def _job_facets(job: int, team: str) -> Event:
    query = f"INSERT INTO target_{job} SELECT s.id, s.amount FROM source_{job}_0 s JOIN source_{job}_1 t ON s.id = t.id"
    return {
        "jobType": _facet("JobTypeJobFacet", processingType="BATCH", integration="SPARK", jobType="SQL_JOB"),
        "sql": _facet("SQLJobFacet", query=query),
        "ownership": _facet("OwnershipJobFacet", owners=[{"name": f"team:{team}", "type": "MAINTAINER"}]),
    }


def _dataset(team: str, name: str) -> Event:
    fields = [{"name": column, "type": "string" if "_" in column else "double"} for column in _COLUMNS]
    return {
        "namespace": f"s3://lake-{team}",
        "name": f"warehouse/{name}",
        "facets": {
            "schema": _facet("SchemaDatasetFacet", fields=fields),
            "dataSource": _facet("DatasourceDatasetFacet", name=f"s3://lake-{team}", uri=f"s3://lake-{team}"),
        },
    }


def _output(job: int, team: str, number: int) -> Event:
    output = _dataset(team, f"target_{job}")

    def source(column: str) -> Event:
        moved = {"type": "DIRECT", "subtype": "IDENTITY", "description": "", "masking": False}
        named = {"namespace": f"s3://lake-{team}", "name": f"warehouse/source_{job}_0", "field": column}
        return {"inputFields": [{**named, "transformations": [moved]}]}

    output["facets"]["columnLineage"] = _facet(
        "ColumnLineageDatasetFacet", fields={column: source(column) for column in _COLUMNS[:4]}
    )
    output["outputFacets"] = {
        "outputStatistics": _facet("OutputStatisticsOutputDatasetFacet", rowCount=1000 + number % 991, size=123_456)
    }
    return output
