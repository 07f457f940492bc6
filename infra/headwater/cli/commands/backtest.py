"""`headwater backtest`."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta

from headwater.cli.commands.rules import add_range
from headwater.cli.moments import moment
from headwater.errors import SettingsError
from headwater.settings import Settings

HELP = "replay the history through the detector: what would it have told?"
EXTRA = "consumers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Every archived run event, edge set, profile and decision goes through the checks and incidents again, in the "
        "order of event time, with the rules given. Nothing is sent. 90 days before --from warm the baselines up."
    )
    parser.add_argument("--rules", metavar="FILE", help="rules file; default: the setting rules")
    add_range(parser)


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    return replayed(arguments, settings, arguments.rules or settings.rules, policies_only=False)


def replayed(arguments: argparse.Namespace, settings: Settings, path: str, *, policies_only: bool) -> int:
    """Replay and print; 1 where only policies are asked for and one was broken."""
    from headwater.audit import connect
    from headwater.detection.backtest import as_json, backtest, told
    from headwater.detection.rules import load

    until = moment(arguments.until) if arguments.until else datetime.now(UTC)
    since = moment(arguments.since) if arguments.since else until - timedelta(days=30)
    if since >= until:
        raise SettingsError(f"--from {since:%Y-%m-%d} is not before --to {until:%Y-%m-%d}")
    rules = load(path)  # a mistake is told whether the store answers or not
    raised = backtest(connect(settings), since, until, rules)
    if policies_only:
        raised.incidents = {key: one for key, one in raised.incidents.items() if one["check"] == "policy"}
        raised.pages = len(raised.incidents)
    print(as_json(raised) if arguments.json else "\n".join(told(raised)))
    return 1 if policies_only and raised.incidents else 0
