"""Run by tests/producers/test_versions.py where the stores' libraries are: writes, reads, and prints what was told."""

import json
import sys
import tempfile
from pathlib import Path

import pyarrow as pa

before = set(sys.modules)
from headwater.producer import InMemoryProducer, versions  # noqa: E402 — what it imports is counted
from headwater.settings import Settings  # noqa: E402 — as the line before

imported = {name.partition(".")[0] for name in set(sys.modules) - before}
assert not imported & {"pyiceberg", "deltalake", "lance", "boto3", "pandas", "numpy"}, imported

table = pa.table({"x": [1, 2]})
folder = Path(tempfile.mkdtemp())
told: dict[str, object] = {}


def delta() -> None:
    from deltalake import DeltaTable, write_deltalake

    place = str(folder / "delta")
    write_deltalake(place, table)
    write_deltalake(place, table, mode="append")
    told["delta"] = [versions.delta(DeltaTable(place)), versions.of(DeltaTable(place, version=0))]


def iceberg() -> None:
    from pyiceberg.catalog.sql import SqlCatalog

    catalog = SqlCatalog("c", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}/warehouse")
    catalog.create_namespace("shop")
    orders = catalog.create_table("shop.orders", schema=table.schema)
    empty = versions.of(orders)
    orders.append(table)
    first = versions.of(orders)
    orders.append(table)
    snapshots = [snapshot.snapshot_id for snapshot in orders.snapshots()]
    read = versions.of(orders.scan(snapshot_id=snapshots[0]))
    told["iceberg"] = [empty, first, versions.iceberg(orders), read, snapshots]


def s3() -> None:
    import boto3
    from moto import mock_aws

    with mock_aws():
        keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
        client = boto3.client("s3", region_name="us-east-1", **keys)
        client.create_bucket(Bucket="the-lake")
        plain = versions.of(client.put_object(Bucket="the-lake", Key="k", Body=b"abc"))
        client.put_bucket_versioning(Bucket="the-lake", VersioningConfiguration={"Status": "Enabled"})
        put = client.put_object(Bucket="the-lake", Key="k", Body=b"abcd")
        got = client.get_object(Bucket="the-lake", Key="k")
        head = client.head_object(Bucket="the-lake", Key="k")
        listed = boto3.resource("s3", region_name="us-east-1", **keys).Object("the-lake", "k")
        found = [versions.of(answer) for answer in (put, got, head, listed)]
        told["s3"] = [plain, put["VersionId"], *found]


def lance() -> None:
    import lance as library

    place = str(folder / "lance")
    first = versions.of(library.write_dataset(table, place))
    told["lance"] = [first, versions.lance(library.write_dataset(table, place, mode="append"))]


for store in sys.argv[1:]:
    {"delta": delta, "iceberg": iceberg, "s3": s3, "lance": lance}[store]()
if "delta" in told:
    from deltalake import DeltaTable

    producer = InMemoryProducer(Settings())
    orders = producer.dataset("s3://lake", "orders")
    with producer.run(producer.job("shop", "j"), inputs=[orders.at(**versions.of(DeltaTable(str(folder / "delta"))))]):
        pass
    told["event"] = [producer.events[0]["inputs"][0][field] for field in ("version", "version_origin")]
print(json.dumps(told))
