"""The whole line, read at its end by a consumer that imports nothing of ours.

A producer tells 20 training runs with an error as usual and one with five times that; the detection worker raises
an incident; the programs in `plain/` read it from the alert topic with public libraries alone.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from headwater.cli.workers import groups
from headwater.embedded.lag import lag
from headwater.producer import Producer
from headwater.settings import Settings
from headwater.topics.layout import create
from tests.backends import clients
from tests.backends.kinds import Kafka, Registry
from tests.backends.processes import wait_until
from tests.infra.workers import working

PLAIN = Path(__file__).parent / "plain"
DAY_US = 24 * 3600 * 1_000_000
BEGIN_US = 1_767_225_600_000_000  # 2026-01-01

pytestmark = pytest.mark.integration


def _train(settings: Settings, days: range, rmse: float) -> None:
    """Daily runs of one training job that all measure about the same error."""
    with Producer(settings) as producer:
        job = producer.job("shop", "train")
        sales = producer.dataset("shop", "sales")
        model = producer.model("shop", "demand")
        for day in days:
            now = BEGIN_US + day * DAY_US
            outcome = model.at(version=f"v{day}")
            with producer.run(job, inputs=[sales.at(version=str(day))], clock=partial(int, now)) as run:
                run.output(outcome)
                run.metric("rmse", rmse + day % 3 / 10, about=outcome)


def _is_worked_off(settings: Settings) -> bool:
    return not any(
        waiting
        for group, topics in groups(["detection"], settings).items()
        for waiting in lag(settings, group, topics).values()
    )


def _alerts(*command: object) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-I", *map(str, command)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def _check(alerts: list[dict[str, Any]]) -> None:
    opened = [alert for alert in alerts if alert["state"] == "opened"]
    assert len(opened) == 1
    (alert,) = opened
    assert alert["check"] == "metric"
    assert (alert["namespace"], alert["name"]) == ("shop", "demand")
    assert "rmse" in alert["explanation"] + alert["title"]
    assert alert["onset"] == BEGIN_US + 20 * DAY_US


def _run(settings: Settings, folder: Path) -> None:
    create(settings)
    with working(["detection"], settings, folder):
        _train(settings, range(20), 10.0)
        # Runs are spread over partitions: without this the last day could be judged before those that it follows.
        wait_until(partial(_is_worked_off, settings), 60, "the usual days being worked off", poll=0.3)
        _train(settings, range(20, 21), 50.0)
        topic = f"{settings.prefix}lineage.alerts"
        wait_until(lambda: bool(clients.read_all(settings.brokers, topic)), 60, "an alert", poll=0.3)


def test_the_programs_import_nothing_of_ours() -> None:
    """They use the standard library, confluent_kafka and fastavro."""
    for program in (PLAIN / "by_schema_topic.py", PLAIN / "by_registry.py"):
        for node in ast.walk(ast.parse(program.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                top = name.partition(".")[0]
                assert top in sys.stdlib_module_names | {"confluent_kafka", "fastavro"}, (program, name)


def test_alerts_are_read_with_the_schema_topic(kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """Without a registry: single-object encoding, and the schema by its fingerprint from the schema topic."""
    settings = Settings(brokers=kafka.bootstrap, prefix=prefix, partitions=2, store_url="")
    _run(settings, tmp_path)
    _check(_alerts(PLAIN / "by_schema_topic.py", kafka.bootstrap, prefix, 2))


def test_alerts_are_read_with_a_registry(kafka: Kafka, registry: Registry, prefix: str, tmp_path: Path) -> None:
    """With a registry: Confluent's wire format, read by Confluent's own deserializer."""
    settings = Settings(brokers=kafka.bootstrap, prefix=prefix, partitions=2, registry_url=registry.url, store_url="")
    _run(settings, tmp_path)
    _check(_alerts(PLAIN / "by_registry.py", kafka.bootstrap, prefix, 2, registry.url))
