"""A producer's numbers as metrics of the libraries that a service has."""

from __future__ import annotations

import dataclasses
import gc
import os
import re
import subprocess
import sys

import pytest

from headwater.errors import SettingsError
from headwater.producer import Producer, Stats, _telemetry
from headwater.producer._core import Core, now_us
from headwater.producer._delivery import KafkaDelivery
from headwater.settings import Settings
from tests.snippets import ROOT

BASE = {"HEADWATER_BROKERS": "127.0.0.1:9", "HEADWATER_EXIT_SECONDS": "0"}
SENT = """
from headwater.producer import Producer
producer = Producer()
with producer.run(producer.job("a", "b")):
    pass
producer._core.delivery.drop("queue_full", 3)
"""
PROMETHEUS = """
import prometheus_client
print(prometheus_client.generate_latest().decode())
"""
#: The producer's own thread may have been first to see the library, and still be at it.
AWAITED = """
import time, prometheus_client
deadline = time.monotonic() + 30
while b"headwater" not in prometheus_client.generate_latest() and time.monotonic() < deadline:
    time.sleep(0.01)
"""
OPENTELEMETRY = """
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
"""
READ = """
for scope in reader.get_metrics_data().resource_metrics[0].scope_metrics:
    for metric in scope.metrics:
        for point in metric.data.data_points:
            told = metric.data.is_monotonic, dict(point.attributes), point.value
            print(scope.scope.name, metric.name, metric.unit, *told)
"""


def output(text: str, **environment: str) -> str:
    """What a process of its own prints: registries are global."""
    done = subprocess.run(
        [sys.executable, "-c", text],
        env={**os.environ, **BASE, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """No producer of another test is counted in."""
    monkeypatch.setattr(_telemetry, "watching", _telemetry.Watch())


@pytest.mark.integration
@pytest.mark.parametrize(
    "order", ["import prometheus_client" + SENT, SENT + "import prometheus_client\nproducer._core.alive()"]
)
def test_prometheus_has_the_numbers(order: str) -> None:
    """In the registry that the service has already, imported before or after the producer was made."""
    told = output(order + AWAITED + PROMETHEUS)
    emitted = 4.0 if "alive" in order else 3.0
    assert f"headwater_producer_events_emitted_total {emitted}\n" in told
    assert 'headwater_producer_events_dropped_total{reason="queue_full"} 3.0\n' in told
    assert "headwater_producer_events_delivered_total 0.0\n" in told
    assert re.search(r"^headwater_producer_queue_bytes \d+", told, re.MULTILINE)


SLOWLY = """
import importlib.machinery, sys, threading, time

class Slow(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name == "prometheus_client.metrics":
            looking.start()
            time.sleep(0.5)
        return None

looking = threading.Thread(target=lambda: producer._core.alive())
sys.meta_path.insert(0, Slow)
import prometheus_client
looking.join()
"""


@pytest.mark.integration
def test_prometheus_is_told_where_it_is_being_imported() -> None:
    """Another thread looks for it in the middle of the service's import: it waits for the end of that."""
    told = output(SENT + SLOWLY + AWAITED + PROMETHEUS)
    assert "headwater_producer_events_delivered_total 0.0\n" in told


@pytest.mark.integration
def test_opentelemetry_has_the_numbers() -> None:
    """Under the documented names, whichever provider the service sets, and whenever."""
    late = "from opentelemetry import metrics\n" + SENT + OPENTELEMETRY + READ
    for told in (output(OPENTELEMETRY + SENT + READ), output(late)):
        assert "headwater.producer headwater.producer.events.emitted {event} True {} 3\n" in told
        assert "headwater.producer.events.dropped {event} True {'reason': 'queue_full'} 3\n" in told
        assert "headwater.producer.queue By False {} " in told


@pytest.mark.integration
def test_nothing_is_imported_unless_asked_for() -> None:
    """Not by itself; by the setting; and off is off, also where the service has the library."""
    names = "import sys; print([m for m in ('prometheus_client', 'opentelemetry') if m in sys.modules])"
    assert output(SENT + names) == "[]\n"
    assert output(SENT + names, HEADWATER_PRODUCER_METRICS="prometheus") == "['prometheus_client']\n"
    off = output("import prometheus_client" + SENT + PROMETHEUS, HEADWATER_PRODUCER_METRICS="off")
    assert "headwater" not in off


def test_a_wrong_name_is_refused_at_start(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """And so is a library that is asked for and not there."""
    with pytest.raises(SettingsError, match="'statsd' is none of"):
        Producer(Settings(producer_metrics="statsd"))
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(SettingsError, match="prometheus is asked for"):
        Producer(Settings(producer_metrics="prometheus"))


def test_a_producer_that_is_gone_stays_counted(fresh: None) -> None:
    """Counters are of all producers of the process and never fall; levels are of those that are there."""
    settings = Settings(brokers="127.0.0.1:9", producer_metrics="off")
    first, second = (Core(settings, now_us) for _ in range(2))
    for core in (first, second):
        core.delivery = KafkaDelivery(settings, core.alive, core.chore)
        _telemetry.watch(core)
    first.delivery.drop("closed", 2)
    second.delivery.drop("closed", 1)
    second.last_number = 1
    assert _telemetry.watching.read()["headwater.producer.events.dropped"] == {"closed": 3}
    del first, core
    gc.collect()
    for _ in range(2):
        found = _telemetry.watching.read()
        assert found["headwater.producer.events.dropped"] == {"closed": 3}
        assert found["headwater.producer.events.emitted"] == {"": 1}
    second.last_number = 0
    assert _telemetry.watching.read()["headwater.producer.events.emitted"] == {"": 1}
    _telemetry.forked()
    assert _telemetry.watching.read()["headwater.producer.events.emitted"] == {"": 0}


def test_every_number_has_its_metric_and_its_row() -> None:
    """Each field of Stats that is a number, and each metric in the README's table, word for word."""
    text = (ROOT / "producers/README.md").read_text("utf-8")
    rows = set(re.findall(r"^\| `(headwater\.[\w.]+)` \| `(\w+)` \| (.*) \|$", text, re.MULTILINE))
    assert rows == {(metric.name, metric.prometheus, metric.doc) for metric in _telemetry.METRICS}
    numbers = [field.name for field in dataclasses.fields(Stats) if not field.name.endswith("_error")]
    read: set[str] = set()

    class Seen:
        def __getattr__(self, name: str) -> int:
            read.add(name)
            return 0

    for metric in _telemetry.METRICS:
        metric.read(Seen())  # type: ignore[arg-type]  # it only looks
    assert read == set(numbers)
