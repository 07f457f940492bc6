"""One small pipeline told by each of openlineage-python's transports, its columns by openlineage-sql.

Arguments: the gateway's address, its key, brokers, topic. Each transport tells of a job in a namespace of its name: it
reads orders and customers and writes revenue, once with success, once it fails. Prints the SQL's column lineage.
"""

import json
import sys
import uuid
from datetime import UTC, datetime

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import column_lineage_dataset, error_message_run, schema_dataset, sql_job
from openlineage.client.transport.async_http import AsyncHttpConfig, AsyncHttpTransport
from openlineage.client.transport.composite import CompositeConfig, CompositeTransport
from openlineage.client.transport.http import HttpConfig, HttpTransport
from openlineage.client.transport.kafka import KafkaConfig, KafkaTransport
from openlineage_sql import parse

STORE = "postgres://warehouse:5432"
SQL = """
INSERT INTO shop.public.revenue (customer, total)
SELECT c.name AS customer, sum(o.amount) AS total
FROM shop.public.orders o JOIN shop.public.customers c ON o.customer_id = c.id GROUP BY 1
"""


def transports(url, key, brokers, topic):
    auth = {"type": "api_key", "apiKey": key}
    http = {"type": "http", "url": url, "auth": auth, "compression": "gzip"}
    kafka = {"type": "kafka", "config": {"bootstrap.servers": brokers}, "topic": topic}
    both = {"type": "composite", "transports": {"http": http, "kafka": kafka}, "continue_on_failure": False}

    def given(of):
        return json.loads(json.dumps({name: value for name, value in of.items() if name != "type"}))

    yield "http", HttpTransport(HttpConfig.from_dict(given(http)))
    yield "async_http", AsyncHttpTransport(AsyncHttpConfig.from_dict(given(http)))
    yield "kafka", KafkaTransport(KafkaConfig.from_dict(given(kafka)))
    yield "composite", CompositeTransport(CompositeConfig.from_dict(given(both)))


def columns(found):
    fields = {}
    for one in found.column_lineage:
        sources = [
            column_lineage_dataset.InputField(STORE, source.origin.qualified_name, source.name)
            for source in one.lineage
            if source.origin is not None
        ]
        fields[one.descendant.name] = column_lineage_dataset.Fields(sources)
    return fields


def tell(client, namespace):
    found = parse([SQL], dialect="postgres")
    job = Job(namespace, "load", facets={"sql": sql_job.SQLJobFacet(SQL)})
    inputs = [InputDataset(STORE, table.qualified_name) for table in sorted(found.in_tables, key=str)]
    fields = [schema_dataset.SchemaDatasetFacetFields(name, "text") for name in ("customer", "total")]
    facets = {
        "schema": schema_dataset.SchemaDatasetFacet(fields),
        "columnLineage": column_lineage_dataset.ColumnLineageDatasetFacet(columns(found)),
    }
    outputs = [OutputDataset(STORE, table.qualified_name, facets=facets) for table in found.out_tables]
    for number, state in enumerate((RunState.COMPLETE, RunState.FAIL)):
        run = str(uuid.uuid4())
        now = datetime.now(UTC).isoformat()
        client.emit(RunEvent(eventType=RunState.START, eventTime=now, run=Run(run), job=job, inputs=inputs))
        error = error_message_run.ErrorMessageRunFacet("it broke", "python") if number else None
        failed = {"errorMessage": error} if error else {}
        now = datetime.now(UTC).isoformat()
        client.emit(RunEvent(eventType=state, eventTime=now, run=Run(run, facets=failed), job=job, outputs=outputs))


if __name__ == "__main__":
    for name, transport in transports(*sys.argv[1:]):
        client = OpenLineageClient(transport=transport)
        tell(client, name)
        if not client.close(30):
            sys.exit(f"{name}: not all was sent")
    lineage = parse([SQL], dialect="postgres").column_lineage
    print(
        json.dumps(
            {
                one.descendant.name: sorted([source.origin.qualified_name, source.name] for source in one.lineage)
                for one in lineage
            }
        )
    )
