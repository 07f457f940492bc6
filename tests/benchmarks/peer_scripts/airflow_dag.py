"""A DAG of three tasks, each really done: sorted by a command, summed up by Python, put into a table by SQL.

AIRFLOW_SHOP names the folder with raw_orders.csv. Each task declares what it reads and writes, as assets.
"""

import csv
import os
from collections import Counter
from datetime import datetime
from pathlib import Path

from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Asset, task

FOLDER = Path(os.environ["AIRFLOW_SHOP"])


def asset(name):
    return Asset((FOLDER / name).as_uri())


with DAG("shop", schedule=None, start_date=datetime(2026, 1, 1), catchup=False) as dag:
    orders = BashOperator(
        task_id="orders",
        bash_command="sort raw_orders.csv > orders.csv",
        cwd=str(FOLDER),
        inlets=[asset("raw_orders.csv")],
        outlets=[asset("orders.csv")],
    )

    @task(inlets=[asset("orders.csv")], outlets=[asset("revenue.csv")])
    def revenue():
        total = Counter()
        with (FOLDER / "orders.csv").open() as file:
            for customer, amount in csv.reader(file):
                total[customer] += int(amount)
        with (FOLDER / "revenue.csv").open("w") as file:
            csv.writer(file).writerows(total.items())
        return len(total)

    report = SQLExecuteQueryOperator(
        task_id="report",
        conn_id="shop",
        sql=["CREATE TABLE report (customers INTEGER)", "INSERT INTO report VALUES ({{ ti.xcom_pull('revenue') }})"],
        inlets=[asset("revenue.csv")],
        outlets=[asset("report.db")],
    )
    orders >> revenue() >> report
