"""Which file runs when, where pytest-xdist runs several side by side (`--dist loadfile`).

Files that use brokers, stores or processes mostly wait; the others compute. xdist would begin with the files of most
tests, which compute, all on the same two cores, and end with those of one or two long tests, which wait, one beside
the other. So one of the processes computes while the others wait, each begins with its longest file, and whoever has
nothing left helps with what the others have.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

#: What a file holds whose tests wait.
WAITS = "mark.integration"
#: Seconds of the files that take longest, some side by side on two cores. Only their order counts: a file that is not
#: here comes after them, in the session's random order.
LONGEST: Mapping[str, int] = {
    "tests/consumers/crashes/test_faults.py": 170,
    "tests/consumers/history/test_clocks.py": 160,
    "tests/consumers/crashes/test_kills.py": 140,
    "tests/infra/demo/test_demo.py": 130,
    "tests/consumers/crashes/test_matrix.py": 120,
    "tests/infra/gateway/test_faults.py": 110,
    "tests/consumers/history/test_export.py": 100,
    "tests/consumers/history/test_migrations.py": 100,
    "tests/consumers/history/test_rebuild.py": 95,
    "tests/consumers/crashes/test_around.py": 90,
    "tests/consumers/history/test_rebuild_live.py": 85,
    "tests/consumers/streams/test_worker.py": 80,
    "tests/consumers/history/test_worker.py": 75,
    "tests/consumers/history/test_ties.py": 75,
    "tests/consumers/history/test_kinds.py": 75,
    "tests/consumers/deadletters/test_replay.py": 70,
    "tests/consumers/openlineage/test_worker.py": 70,
    "tests/consumers/history/test_ground_truth.py": 70,
    "tests/infra/test_kills.py": 65,
    "tests/consumers/history/test_recheck.py": 65,
    "tests/infra/test_plain_consumer.py": 60,
    "tests/consumers/history/test_questions.py": 60,
    "tests/infra/embedded/test_remembering.py": 60,
    "tests/consumers/stitching/test_restart.py": 55,
    "tests/consumers/detection/test_worker.py": 55,
    "tests/infra/gateway/test_backpressure.py": 55,
    "tests/infra/gateway/test_airflow.py": 50,
    "tests/consumers/history/test_walks.py": 45,
    "tests/consumers/history/test_narrow.py": 45,
    "tests/infra/embedded/test_stack.py": 40,
    "tests/consumers/history/test_ledger.py": 35,
    "tests/consumers/detection/test_predictions.py": 35,
    "tests/infra/roles/test_roles.py": 35,
    "tests/infra/gateway/test_clients.py": 30,
    "tests/consumers/stitching/test_rules.py": 25,
    "tests/consumers/stitching/test_long_runs.py": 25,
    "tests/producers/test_replay.py": 25,
    "tests/producers/test_secrets_everywhere.py": 25,
    "tests/consumers/detection/test_bad_input.py": 15,
    "tests/consumers/detection/test_real_year.py": 15,
}

_Untyped: Any = LoadFileScheduling


@cache
def waits(path: Path) -> bool:
    """Whether tests of this file wait for other processes."""
    return WAITS in path.read_text("utf-8")


class Scheduling(_Untyped):  # type: ignore[misc]  # xdist ships no types
    """A queue of files, of which the first process takes those that compute first, the others those that wait."""

    def _assign_work_unit(self, node: Any) -> None:
        computes = len(self.nodes) > 1 and node is self.nodes[0]
        root = Path(self.config.rootpath)

        def rank(file: str) -> tuple[bool, int]:
            return waits(root / file) == computes, -LONGEST.get(file, 0)

        # Of equal rank the first stands: in the order of the session.
        self.workqueue.move_to_end(min(self.workqueue, key=rank), last=False)
        _Untyped._assign_work_unit(self, node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """This one for `--dist loadfile`, xdist's own for all else."""
    return Scheduling(config, log) if config.getoption("dist") == "loadfile" else None
