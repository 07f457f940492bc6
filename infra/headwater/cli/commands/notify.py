"""`headwater notify`."""

from __future__ import annotations

import argparse
import logging
import os
import signal
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from headwater.settings import Settings

if TYPE_CHECKING:
    from headwater.notify import Target

HELP = "tell alerts to webhooks, Slack, PagerDuty, Alertmanager, e-mail"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Runs until SIGTERM or Ctrl-C. FILE holds [[notify]] tables; each target has a group and a thread of its own, "
        "is tried again, and what is given up goes to a file of the folder --undelivered, with the reason. --resend "
        "delivers those, also while a notifier runs; it ends with 1 where some are left."
    )
    parser.add_argument("file", metavar="FILE", help="whom to tell (TOML)")
    parser.add_argument("--check", action="store_true", help="only check the file and what it names")
    parser.add_argument("--list", action="store_true", help="only list what was not delivered, with the reason")
    parser.add_argument("--resend", action="store_true", help="only deliver what was not delivered, trying each once")
    parser.add_argument("--undelivered", metavar="DIR", help="default: headwater/notify under XDG_STATE_HOME")
    parser.add_argument("--brokers", metavar="HOST:PORT", help="Kafka brokers")
    parser.add_argument("--prefix", help="put before every name")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from headwater.notify import Notifier, load

    targets = load(arguments.file)
    if arguments.check:
        print(f"{arguments.file}: {len(targets)} targets, nothing wrong")
        return 0
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    folder = Path(arguments.undelivered) if arguments.undelivered else state / "headwater" / "notify"
    if arguments.list or arguments.resend:
        return _resend(targets, folder) if arguments.resend else _list(targets, folder)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    notifier = Notifier(settings, targets, folder)

    def stop(_number: int, _frame: object) -> None:
        notifier.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    logging.getLogger("headwater.notify").info("telling %s", ", ".join(target.name for target in targets))
    notifier.run()
    return 0


def _list(targets: Sequence[Target], folder: Path) -> int:
    from headwater.cli.letters import printable
    from headwater.notify.resending import Undelivered

    for target in targets:
        for record in Undelivered(folder / f"{target.name}.ndjson"):
            alert, at = record["alert"], datetime.fromtimestamp(record["at"], UTC)
            told = f"{target.name}  {alert['state']}  {alert['title']}  ({record['why']}, {at:%Y-%m-%d %H:%M} UTC)"
            print(printable(told))
    return 0


def _resend(targets: Sequence[Target], folder: Path) -> int:
    from headwater.notify import resend

    found = resend(targets, folder)
    for one in found:
        print(f"{one.target}: {one.delivered} delivered" + (f", {one.left} left: {one.why}" if one.left else ""))
    if not found:
        print("nothing is undelivered")
    return 1 if any(one.left for one in found) else 0
