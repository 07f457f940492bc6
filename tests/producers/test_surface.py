"""What the package shows, and what importing it costs a host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

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
import json
before = set(sys.modules)
import headwater.producer
from headwater.producer import InMemoryProducer
producer = InMemoryProducer()
from headwater.producer import trace
with trace.within(trace.from_headers(trace.http_headers())):
    with producer.run(producer.job("a", "b"), inputs=[producer.dataset("a", "c")]):
        assert trace.from_headers(trace.kafka_headers()).trace == trace.from_headers(trace.http_headers()).trace
assert len(producer.events) == 2
try:
    producer.profile(producer.dataset("a", "c"), {{"a": [1]}})
except headwater.producer.MissingExtra as error:
    assert "profiles" in str(error)
else:
    raise AssertionError("numpy is not there, and nobody says so")
print(json.dumps(sorted({{name.partition(".")[0] for name in set(sys.modules) - before}})))
"""


def loaded() -> set[str]:
    text = LOADED.format(allowed={"headwater", "confluent_kafka", "fastavro"})
    done = subprocess.run(
        [sys.executable, "-c", text],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


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
        "ToldRun",
        "carry",
        "current_run",
    ]
    assert all(hasattr(headwater.producer, name) for name in headwater.producer.__all__)


@pytest.mark.integration
def test_the_bare_install_is_enough() -> None:
    """Where nothing else can be imported it works; a profile says which extra brings numpy."""
    modules = loaded()
    ours = {name for name in modules if name not in sys.stdlib_module_names and not name.startswith("_")}
    assert ours <= {"headwater", "confluent_kafka", "fastavro", "cython_runtime"}


def test_importing_it_loads_nothing_that_only_a_sender_needs() -> None:
    """What a process that tells nothing, or is told not to, would wait for."""
    code = (
        "import sys, headwater.producer\n"
        "if sys.argv[1:]: headwater.producer.Producer()\n"
        "print(sorted({'asyncio', 'confluent_kafka', 'fastavro', 'numpy'} & set(sys.modules)))"
    )
    for arguments in ([], ["disabled"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env={**os.environ, "HEADWATER_DISABLED": "1"},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert done.stdout.strip() == "[]"


WITHOUT = """
import importlib.abc, os, sys
for name in ("fork", "register_at_fork", "getuid", "tcgetpgrp", "ctermid", "getpgrp"):
    if hasattr(os, name):
        delattr(os, name)
import signal
for name in ("SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"):
    delattr(signal, name)
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in {"resource", "pwd", "grp", "termios", "pty"}:
            raise ImportError(f"this system has no {name}", name=name)
sys.meta_path.insert(0, Missing())
for name in ("resource", "pwd", "grp"):
    sys.modules.pop(name, None)
"""
ELSEWHERE = """
from headwater.producer import Producer
producer = Producer(record_host=True, record_user=True, exit_seconds=0.2)
with producer.run(producer.job("a", "b"), inputs=[producer.dataset("a", "c")]):
    pass
assert producer.stats().emitted == 3 and not producer.stats().drops, producer.stats()
producer.close()
from headwater.cli.main import main
code = main(["run", "--job", "j", "--", sys.executable, "-c", "import sys; print('ran'); sys.exit(3)"])
assert code == 3, code
"""


@pytest.mark.integration
def test_nothing_is_needed_that_only_some_systems_have(tmp_path: Path) -> None:
    """Without fork, process groups, signals and modules that Windows or macOS lack, producer and wrapper work."""
    settings = {"HEADWATER_BROKERS": "127.0.0.1:9", "HEADWATER_EXIT_SECONDS": "0.2"}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT + ELSEWHERE],
        env={**os.environ, **settings},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "ran\n"), done.stderr
