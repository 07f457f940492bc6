"""A Dagster project that knows nothing of OpenLineage: three assets, of which one fails, and two checks that fail.

DAGSTER_SHOP names the folder of shop.db. Each asset says what columns it has, and of which they were made.
"""

import os
import sqlite3
from pathlib import Path

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetKey,
    Definitions,
    MaterializeResult,
    TableColumn,
    TableColumnDep,
    TableColumnLineage,
    TableSchema,
    asset,
    asset_check,
    define_asset_job,
    in_process_executor,
)

DATABASE = Path(os.environ["DAGSTER_SHOP"]) / "shop.db"


def run(statement):
    with sqlite3.connect(DATABASE) as database:
        return database.execute(statement).fetchone()


def columns(**types):
    return {"dagster/column_schema": TableSchema([TableColumn(name, kind) for name, kind in types.items()])}


@asset
def orders():
    run("CREATE TABLE orders AS SELECT 'ada' AS customer, 10 AS amount UNION ALL SELECT 'bob', -7")
    return MaterializeResult(metadata=columns(customer="text", amount="integer"))


@asset(deps=[orders])
def revenue():
    run("CREATE TABLE revenue AS SELECT upper(customer) AS who, sum(amount) AS total FROM orders GROUP BY 1")
    sources = {"who": "customer", "total": "amount"}
    made_of = {name: [TableColumnDep(AssetKey("orders"), source)] for name, source in sources.items()}
    lineage = {"dagster/column_lineage": TableColumnLineage(made_of)}
    return MaterializeResult(metadata=columns(who="text", total="integer") | lineage)


@asset(deps=[revenue])
def report():
    raise RuntimeError("nobody reads it")


@asset_check(asset=revenue)
def totals_are_positive():
    (least,) = run("SELECT min(total) FROM revenue")
    return AssetCheckResult(passed=least > 0, metadata={"column": "total"})


@asset_check(asset=revenue)
def there_are_many():
    (count,) = run("SELECT count(*) FROM revenue")
    return AssetCheckResult(passed=count > 100, severity=AssetCheckSeverity.WARN)


defs = Definitions(
    assets=[orders, revenue, report],
    asset_checks=[totals_are_positive, there_are_many],
    jobs=[define_asset_job("shop")],
    executor=in_process_executor,
)
