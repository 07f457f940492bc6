"""A Spark application that knows nothing of lineage: two files joined and summed up, then a step that fails.

Arguments: the folder with orders.csv, where customers.parquet, revenue.parquet and broken.parquet are written. Prints
the rows of revenue.
"""

import json
import sys
from pathlib import Path

from py4j.protocol import Py4JJavaError
from pyspark.errors.exceptions.captured import CapturedException
from pyspark.sql import SparkSession
from pyspark.sql import functions as of

folder = Path(sys.argv[1])
spark = SparkSession.builder.appName("shop").getOrCreate()
people = "VALUES (1, 'ada', 'se'), (2, 'bob', 'de'), (3, 'cleo', 'de') AS people(id, name, country)"
spark.sql(f"SELECT * FROM {people}").write.parquet(str(folder / "customers.parquet"))

orders = spark.read.csv(str(folder / "orders.csv"), header=True, schema="id int, customer int, amount double")
customers = spark.read.parquet(str(folder / "customers.parquet"))
(
    orders.where("amount > 0")
    .join(customers, orders.customer == customers.id)
    .groupBy(of.upper("name").alias("customer"))
    .agg(of.sum("amount").alias("total"), of.count("*").alias("orders"))
    .write.parquet(str(folder / "revenue.parquet"))
)

revenue = spark.read.parquet(str(folder / "revenue.parquet"))
try:
    checked = of.when(of.col("total") > 0, of.raise_error("no total may be positive").cast("string"))
    revenue.select(checked.alias("checked")).write.parquet(str(folder / "broken.parquet"))
except (Py4JJavaError, CapturedException) as error:
    print("failed as it should:", error, file=sys.stderr)
else:
    raise SystemExit("it should have failed")
rows = [tuple(row) for row in revenue.orderBy("customer").collect()]
spark.stop()
print(json.dumps(rows))
