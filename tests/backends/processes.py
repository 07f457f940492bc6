"""Processes that tests start: each is known by its pid, logged to a file and gone at the end.

`children` holds every process that was started here and has not ended; the session's last fixture fails on a
process that is still there. On Linux the kernel also ends them when the test process itself is killed.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

#: Below every system's range for outgoing connections, so that a stopped server's port stays free for its restart.
PORTS = range(15_000, 30_000)
#: Deadlines are for what never comes. On a shared machine, what is only late takes several times as long as said.
PATIENCE = 4


class Started(Protocol):
    """A process that must have ended when the session ends."""

    @property
    def name(self) -> str: ...
    @property
    def pid(self) -> int: ...
    def kill(self) -> None: ...


children: set[Started] = set()
_given_out: set[int] = set()


class DidNotStart(RuntimeError):
    """A process ended, or did not answer, before its deadline; the message holds the end of its log."""


def free_port() -> int:
    """A port on 127.0.0.1 on which nothing listens, given out once in this process."""
    chance = random.SystemRandom()
    for _ in range(1000):
        port = chance.choice(PORTS)
        if port in _given_out:
            continue
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given_out.add(port)
        return port
    raise RuntimeError(f"no free port on 127.0.0.1 between {PORTS.start} and {PORTS.stop}")


def until(seconds: float) -> float:
    """The time of `time.monotonic` by which something must have come that may take so long on an idle machine."""
    return time.monotonic() + seconds * PATIENCE


def wait_until(ready: Callable[[], bool], seconds: float, what: str, poll: float = 0.05) -> None:
    """Return when `ready` does; raise TimeoutError naming `what` after `seconds` of an idle machine."""
    deadline = until(seconds)
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds * PATIENCE:g} s")
        time.sleep(poll)


def port_answers(port: int) -> bool:
    """Whether something on 127.0.0.1 accepts connections at the port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def pause(pid: int) -> None:
    """SIGSTOP to a child of this process. Returns when it has stopped, which a busy machine puts off."""
    os.kill(pid, signal.SIGSTOP)
    if hasattr(os, "waitid"):
        os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
    else:
        time.sleep(0.5)


class ServerProcess:
    """One process: started, asked whether it is ready, stopped, killed, paused, started again."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        ready: Callable[[], bool],
        seconds: float = 30,
        environment: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        folder: Path | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._ready = ready
        self._seconds = seconds
        self._environment = dict(os.environ if environment is None else environment)
        self._stop_signal = stop_signal
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process's id; RuntimeError where it does not run."""
        if self._process is None:
            raise RuntimeError(f"{self.name} does not run")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until it is ready. Raises DidNotStart."""
        if self.running:
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [*_ends_with_us(), *self._command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self._folder,
                start_new_session=True,
            )
        children.add(self)
        deadline = until(self._seconds)
        while not self._ready():
            if self._process.poll() is not None:
                children.discard(self)
                raise DidNotStart(f"{self.name} ended with {self._process.returncode}; {self._log_end()}")
            if time.monotonic() > deadline:
                self.kill()
                raise DidNotStart(
                    f"{self.name} did not answer within {self._seconds * PATIENCE:g} s; {self._log_end()}"
                )
            time.sleep(0.05)

    def stop(self, seconds: float = 15) -> int | None:
        """Ask it to end; kill it after `seconds`. Returns the exit status, None where it did not run."""
        if not self.running:
            return self._reap()
        assert self._process is not None
        self.resume()
        self._process.send_signal(self._stop_signal)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
        return self._reap()

    def kill(self) -> None:
        """SIGKILL: no farewell."""
        if self._process is not None and self.running:
            self._process.kill()
        self._reap()

    def pause(self) -> None:
        """SIGSTOP: it is there and does nothing."""
        pause(self.pid)

    def resume(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def _reap(self) -> int | None:
        status = self._process.wait() if self._process is not None else None
        children.discard(self)
        return status

    def _log_end(self, lines: int = 15) -> str:
        text = self.log.read_text("utf-8", "replace").splitlines()[-lines:] if self.log.exists() else []
        return f"the end of {self.log}:\n" + "\n".join(text)


def _ends_with_us() -> list[str]:
    """A prefix that lets the kernel kill the process when this one dies.

    The kernel watches the thread that started it, so only the main thread, which lasts, may ask for it.
    """
    if threading.current_thread() is not threading.main_thread() or not sys.platform.startswith("linux"):
        return []
    tool = shutil.which("setpriv")
    return [tool, "--pdeathsig", "KILL", "--"] if tool else []
