"""`headwater`: finds the command, reads the settings, runs it, and turns an error into one line.

Exit codes: 0 done; 1 a question answered with no; 2 the call or a setting is wrong; those of
`headwater.errors`; 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from headwater.cli.commands import NAMES, READERS, Command, command
from headwater.errors import HeadwaterError, MissingExtra
from headwater.settings import load

INTERRUPTED = 130


def main(words: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    words = sys.argv[1:] if words is None else words
    try:
        code = _run(words)
        sys.stdout.flush()
    except HeadwaterError as error:
        print(f"headwater: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has had enough; Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _run(words: Sequence[str]) -> int:
    given = _command_name(words)
    commands = [command(name) for name in ((given,) if given else NAMES)]
    arguments = _parsed(parser(commands), words)
    if not given:
        parser(commands).print_help()
        return 2
    file = Path(arguments.settings_file) if arguments.settings_file else None
    overrides = {name: getattr(arguments, name, None) for name in ("brokers", "prefix", "store_url", "home")}
    settings = load(file=file, **overrides)
    try:
        if given in READERS and arguments.home:
            from headwater.embedded.reading import reading

            with reading(Path(arguments.home).expanduser().absolute(), settings) as of_home:
                return commands[0].run(arguments, of_home)
        return commands[0].run(arguments, settings)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == "headwater" or not commands[0].extra:
            raise
        raise MissingExtra(commands[0].extra, missing) from error


def _parsed(top: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Namespace:
    """The arguments. A command's words may stand among its options, where argparse takes the first of them alone."""
    arguments, rest = top.parse_known_args(words)
    if rest and ("words" not in arguments or any(word.startswith("-") for word in rest)):
        below: argparse.ArgumentParser = getattr(arguments, "parser", top)
        below.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        arguments.words += rest
    return arguments


def _command_name(words: Sequence[str]) -> str | None:
    """The command, if there is one: only its module is then imported."""
    rest = iter(words)
    for word in rest:
        if word == "--settings":
            next(rest, None)
        elif not word.startswith("-"):
            return word if word in NAMES else None
        elif word in {"-h", "--help"}:
            return None
    return None


def parser(commands: Sequence[Command]) -> argparse.ArgumentParser:
    """A parser that knows these commands."""
    top = argparse.ArgumentParser(
        prog="headwater",
        description="Every model, dataset and prediction, traced back to its sources.",
        epilog="`headwater COMMAND --help` shows a command's options; `headwater settings` all settings.",
    )
    top.add_argument("--settings", dest="settings_file", metavar="FILE", help="settings file instead of headwater.toml")
    below = top.add_subparsers(title="commands", metavar="COMMAND")
    for one in commands:
        sub = below.add_parser(one.name, help=one.help, description=one.help)
        one.add_arguments(sub)
        sub.set_defaults(parser=sub)
        if one.name in READERS:
            sub.add_argument("--home", metavar="DIR", help="ask the history of the embedded stack in this folder")
    return top
