"""What a profile costs ours. Arguments: rows, turns, and which library holds the table."""

import json
import sys

from profile_data import frame, one_core, table, timed

one_core()

from headwater.producer import InMemoryProducer  # noqa: E402 — after it is bound to one core
from headwater.settings import Settings  # noqa: E402 — as the line before


def held_by(library, columns):
    if library == "pandas, Python objects":
        return frame(columns)
    if library == "lists":
        return {name: column.tolist() for name, column in columns.items()}
    if library == "pandas":
        import pandas as pd

        return pd.DataFrame(columns)
    import polars as pl

    data = pl.DataFrame({name: c if c.dtype != object else c.tolist() for name, c in columns.items()})
    if library == "arrow":
        return data.to_arrow()
    if library == "duckdb":
        import duckdb

        connection = duckdb.connect()
        connection.execute("SET threads = 1")
        connection.register("given", data.to_arrow())
        connection.execute("CREATE TABLE stored AS SELECT * FROM given")
        return connection.table("stored")
    return data


rows, turns, library = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
producer = InMemoryProducer(Settings())
dataset = producer.dataset("bench", "table")
data = held_by(library, table(rows))


def work():
    producer.clear()
    producer.profile(dataset, data)
    return sum(len(message) for _, _, message in producer.messages)


took, size = timed(work, turns)
(part,) = producer.profiles
assert part["rows"] == rows
assert len(part["columns"]) == 12
print(
    json.dumps({
        "took": took, "bytes": size, "rows_sketch": len(part["row_kmv"]), "digest": part["fingerprint"]["digest"].hex(),
    })
)  # fmt: skip
