"""`headwater demo`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from headwater.settings import Settings

if TYPE_CHECKING:
    from headwater.demo.options import Options

HELP = "run a real ML pipeline on its own stack and ask its lineage"
EXTRA = "demo"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Flights of 2013 from New York: ingested, cleaned, scored day by day by a model whose distances arrive in "
        "kilometres for a month. Prints what stands behind a prediction, what went wrong, and audit questions. "
        "The history stays in its own folder; a second run replaces it."
    )
    parser.add_argument("--prediction", metavar="KEY", help="explain this one, e.g. 2013-07-04/UA/1545/EWR")
    parser.add_argument("--ask", action="store_true", help="run nothing: ask the demo that is there already")
    parser.add_argument("--months", default="1-12", metavar="A-B", help="months of 2013 (default 1-12)")
    parser.add_argument("--bad-month", metavar="N", help="the month that arrives in kilometres, or none (default 7)")
    parser.add_argument("--sources", default="flights,weather,planes", help="flights, and of weather and planes which")
    parser.add_argument(
        "--rename", action="append", default=[], metavar="OLD=NEW", help="another name for a column of the flights feed"
    )
    parser.add_argument("--every", type=int, default=1, metavar="N", help="keep every Nth flight only")
    parser.add_argument("--home", metavar="FOLDER", help="where its history is kept (default: beside that of `up`)")
    parser.add_argument("--json", action="store_true", help="print the answers as one JSON document")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from headwater.demo.progress import Progress
    from headwater.demo.run import ask
    from headwater.demo.run import run as run_demo
    from headwater.demo.show import next_commands, show

    started = time.monotonic()
    home = _home(arguments, settings)
    if arguments.ask:
        document = ask(home, arguments.prediction)
    else:
        document = run_demo(_options(arguments), home, Progress(), arguments.prediction)
    seconds = time.monotonic() - started
    if arguments.json:
        typed = [{"command": command, "what": what} for command, what in next_commands(document, home)]
        print(
            json.dumps({**document.as_dict(), "next": typed, "home": str(home), "seconds": round(seconds, 1)}, indent=2)
        )
    else:
        print(show(document, home))
        print(f"{seconds:.0f} s in all.", file=sys.stderr)
    return 0


def _home(arguments: argparse.Namespace, settings: Settings) -> Path:
    from headwater.embedded.home import home_path

    if arguments.home:
        return Path(arguments.home).expanduser().absolute()
    beside = home_path(settings)
    return beside.with_name(beside.name + "-demo")


def _options(arguments: argparse.Namespace) -> Options:
    from headwater.demo.options import Options
    from headwater.errors import SettingsError

    first, _, last = arguments.months.partition("-")
    renamed = dict(pair.partition("=")[::2] for pair in arguments.rename)
    if not all(renamed.values()):
        raise SettingsError("--rename: write OLD=NEW")
    try:
        months = int(first), int(last)
        bad = _bad_month(arguments.bad_month, *months)
    except ValueError:
        raise SettingsError("--months is two numbers such as 1-12, --bad-month one of them or none") from None
    return Options(
        first_month=months[0],
        last_month=months[1],
        bad_month=bad,
        sources=tuple(arguments.sources.split(",")),
        rename=renamed,
        every=arguments.every,
    )


def _bad_month(given: str | None, first: int, last: int) -> int | None:
    """July, or the last month of a shorter year without one."""
    if given is None:
        return 7 if first < 7 <= last else last
    return None if given == "none" else int(given)
