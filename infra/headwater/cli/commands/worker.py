"""`headwater worker`."""

from __future__ import annotations

import argparse
import logging
import signal
import time
from collections import Counter
from collections.abc import Mapping

from headwater.cli.workers import WORKERS, classes, steps
from headwater.errors import Unavailable
from headwater.settings import Settings

HELP = "run one processor: stitching, detection, archive or openlineage"
EXTRA = "consumers"

RETRY_SECONDS = 1.0
_log = logging.getLogger("headwater.worker")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Runs until SIGTERM or Ctrl-C, then finishes what is under way, commits and leaves its group. "
        + " ".join(f"{name} {worker.help}." for name, worker in WORKERS.items())
        + " Several of one name share the partitions."
    )
    parser.add_argument("name", choices=sorted(WORKERS), help="the processor")
    parser.add_argument("--brokers", metavar="HOST:PORT", help="Kafka brokers")
    parser.add_argument("--prefix", help="put before every topic, group and database name")
    parser.add_argument("--store-url", "--store", metavar="URL", help="ClickHouse over HTTP, for archive and detection")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    signal.signal(signal.SIGTERM, _stop)  # until the processor's own loop takes it
    classes(arguments.name)  # a missing extra is told before any waiting
    if arguments.name == "detection":
        from headwater.detection.rules import load as load_rules

        load_rules(settings.rules)  # and so is a mistake in the rules file
    generation, append_time = _broker(settings)
    from headwater.streams import run as run_steps

    return run_steps(
        steps(arguments.name, settings, append_time=append_time),
        settings,
        writes=WORKERS[arguments.name].writes,
        generation=generation,
        layout=lambda: _differences(settings),
    )


def _differences(settings: Settings) -> Mapping[str, int]:
    """By topic (without prefix), how many of its settings hurt and are not as declared. Raises Unavailable."""
    from headwater.topics.layout import check

    return Counter(found.topic.removeprefix(settings.prefix) for found in check(settings) if found.fatal)


def _broker(settings: Settings) -> tuple[str | None, frozenset[str]]:
    """The broker's generation, and the topics (without prefix) that it stamps; waits until it answers.

    What differs from the declared layout is told; `headwater topics check` says what to do.
    """
    from headwater.embedded.broker import generation_of
    from headwater.topics.facts import append_time_topics, cluster_id
    from headwater.topics.layout import check

    said = ""
    while True:
        try:
            for found in check(settings):
                if found.fatal and found.setting != "exists":
                    _log.warning("%s (`headwater topics check`)", found)
            return generation_of(cluster_id(settings)), append_time_topics(settings)
        except Unavailable as error:
            if str(error) != said:
                said = str(error)
                _log.warning("%s; trying again every %g s", said, RETRY_SECONDS)
            time.sleep(RETRY_SECONDS)


def _stop(_number: int, _frame: object) -> None:
    raise SystemExit(0)
