"""What is compiled before the first event is read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.settings import Settings
from headwater.stitching import StitchingStep
from headwater.stitching.warming import RUNS_MADE, warm

_FIRST_EVENTS = """
import sys
from headwater.settings import Settings
from headwater.stitching import StitchingStep
from tests.benchmarks import workload
from headwater.stitching import warming
StitchingStep(Settings()).warm()
from pathlib import Path
before = len(list(Path(sys.argv[1]).rglob("*.nbc")))
step = StitchingStep(Settings(stitching_folder=sys.argv[1]))
made = warming._stitched(step, workload.messages(30), 0)
print(before, len(list(Path(sys.argv[1]).rglob("*.nbc"))), made)
"""


def test_the_runs_that_nobody_made_go_through_all_of_it() -> None:
    """Each short one gives its edge set; the step that they were made for has seen none of them."""
    assert warm(StitchingStep, Settings()) == RUNS_MADE


@pytest.mark.prove
def test_the_first_events_compile_nothing(tmp_path: Path) -> None:
    """With an empty cache: what the preparation leaves in it is all that a busy partition's events need."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", _FIRST_EVENTS, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    before, after, made = map(int, done.stdout.split())
    assert before == after > 0
    assert made == 30
