"""A checkpoint of Great Expectations with OpenLineage's action, which takes its address from the environment.

Arguments: the folder of shop.db. It makes a table of fifty orders and validates it; two expectations fail. Prints which
held, by type.
"""

import json
import sqlite3
import sys
from pathlib import Path

from great_expectations.core.batch import BatchRequest
from great_expectations.data_context import BaseDataContext
from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults

file = Path(sys.argv[1]) / "shop.db"
with sqlite3.connect(file) as database:
    database.execute("CREATE TABLE orders (id INTEGER, customer TEXT, amount REAL)")
    rows = [(number, None if number % 10 == 0 else f"c{number % 7}", number * 1.5) for number in range(1, 51)]
    database.executemany("INSERT INTO orders VALUES (?, ?, ?)", rows)

context = BaseDataContext(
    project_config=DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(), anonymous_usage_statistics={"enabled": False}
    )
)
context.add_datasource(
    "shop",
    class_name="Datasource",
    execution_engine={"class_name": "SqlAlchemyExecutionEngine", "connection_string": f"sqlite:///{file}"},
    data_connectors={"tables": {"class_name": "InferredAssetSqlDataConnector", "include_schema_name": False}},
)
batch = {"datasource_name": "shop", "data_connector_name": "tables", "data_asset_name": "orders"}
context.create_expectation_suite("orders")
validator = context.get_validator(batch_request=BatchRequest(**batch), expectation_suite_name="orders")
validator.expect_table_row_count_to_equal(50)
validator.expect_column_values_to_not_be_null("customer")
validator.expect_column_unique_value_count_to_be_between("customer", 1, 10)
validator.expect_column_min_to_be_between("amount", 0, 100)
validator.expect_column_max_to_be_between("amount", 0, 60)
validator.expect_column_sum_to_be_between("amount", 0, 10_000)
validator.expect_column_quantile_values_to_be_between(
    "amount", {"quantiles": [0.1, 0.25, 0.5, 0.75, 0.9], "value_ranges": [[0, 100]] * 5}
)
validator.save_expectation_suite(discard_failed_expectations=False)
action = {
    "class_name": "OpenLineageValidationAction",
    "module_name": "openlineage.common.provider.great_expectations",
    "job_name": "orders",
}
context.add_checkpoint(
    name="orders",
    config_version=1.0,
    class_name="Checkpoint",
    validations=[{"batch_request": batch, "expectation_suite_name": "orders"}],
    action_list=[{"name": "openlineage", "action": action}],
)
(result,) = context.run_checkpoint("orders").list_validation_results()
print(json.dumps({one.expectation_config.expectation_type: bool(one.success) for one in result.results}))
