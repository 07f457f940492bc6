"""The stack's processes: started with a log file each, asked to stop, killed when they do not."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from headwater.errors import Unavailable

#: Below every system's range for outgoing connections, so that a part finds its port free when it starts again.
PORTS = range(15_000, 30_000)
LOG_BYTES = 16 * 1024 * 1024


class Guardian:
    """Sees to it that no process of the stack outlives it, however it ends."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-E", str(Path(__file__).with_name("guardian.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._lock = threading.Lock()

    def add(self, pid: int) -> None:
        self._tell(f"+{pid}\n")

    def remove(self, pid: int) -> None:
        self._tell(f"-{pid}\n")

    def close(self) -> None:
        """End the guardian; it ends what it still knows of."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        with self._lock, contextlib.suppress(BrokenPipeError, ValueError):
            if self._process.stdin is not None:
                self._process.stdin.write(line.encode())
                self._process.stdin.flush()


class Child:
    """One process of the stack. It may be started again after it ended."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        guardian: Guardian,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self._guardian = guardian
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Of the process that runs or ran last."""
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """None while it runs or was never started; below zero: the signal that ended it."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Start it; what it prints is appended to its log."""
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".1.log"))
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            # A session of its own: Ctrl-C in the terminal is for the stack, which stops its parts in order.
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                env=dict(self._environment) if self._environment is not None else None,
                start_new_session=True,
            )
        finally:
            os.close(descriptor)
        self._guardian.add(self._process.pid)

    def wait_ready(self, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until `ready`. Raises Unavailable where the process ended or the time is over."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running:
                raise Unavailable(f"{self.name} ended at start: {self.last_line() or f'exit code {self.exit_code}'}")
            if time.monotonic() > deadline:
                raise Unavailable(f"{self.name} did not answer within {seconds:g} s; its log is {self.log}")
            time.sleep(0.02)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it runs."""
        if self.running and self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def wait(self, seconds: float) -> bool:
        """Wait for its end; whether it ended."""
        if self._process is None:
            return True
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        self._guardian.remove(self._process.pid)
        return True

    def stop(self, seconds: float) -> bool:
        """Ask it to stop and wait, else kill it; whether it stopped by itself."""
        self.send(signal.SIGTERM)
        if self.wait(seconds):
            return True
        self.kill()
        return False

    def kill(self) -> None:
        """End it without a farewell."""
        self.send(signal.SIGKILL)
        self.wait(10)

    def last_line(self) -> str:
        """The last line of its log, for a message."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now. Raises Unavailable where there is none."""
    chance = random.SystemRandom()
    for _ in range(1000):
        if not taken(port := chance.choice(PORTS)):
            return port
    raise Unavailable(f"no free port on 127.0.0.1 from {PORTS.start} to {PORTS.stop}")


def taken(port: int) -> bool:
    """Whether somebody listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def end_all(children: Sequence[Child | None], seconds: float) -> None:
    """Ask all to stop at once and wait for each, else kill it."""
    running = [child for child in children if child is not None and child.running]
    for child in running:
        child.send(signal.SIGTERM)
    deadline = time.monotonic() + seconds
    for child in running:
        if not child.wait(max(0.1, deadline - time.monotonic())):
            child.kill()
