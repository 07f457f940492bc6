"""The commands, in the order in which `headwater --help` lists them.

Each is a module here with the command's name (_ for -, and _ behind a word of Python's own): HELP (a line),
`add_arguments(parser)` and `run(arguments, settings)`, which returns the exit code; and EXTRA where it needs more than
the bare install. A module is imported only when its command is given or the whole help is asked for, and imports what
it needs of other packages only when it runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from keyword import iskeyword
from typing import cast

from headwater.settings import Settings

NAMES = (
    # in this order: demo up status run trace audit verify export sql worker gateway alerts notify decide
    # explain rules backtest dead-letters topics migrate roles rebuild import settings completion version
    "demo",
    "up",
    "status",
    "run",
    "trace",
    "audit",
    "verify",
    "export",
    "sql",
    "worker",
    "gateway",
    "alerts",
    "notify",
    "decide",
    "explain",
    "rules",
    "backtest",
    "dead-letters",
    "topics",
    "migrate",
    "roles",
    "rebuild",
    "import",
    "settings",
    "completion",
    "version",
)
#: Those that ask the history. With --home they ask that of a folder, whether its stack is up or not.
READERS = frozenset({"trace", "audit", "verify", "export", "sql", "alerts", "explain", "rules", "backtest"})


@dataclass(frozen=True)
class Command:
    """One command, as its module gives it."""

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Settings], int]
    #: The extra that brings what it imports; empty where the bare install does.
    extra: str = ""


def command(name: str) -> Command:
    """The command of that name, which must be one of NAMES."""
    module_name = name.replace("-", "_") + "_" * iskeyword(name)
    module = import_module(f"{__name__}.{module_name}")
    return Command(
        name,
        cast("str", module.HELP),
        cast("Callable[[argparse.ArgumentParser], None]", module.add_arguments),
        cast("Callable[[argparse.Namespace, Settings], int]", module.run),
        cast("str", getattr(module, "EXTRA", "")),
    )
