"""Virtual environments of the libraries that benchmarks stand beside: made once, kept in the tests' cache folder.

A peer brings dependencies that Headwater must not meet, so each has an environment of its own and its code runs in
a process of its own: a script under `tests/benchmarks/peer_scripts`, which prints one line of JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.backends.cache import cache_folder, once

SCRIPTS = Path(__file__).parent / "peer_scripts"

_INSTALL_SECONDS = 1200
_RUN_SECONDS = 1800


class NoPeer(RuntimeError):
    """A peer cannot be installed or does not run here; one line that says why. Its rows are left out, and say so."""


def peer_python(name: str, *requirements: str) -> Path:
    """The Python of an environment that holds `requirements`, best pinned with ==. Raises NoPeer.

    The environment's name tells its requirements and this Python's version apart; others are made beside it.
    """

    def fill(parts: Path) -> None:
        run_command([sys.executable, "-m", "venv", str(parts)], _INSTALL_SECONDS)
        run_command([str(_python(parts)), "-m", "pip", "install", "-q", *requirements], _INSTALL_SECONDS)

    return _python(once(_folder(name, requirements), fill))


def made_already(name: str, *requirements: str) -> bool:
    """Whether `peer_python` has made that environment, so that asking for it takes no time."""
    return (cache_folder() / _folder(name, requirements)).is_dir()


def _folder(name: str, requirements: Sequence[str]) -> str:
    asked = "\n".join((sys.version, *sorted(requirements)))
    return f"peer-{name}-{hashlib.sha256(asked.encode()).hexdigest()[:12]}"


def run_here(module: str, *arguments: str) -> Any:
    """What a module of the benchmarks prints last in a process of its own, read as JSON. It must not fail."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        timeout=_RUN_SECONDS,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return json.loads(done.stdout.strip().splitlines()[-1])


def run_peer(
    python: Path,
    script: str,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    seconds: float = _RUN_SECONDS,
) -> Any:
    """What `peer_scripts/<script>` prints last, read as JSON, within so many seconds. Raises NoPeer."""
    command = [str(python), str(SCRIPTS / script), *arguments]
    said = run_command(command, seconds, {**os.environ, **(environment or {})}).strip().splitlines()
    if not said:
        raise NoPeer(f"{script} printed nothing")
    return json.loads(said[-1])


def _python(environment: Path) -> Path:
    # Never resolved: the link itself is what makes Python find the environment around it.
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def run_command(command: list[str], seconds: float, environment: Mapping[str, str] | None = None) -> str:
    """What a command prints. Raises NoPeer with the last line that it said where it fails."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            stdin=subprocess.DEVNULL,
            env=None if environment is None else dict(environment),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoPeer(f"{Path(command[0]).name}: {error}") from error
    if done.returncode:
        said = done.stderr.strip().splitlines() or done.stdout.strip().splitlines()
        raise NoPeer(f"{' '.join(command[1:4])} ended with {done.returncode}: {said[-1] if said else 'nothing said'}")
    return done.stdout
