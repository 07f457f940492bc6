"""`headwater notify`."""

from __future__ import annotations

import argparse
import logging
import os
import signal
from pathlib import Path

from headwater.settings import Settings

HELP = "tell alerts to webhooks, Slack, PagerDuty, Alertmanager, e-mail"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Runs until SIGTERM or Ctrl-C. FILE holds [[notify]] tables; each target has a group and a thread of its own, "
        "is tried again, and what is given up goes to a file of the folder --undelivered, with the reason."
    )
    parser.add_argument("file", metavar="FILE", help="whom to tell (TOML)")
    parser.add_argument("--check", action="store_true", help="only check the file and what it names")
    parser.add_argument("--undelivered", metavar="DIR", help="default: headwater/notify under XDG_STATE_HOME")
    parser.add_argument("--brokers", metavar="HOST:PORT", help="Kafka brokers")
    parser.add_argument("--prefix", help="put before every name")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from headwater.notify import Notifier, load

    targets = load(arguments.file)
    if arguments.check:
        print(f"{arguments.file}: {len(targets)} targets, nothing wrong")
        return 0
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    folder = Path(arguments.undelivered) if arguments.undelivered else state / "headwater" / "notify"
    notifier = Notifier(settings, targets, folder)

    def stop(_number: int, _frame: object) -> None:
        notifier.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    logging.getLogger("headwater.notify").info("telling %s", ", ".join(target.name for target in targets))
    notifier.run()
    return 0
