"""Compiled code is kept between starts, wherever the package lies."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numba
import pytest

import headwater.schemas
from headwater.schemas.codec import compiled

PROGRAM = """
import numba
from headwater.schemas.codec import Bodies, compile_schema, kernel
from headwater.schemas.records import current
assert compile_schema(current("alert")).decode(Bodies.join([b""])).error.tolist() == [1]
print(kernel.__file__, sum(kernel.run.stats.cache_hits.values()), sum(kernel.run.stats.cache_misses.values()))
"""


def _start(folder: Path) -> tuple[str, int, int]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")},
        "PYTHONPATH": str(folder), "HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache"),
    }  # fmt: skip
    command = [sys.executable, "-W", "error", "-c", PROGRAM]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    file, hits, misses = done.stdout.split()
    return file, int(hits), int(misses)


def test_a_package_that_cannot_be_written(tmp_path: Path) -> None:
    """Installed where the user cannot write: compiled once, kept in the user's cache folder, loaded from there."""
    source = Path(headwater.schemas.__file__).parent
    package = tmp_path / "headwater" / "schemas"
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(source.parent / "errors.py", package.parent)
    shutil.copy(source.parent / "settings.py", package.parent)
    # A file where the folder would be: what nobody can write into, not even root.
    (package / "codec" / "__pycache__").write_text("")
    file, hits, misses = _start(tmp_path)
    assert Path(file).is_relative_to(tmp_path)
    assert (hits, misses) == (0, 1)
    assert list((tmp_path / "cache").rglob("*.nbi"))
    assert _start(tmp_path) == (file, 1, 0)


def test_no_folder_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no cache can be written the code is compiled without one, and a warning says what that costs."""
    real = numba.njit

    def njit(**options: Any) -> Any:
        if options.pop("cache", False):
            raise RuntimeError("cannot cache function: no locator available")
        return real(**options)

    monkeypatch.setattr(compiled, "numba", SimpleNamespace(njit=njit))
    with pytest.warns(UserWarning, match="each start compiles it again"):
        double = compiled.compiled(_double)
    assert double(21) == 42


def _double(number: int) -> int:
    return number * 2
