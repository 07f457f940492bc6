"""What the package shows, and what importing it costs a host."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import headwater.producer

# Nothing is found but the standard library and what the bare install brings.
LOADED = """
import sys
class Bare:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in {allowed!r} or top in sys.stdlib_module_names or top.startswith("_"):
            return None
        raise ImportError(f"a bare environment has no {{name}}")
sys.meta_path.insert(0, Bare())
import json, time
before = set(sys.modules)
start = time.perf_counter()
import headwater.producer
seconds = time.perf_counter() - start
from headwater.producer import InMemoryProducer
producer = InMemoryProducer()
with producer.run(producer.job("a", "b"), inputs=[producer.dataset("a", "c")]):
    pass
assert len(producer.events) == 2
try:
    producer.profile(producer.dataset("a", "c"), {{"a": [1]}})
except headwater.producer.MissingExtra as error:
    assert "profiles" in str(error)
else:
    raise AssertionError("numpy is not there, and nobody says so")
print(json.dumps([seconds, sorted({{name.partition(".")[0] for name in set(sys.modules) - before}})]))
"""


def loaded() -> tuple[float, set[str]]:
    text = LOADED.format(allowed={"headwater", "confluent_kafka", "fastavro"})
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    seconds, modules = json.loads(done.stdout)
    return seconds, set(modules)


def test_the_surface_is_what_it_says() -> None:
    """Small and sorted; a name more or less is a decision."""
    assert headwater.producer.__all__ == [
        "DROPS",
        "Column",
        "Dataset",
        "InMemoryProducer",
        "Job",
        "MissingExtra",
        "Predictor",
        "Producer",
        "Profiler",
        "Run",
        "RunReference",
        "SettingsError",
        "Stats",
        "Taken",
        "carry",
        "current_run",
    ]
    assert all(hasattr(headwater.producer, name) for name in headwater.producer.__all__)


@pytest.mark.integration
def test_the_bare_install_is_enough() -> None:
    """Where nothing else can be imported it works; a profile says which extra brings numpy."""
    _, modules = loaded()
    ours = {name for name in modules if name not in sys.stdlib_module_names and not name.startswith("_")}
    assert ours <= {"headwater", "confluent_kafka", "fastavro", "cython_runtime"}


@pytest.mark.integration
def test_importing_it_takes_well_under_150_ms() -> None:
    """The best of several, for a busy machine slows each of them."""
    assert min(loaded()[0] for _ in range(5)) < 0.15
