"""`headwater rules`."""

from __future__ import annotations

import argparse
from pathlib import Path

from headwater.settings import Settings

HELP = "check a rules file, or run it against the history"
EXTRA = "consumers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "`rules check FILE` tells each mistake with its line and what was perhaps meant. `rules test FILE` replays the "
        "history and tells which policies were broken, before they go live. Without FILE: the setting rules."
    )
    parser.add_argument("action", choices=("check", "test"), help="what to do with the file")
    parser.add_argument("file", nargs="?", metavar="FILE", help="rules file (TOML)")
    add_range(parser)


def add_range(parser: argparse.ArgumentParser) -> None:
    """What commands that replay the history have in common."""
    parser.add_argument("--from", dest="since", metavar="TIME", help="from when, UTC; default 30 days before --to")
    parser.add_argument("--to", dest="until", metavar="TIME", help="until when, UTC; default now")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--store-url", metavar="URL", help="ClickHouse over HTTP")
    parser.add_argument("--prefix", help="put before every name")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from headwater.errors import SettingsError

    path = arguments.file or settings.rules
    if not path:
        raise SettingsError("rules: which file? Give it, or the setting rules")
    if arguments.action == "test":
        from headwater.cli.commands.backtest import replayed

        return replayed(arguments, settings, path, policies_only=True)
    from headwater.detection.rules import check

    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"rules file {path} cannot be read: {error}") from None
    rules, problems = check(text)
    for problem in problems:
        print(f"{path}:{problem.line}: {problem.text}")
    if problems:
        return 1
    print(f"{path}: {len(rules.datasets)} settings of datasets, {len(rules.policies)} policies, nothing wrong")
    return 0
