"""Dagster with dagster-openlineage around its event log, pointed here by nothing but the address and a key."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from headwater.schemas.topics import VERDICTS
from tests.backends.kinds import Kafka
from tests.backends.processes import wait_until
from tests.benchmarks.peers import SCRIPTS
from tests.consumers.stitching import reference
from tests.infra.gateway.real_clients import environment, line

pytestmark = [pytest.mark.integration, pytest.mark.prove, pytest.mark.timeout(1500)]

DAGSTER = ("dagster==1.13.28", "dagster-openlineage==0.2.1", "openlineage-python==1.54.0")
#: As dagster-openlineage's documentation has it; what it wraps is Dagster's own default.
INSTANCE = """\
telemetry: {{enabled: false}}
event_log_storage:
  module: dagster_openlineage
  class: OpenLineageEventLogStorage
  config:
    namespace: shop
    timeout: 30.0
    wrapped:
      module: dagster._core.storage.event_log
      class: SqliteEventLogStorage
      config: {{base_dir: {folder}/events}}
"""


@pytest.mark.backends("local")
def test_dagster_feeds_the_graph_of_its_assets(kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """`dagster job execute` of three assets and two checks, as one run: each asset is a job with a state of its own,
    the edges are the column lineage that assets tell, and each check is a verdict with its severity.
    """
    python = environment("dagster", *DAGSTER)
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(INSTANCE.format(folder=home), "utf-8")
    with line(kafka, prefix, tmp_path) as found:
        own = {
            "DAGSTER_HOME": str(home),
            "DAGSTER_SHOP": str(tmp_path),
            "OPENLINEAGE_URL": found.gateway.url,
            "OPENLINEAGE_API_KEY": found.key,
        }
        words = ["-m", "dagster", "job", "execute", "-f", str(SCRIPTS / "dagster_shop.py"), "-j", "shop"]
        done = subprocess.run(
            [str(python), *words],
            env={**os.environ, **own},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        # One asset fails, so the job does.
        assert done.returncode == 1, done.stderr[-3000:]
        assert "nobody reads it" in done.stderr
        wait_until(lambda: any(one["run"]["state"] == "FAIL" for one in found.runs()), 60, "the failed asset")
        wait_until(lambda: len(found.columns()) == 2, 120, "the column edges")
        wait_until(lambda: len(found.records(VERDICTS.name, "verdict")) == 2, 30, "a verdict for each check")
        run_events, edges, columns = found.runs(), found.edges(), found.columns()
        verdicts = {(one["rule"], one["column"], one["outcome"]) for one in found.records(VERDICTS.name, "verdict")}
    jobs = {one["job"]["name"] for one in run_events}
    states = {job: reference.state([one for one in run_events if one["job"]["name"] == job]) for job in jobs}
    shown = {"edges": sorted(edges), "columns": sorted(map(str, columns)), "states": states}
    print(json.dumps({**shown, "verdicts": sorted(map(str, verdicts))}, indent=1))  # noqa: T201 — what the proof shows
    assert edges == {("orders", "revenue")}
    assert columns == {
        ("orders", "customer", "revenue", "who", ""),
        ("orders", "amount", "revenue", "total", ""),
    }
    assert states == {"orders": "COMPLETE", "revenue": "COMPLETE", "revenue__checks": "COMPLETE", "report": "FAIL"}
    assert len({one["run"]["run_id"] for one in run_events}) == 1
    assert verdicts == {("totals_are_positive", "total", "alarm"), ("there_are_many", None, "warn")}
