"""A dlt pipeline with dlt-openlineage installed, which takes its address from the environment.

Arguments: the folder of shop.duckdb. It loads orders, whose lines become a table of their own, then customers; then
another pipeline's source fails while it is read. Prints the rows of the three tables.
"""

import json
import sys
from pathlib import Path

import dlt
import dlt_openlineage
from dlt.pipeline.exceptions import PipelineStepFailed

folder = Path(sys.argv[1])
dlt_openlineage.install()


@dlt.resource
def orders():
    yield {"id": 1, "customer": "ada", "amount": 10.0, "lines": [{"sku": "a"}, {"sku": "b"}]}
    yield {"id": 2, "customer": "bob", "amount": 20.5, "lines": [{"sku": "a"}]}


@dlt.resource
def customers():
    yield from ({"id": 1, "name": "ada"}, {"id": 2, "name": "bob"})


@dlt.resource
def returns():
    yield {"id": 1}
    raise RuntimeError("the source is away")


def pipeline(name):
    return dlt.pipeline(
        pipeline_name=name,
        destination=dlt.destinations.duckdb(str(folder / "shop.duckdb")),
        dataset_name="raw",
        pipelines_dir=str(folder / "pipelines"),
    )


shop = pipeline("shop")
shop.run(orders())
shop.run(customers())
try:
    pipeline("returns").run(returns())
except PipelineStepFailed as error:
    print("failed as it should:", error, file=sys.stderr)
else:
    raise SystemExit("it should have failed")
with shop.sql_client() as client:
    tables = ("orders", "orders__lines", "customers")
    print(json.dumps({name: client.execute_sql(f"SELECT count(*) FROM {name}")[0][0] for name in tables}))
