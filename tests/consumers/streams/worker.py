"""Workers as processes: `python -m tests.consumers.streams.worker STEP BROKERS PREFIX`."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from headwater.errors import HeadwaterError
from headwater.settings import Settings
from headwater.stitching import StitchingStep
from headwater.streams import Batch, Output, Step, run


class Failing(StitchingStep):
    """A step with a fault."""

    name = "failing"

    def process(self, batch: Batch) -> Sequence[Output]:
        raise ZeroDivisionError(f"a fault at {len(batch.offsets)} messages")


STEPS: dict[str, type[StitchingStep]] = {"stitching": StitchingStep, "failing": Failing}


def start(step: str, bootstrap: str, prefix: str, log: Path) -> subprocess.Popen[bytes]:
    """A worker process that writes to a log of its own."""
    command = [sys.executable, "-m", "tests.consumers.streams.worker", step, bootstrap, prefix]
    with log.open("ab") as stream:
        return subprocess.Popen(command, stdout=stream, stderr=stream)


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    name, brokers, prefix = sys.argv[1:4]
    settings = Settings(brokers=brokers, prefix=prefix)
    step: Step = STEPS[name](settings)
    try:
        return run([step], settings)
    except HeadwaterError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
