"""`headwater run`: a run around a command that cannot be changed."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
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
    from headwater.producer import Producer

    with Producer(settings) as producer:
        job = producer.job(
            arguments.namespace, arguments.job, kind="COMMAND", code={"entrypoint": command[0], "language": None}
        )
        told = producer.run(
            job,
            inputs=[_dataset(producer, text) for text in arguments.input],
            outputs=[_dataset(producer, text) for text in arguments.output],
            parameters=parameters,
            actor=arguments.actor,
            purpose=arguments.purpose,
        )
        code = _inside(told.start(), command)
    stats = producer.stats()
    if stats.dropped:
        why = f" ({stats.last_error})" if stats.last_error else ""
        print(f"headwater: {stats.dropped} events were not sent{why}", file=sys.stderr)
    return code


def _inside(told: Run, command: Sequence[str]) -> int:
    begin = time.monotonic()
    try:
        process = subprocess.Popen(command, env=told.child_environment())
    except OSError as error:
        told.fail(error)
        print(f"headwater: cannot start {command[0]}: {error.strerror}", file=sys.stderr)
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_STARTED
    code = _wait(process)
    told.resources(wall_time=int((time.monotonic() - begin) * 1e6), **_used())
    told.facet("command", {"exit_code": code})
    if code == 0:
        told.complete()
    elif code < 0:
        name = signal.Signals(-code).name
        ended_by_us = -code in {signal.SIGINT, signal.SIGTERM}
        (told.abort if ended_by_us else told.fail)(f"ended by {name}")
    else:
        told.fail(f"exit code {code}")
    return BY_SIGNAL - code if code < 0 else code


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Wait for the command; signals that are meant for it reach it."""

    def pass_on(number: int, _: FrameType | None) -> None:
        if process.poll() is None:
            process.send_signal(number)

    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in (int(signal.SIGTERM), int(signal.SIGINT)):
            before[number] = signal.signal(number, pass_on)
    try:
        return process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
