"""What an event costs openlineage-python's Kafka transport, CPU of the whole process until the last is confirmed.

Arguments: brokers, topic, events, and a JSON object with the fields that the other ways send too. `once` in it:
datasets, job and their facets are made once and shared by all events, which is the cheapest way to use the client;
else for each event, as its integrations do. Times and ids are made for each event in both.
"""

import datetime as dt
import json
import sys
import time

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    dataset_version_dataset,
    environment_variables_run,
    input_statistics_input_dataset,
    job_type_job,
    output_statistics_output_dataset,
    ownership_job,
)
from openlineage.client.serde import Serde
from openlineage.client.transport.kafka import KafkaConfig, KafkaTransport
from openlineage.client.uuid import generate_new_uuid


def input_dataset(of):
    return InputDataset(
        of["namespace"],
        of["name"],
        facets={"version": dataset_version_dataset.DatasetVersionDatasetFacet(of["version"])},
        inputFacets={
            "inputStatistics": input_statistics_input_dataset.InputStatisticsInputDatasetFacet(rowCount=of["rows"])
        },
    )


def output_dataset(of):
    return OutputDataset(
        of["namespace"],
        of["name"],
        facets={"version": dataset_version_dataset.DatasetVersionDatasetFacet(of["version"])},
        outputFacets={
            "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=of["rows"])
        },
    )


def shared(fields):
    job = Job(
        fields["job"]["namespace"],
        fields["job"]["name"],
        facets={
            "jobType": job_type_job.JobTypeJobFacet("BATCH", fields["job"]["integration"], fields["job"]["kind"]),
            "ownership": ownership_job.OwnershipJobFacet(
                [ownership_job.Owner(owner) for owner in fields["job"]["owners"]]
            ),
        },
    )
    environment = environment_variables_run.EnvironmentVariablesRunFacet(
        [environment_variables_run.EnvironmentVariable(k, v) for k, v in fields["environment"].items()]
    )
    return (
        job,
        environment,
        [input_dataset(of) for of in fields["inputs"]],
        [output_dataset(of) for of in fields["outputs"]],
    )


def main():
    brokers, topic, events, fields = sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4])
    config = {
        "bootstrap.servers": brokers,
        "enable.idempotence": True,
        "linger.ms": 5,
        "compression.type": "lz4",
        "queue.buffering.max.messages": 10_000_000,
        "queue.buffering.max.kbytes": 2_000_000,
    }
    client = OpenLineageClient(transport=KafkaTransport(KafkaConfig(config=config, topic=topic, flush=False)))
    once = shared(fields) if fields["once"] else None

    def event():
        job, environment, inputs, outputs = once or shared(fields)
        return RunEvent(
            eventType=RunState.COMPLETE,
            eventTime=dt.datetime.now(dt.UTC).isoformat(),
            run=Run(str(generate_new_uuid()), facets={"environmentVariables": environment}),
            job=job,
            inputs=inputs,
            outputs=outputs,
        )

    for _ in range(200):
        client.emit(event())
    client.transport.wait_for_completion(60)

    cpu, start = time.process_time(), time.perf_counter()
    for _ in range(events):
        client.emit(event())
    wall = time.perf_counter() - start
    assert client.transport.wait_for_completion(120)
    cpu = time.process_time() - cpu
    size = len(Serde.to_json(event()))
    print(json.dumps({"wall": wall / events * 1e6, "cpu": cpu / events * 1e6, "bytes": size}))


if __name__ == "__main__":
    main()
