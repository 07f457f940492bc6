"""The one distribution: what is in it, and what a bare install of it can do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.backends.cache import once
from tests.snippets import ROOT
from tests.test_repository import SOURCE_ROOTS, committed

pytestmark = pytest.mark.integration

_CONSTRAINTS = ROOT / "infra" / "constraints.txt"


def _pip(python: Path, *arguments: str) -> None:
    """Our pip, for another environment; it downloads as the machine's owner has set it up."""
    command = [sys.executable, "-m", "pip", "--python", str(python), "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _environment(folder: Path) -> Path:
    """A fresh environment without pip; its python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=60)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist, built as a release would be."""

    def fill(folder: Path) -> None:
        _pip(_environment(folder / "venv"), "install", "hatchling>=1.27")

    # The backend's files are used from where they lie; an environment itself must not be moved.
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    (site,) = once(f"hatchling-python{version}", fill).glob("venv/lib/python*/site-packages")
    out = tmp_path_factory.mktemp("dist")
    environment = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(out)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.fixture(scope="module")
def bare(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment that holds the wheel and what it requires, nothing more."""
    python = _environment(tmp_path_factory.mktemp("bare"))
    (wheel,) = built.glob("*.whl")
    _pip(python, "install", "-c", str(_CONSTRAINTS), str(wheel))
    return python.parent


def _run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "HEADWATER_"))}
    environment["XDG_STATE_HOME"] = str(folder)  # where a producer without a broker leaves its events
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _modules(bare: Path, folder: Path, statement: str) -> set[str]:
    """The modules that are loaded after the statement ran in a fresh interpreter."""
    done = _run(
        bare / "python", "-c", f"{statement}\nimport json, sys; print(json.dumps(list(sys.modules)))", folder=folder
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def _foreign(modules: set[str]) -> set[str]:
    top = {name.partition(".")[0] for name in modules}
    # Compiled Cython modules register these for themselves; they are no distribution.
    runtime = {name for name in top if name.startswith(("_cython_", "cython_runtime"))}
    return top - runtime - sys.stdlib_module_names - {"headwater", "__main__"}


def test_wheel_and_sdist_hold_every_file(built: Path) -> None:
    """Every module, schema and migration is in the wheel, and all of the repository in the sdist."""
    (wheel,), (sdist,) = built.glob("*.whl"), built.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = {name for name in archive.namelist() if ".dist-info/" not in name}
    wanted = {
        str(Path(*path.parts[1:]))
        for path in committed()
        if path.parts[0] in SOURCE_ROOTS and path.parts[1] == "headwater"
    }
    assert in_wheel == wanted
    for suffix in (".avsc", ".sql"):
        assert any(name.endswith(suffix) for name in in_wheel)
    with tarfile.open(sdist) as archive:
        in_sdist = {str(Path(*Path(name).parts[1:])) for name in archive.getnames()}
    assert {str(path) for path in committed()} - in_sdist == set()


def test_the_bare_install_brings_two_libraries(bare: Path, tmp_path: Path) -> None:
    """Besides Headwater: confluent-kafka, fastavro, and what they themselves require."""
    code = "from importlib.metadata import distributions as d; print(*sorted(x.metadata['Name'].lower() for x in d()))"
    names = set(_run(bare / "python", "-c", code, folder=tmp_path).stdout.split())
    assert {"headwater", "confluent-kafka", "fastavro"} <= names
    assert names <= {"headwater", "confluent-kafka", "fastavro", "typing-extensions", "typing_extensions"}


@pytest.mark.parametrize("name", ["headwater.producer", "headwater.alerts"])
def test_bare_imports_load_little(bare: Path, tmp_path: Path, name: str) -> None:
    """What lives in other people's services loads those two libraries and no worker of ours."""
    modules = _modules(bare, tmp_path, f"import {name}")
    assert _foreign(modules) <= {"confluent_kafka", "fastavro", "typing_extensions"}
    heavy = ("streams", "stitching", "detection", "archive", "audit", "embedded", "demo", "cli")
    assert [m for m in modules if m.startswith(tuple(f"headwater.{part}" for part in heavy))] == []


def test_a_bare_producer_loads_nothing_more_when_it_works(bare: Path, tmp_path: Path) -> None:
    """Told a run, a prediction and a trace, and closed without a broker: still these two libraries, and no numpy."""
    work = """
from headwater.producer import Producer, trace
producer = Producer(brokers="127.0.0.1:9", exit_seconds=0.2, spool_bytes=0)
with trace.within(trace.from_headers(trace.http_headers())), producer.run(producer.job("a", "b")):
    producer.predictions(deployment=producer.deployment("a", "d"), model=producer.model("a", "m")).emit("k")
producer.close()
"""
    modules = _modules(bare, tmp_path, work)
    assert _foreign(modules) <= {"confluent_kafka", "fastavro", "typing_extensions"}


def test_the_wrapper_works_bare(bare: Path, tmp_path: Path) -> None:
    """`headwater run` needs nothing more: the command's output and exit code come through."""
    command = (bare / "python", "-c", "import os, sys; print('HEADWATER_RUN_ID' in os.environ); sys.exit(5)")
    options = ("--job", "j", "--brokers", "127.0.0.1:9")
    done = _run(bare / "headwater", "run", *options, "--", *command, folder=tmp_path)
    assert (done.returncode, done.stdout) == (5, "True\n"), done.stderr


def test_the_command_line_answers_bare(bare: Path, tmp_path: Path) -> None:
    """`headwater --help` lists the commands with a line each, and loads none of the libraries for it."""
    done = _run(bare / "headwater", "--help", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    for command in ("up", "demo", "worker"):
        assert command in done.stdout
    modules = _modules(bare, tmp_path, "import headwater.cli.main")
    assert _foreign(modules) == set()


@pytest.mark.parametrize("command", [["up"], ["demo"], ["worker", "stitching"]])
def test_a_missing_extra_says_how_to_install_it(bare: Path, tmp_path: Path, command: list[str]) -> None:
    """A command whose extra is missing ends with 3 and one line that holds the command to install it."""
    done = _run(bare / "headwater", *command, folder=tmp_path)
    assert done.returncode == 3, done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    assert "pip install" in line
    assert "Traceback" not in done.stderr
