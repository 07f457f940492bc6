"""`headwater run`: a run around a command that cannot be changed."""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from headwater.errors import SettingsError
from headwater.settings import Settings

if TYPE_CHECKING:
    from headwater.producer import Dataset, Producer, Run

HELP = "run a command and tell its lineage: headwater run --job NAME --input … --output … -- COMMAND"

#: What a shell answers for a command that is not there, and for one that cannot be started.
NOT_FOUND = 127
NOT_STARTED = 126
#: A shell's exit code for a command that a signal ended is this and the signal's number.
BY_SIGNAL = 128

#: What is passed on to the command; Windows knows fewer.
_PASSED_ON = [
    getattr(signal, name)
    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)
]
#: What a terminal sends to the wrapper and the command alike.
_FROM_A_TERMINAL = {getattr(signal, name, None) for name in ("SIGINT", "SIGQUIT", "SIGHUP")}
#: Commands whose code is the file that they are given.
_INTERPRETER = re.compile(
    r"(python|pypy)[\d.]*|(ba|z|da|k|fi)?sh|Rscript|node|perl|ruby|julia|php|pwsh|deno|bun", re.IGNORECASE
)
#: How long the end of the command waits for git, seconds.
_WAIT_FOR_GIT = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--job", required=True, metavar="NAME", help="the job's name")
    parser.add_argument("--namespace", default="command", help="the job's namespace (default: %(default)s)")
    for option, verb in (("--input", "reads"), ("--output", "writes")):
        parser.add_argument(
            option,
            action="append",
            default=[],
            metavar="NAMESPACE#NAME[@VERSION]",
            help=f"a dataset that the command {verb}; may be repeated",
        )
    parser.add_argument(
        "--parameter", action="append", default=[], metavar="NAME=VALUE", help="a parameter; may be repeated"
    )
    parser.add_argument("--brokers", help="Kafka brokers, host:port separated by commas")
    parser.add_argument("--prefix", help="put before every topic")
    parser.add_argument("--actor", help="who acts")
    parser.add_argument("--purpose", help="for what purpose")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="the command and its arguments")
    parser.epilog = "Exit code: the command's own; 127: it is not there; 126: it cannot be started; 128+N: signal N."


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run the command; returns its exit code, also when nothing could be told of it."""
    command: list[str] = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        raise SettingsError("run: give the command after --, e.g.  headwater run --job clean -- python clean.py")
    parameters = dict(_pair(text) for text in arguments.parameter)
    from headwater.producer import Producer, _git, _provenance

    script, folder = _script(command)
    code = {**asdict(_provenance.code_of(script, folder)), "language": None}
    code["entrypoint"] = code["entrypoint"] or Path(command[0]).name
    changed = _git.DirtyCheck(_git.find_work_tree(folder))
    with _signals() as passing, Producer(settings) as producer:
        told = producer.run(
            producer.job(arguments.namespace, arguments.job, kind="COMMAND", code=code),
            inputs=[_dataset(producer, text) for text in arguments.input],
            outputs=[_dataset(producer, text) for text in arguments.output],
            parameters=parameters,
            actor=arguments.actor,
            purpose=arguments.purpose,
        )
        ended = _inside(told.start(), command, passing)
        if changed.wait(_WAIT_FOR_GIT) and changed.dirty is not None:
            code["dirty"] = changed.dirty
            told.job = producer.job(arguments.namespace, arguments.job, kind="COMMAND", code=code)
        changed.abandon()
        exit_code = _tell(told, ended, command)
    stats = producer.stats()
    if stats.dropped:
        why = f" ({stats.last_error})" if stats.last_error else ""
        print(f"headwater: {stats.dropped} events were not sent{why}", file=sys.stderr)
    return exit_code


def _script(command: Sequence[str]) -> tuple[Path | None, Path]:
    """The file that holds the command's code, where it is one that people write, and the folder to look for git in."""
    given = command[0]
    if _INTERPRETER.fullmatch(Path(given).name.removesuffix(".exe")):
        given = next((argument for argument in command[1:] if not argument.startswith("-")), "")
        if any(argument in {"-c", "-m", "-e"} for argument in command[1:2]):
            given = ""
    elif os.sep not in given and (os.altsep is None or os.altsep not in given):
        given = ""  # found on the PATH: a program of the system
    script = Path(given).resolve() if given else None
    if script is None or not script.is_file():
        return None, Path.cwd()
    return script, script.parent


class _Passing:
    """Signals for the command: those that come before it is there are kept for it."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def receive(self, number: int, _: FrameType | None) -> None:
        if number in _FROM_A_TERMINAL and _in_the_foreground():
            return  # the command has got it from the terminal itself
        if self.process is None:
            self._early.append(number)
        elif self.process.poll() is None:
            self.process.send_signal(number)

    def started(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        for number in self._early:
            process.send_signal(number)


def _in_the_foreground() -> bool:
    """Whether a terminal sends its signals to this process."""
    try:
        with open(os.ctermid(), "rb", buffering=0) as terminal:  # noqa: PTH123 — a device
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except (OSError, AttributeError):  # no terminal, or a system without such groups
        return False


@contextmanager
def _signals() -> Generator[_Passing]:
    """While it lasts, signals are for the command."""
    passing = _Passing()
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in _PASSED_ON:
            if signal.getsignal(number) != signal.SIG_IGN:  # what we were told to ignore (nohup), the command is too
                before[number] = signal.signal(number, passing.receive)
    try:
        yield passing
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _inside(told: Run, command: Sequence[str], passing: _Passing) -> OSError | int:
    """Run the command within the run; the error where it cannot be started, else its exit code."""
    begin = time.monotonic()
    try:
        process = subprocess.Popen(command, env=told.child_environment())
    except OSError as error:
        return error
    passing.started(process)
    code = process.wait()
    told.resources(wall_time=int((time.monotonic() - begin) * 1e6), **_used())
    return code


def _tell(told: Run, ended: OSError | int, command: Sequence[str]) -> int:
    """End the run; returns the wrapper's own exit code."""
    if isinstance(ended, OSError):
        told.fail(ended)
        print(f"headwater: cannot start {command[0]}: {ended.strerror}", file=sys.stderr)
        return NOT_FOUND if isinstance(ended, FileNotFoundError) else NOT_STARTED
    told.facet("command", {"exit_code": ended})
    if ended == 0:
        told.complete()
    elif ended < 0:
        name = signal.Signals(-ended).name
        ended_by_us = -ended in {signal.SIGINT, signal.SIGTERM}
        (told.abort if ended_by_us else told.fail)(f"ended by {name}")
    else:
        told.fail(f"exit code {ended}")
    return BY_SIGNAL - ended if ended < 0 else ended


def _used() -> dict[str, float]:
    """CPU time and memory of the finished child, where the system counts them."""
    try:
        import resource  # Windows has none
    except ImportError:
        return {}
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"cpu_time": int((usage.ru_utime + usage.ru_stime) * 1e6), "peak_memory": peak}


def _dataset(producer: Producer, text: str) -> Dataset:
    """NAMESPACE#NAME[@VERSION]; a path of a file by itself gets the namespace file."""
    namespace, found, rest = text.partition("#")
    if not found:
        return producer.dataset("file", os.path.abspath(text), kind="file")  # noqa: PTH100 — no links resolved
    name, at, version = rest.rpartition("@")
    if not at:
        return producer.dataset(namespace, rest)
    return producer.dataset(namespace, name, version=version)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise SettingsError(f"run: --parameter {name!r} must be NAME=VALUE")
    return name, value
