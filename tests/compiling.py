"""Compile once what tests and workers run compiled: `python -m tests.compiling`, in a clone that is new.

Sessions side by side, and the workers that they start, would each do it for themselves otherwise. It takes some
seconds where nothing is compiled yet, and one where all is.
"""

from __future__ import annotations

from headwater.settings import Settings
from headwater.stitching import StitchingStep
from headwater.stitching.warming import RUNS_MADE, warm


def main() -> None:
    """Whatever a stitching worker compiles at its start."""
    assert warm(StitchingStep, Settings()) == RUNS_MADE


if __name__ == "__main__":
    main()
