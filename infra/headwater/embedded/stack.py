"""The stack as one thing: `with Stack(home) as stack:` broker, store and workers run, and end in order."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Self

from headwater.audit import connect
from headwater.cli.workers import WORKERS, groups, switched_on
from headwater.embedded import gaps
from headwater.embedded.broker import Broker
from headwater.embedded.environment import environment_of
from headwater.embedded.gateway import port_for, start_gateway
from headwater.embedded.home import WRITER, hold, home_path, open_home
from headwater.embedded.keeping import Kept, ending
from headwater.embedded.lag import lag
from headwater.embedded.processes import Child, Guardian, end_all, free_port
from headwater.embedded.store.process import StoreProcess
from headwater.errors import HeadwaterError, Unavailable
from headwater.migrations import migrate
from headwater.settings import Settings
from headwater.topics.layout import create

_log = logging.getLogger("headwater.stack")

#: How often the parts are looked at, and how often the archive's lag, in seconds.
LOOK_SECONDS, PROGRESS_SECONDS = 0.2, 2.0
#: How long the end waits until all messages are worked off, and then for each worker, in seconds.
DRAIN_SECONDS, WORKER_SECONDS = 30.0, 20.0
_BASE = ("broker", "store")


class Stack:
    """The embedded stack in one folder. Use it as a context, or `start` and `stop` it."""

    def __init__(
        self,
        home: Path | None = None,
        *,
        settings: Settings | None = None,
        port: int = 0,
        store_port: int = 0,
        workers: Sequence[str] = tuple(WORKERS),
        gateway: int | None = None,
        tell: Callable[[str], None] = _log.info,
    ) -> None:
        """`port`, `store_port` 0: as the last time if they are free, else free ones; `gateway` None: there is none.
        `tell` takes lines for people.
        """
        self._base = settings or Settings()
        self._path = home.absolute() if home is not None else home_path(self._base)
        self._ports = (port, store_port)
        self._gateway = gateway
        self._names = [name for name in switched_on(self._base) if name in workers]
        self._tell = tell
        #: Set it to cut the end's waiting short.
        self.hurry = threading.Event()
        self._ended = threading.Event()
        self._watch: threading.Thread | None = None
        self._kept: dict[str, Kept] = {}
        #: Where each worker tells its metrics; another port with each start.
        self._metrics: dict[str, int] = {}
        self._resources = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.stop(drain=kind is None)

    @property
    def bootstrap(self) -> str:
        """The broker's address, host:port."""
        return self._broker.bootstrap

    @property
    def store_url(self) -> str:
        return self._store.url

    @property
    def gateway_url(self) -> str | None:
        return f"http://127.0.0.1:{self._metrics['gateway']}" if "gateway" in self._kept else None

    @property
    def writer_password(self) -> str:
        """Of the store's user `headwater`."""
        return self._store.password

    @property
    def generation(self) -> str:
        """The broker's life; it changes when the broker is started again."""
        return self._broker.generation

    @property
    def settings(self) -> Settings:
        """Settings of a client that reads."""
        return dataclasses.replace(
            self._base,
            brokers=self.bootstrap,
            kafka="",
            registry_url="",
            registry_auth="",
            store_url=self.store_url,
            store_user="default",
            store_password="",
            home=str(self._path),
        )

    @property
    def writer_settings(self) -> Settings:
        """Settings of a client that may write to the store."""
        return dataclasses.replace(self.settings, store_user=WRITER, store_password=self.writer_password)

    def start(self) -> None:
        """Start all of it; returns when broker, store and gateway answer and the workers are started.

        Raises StateError (the folder is in use, damaged or not ours, a port is taken), MissingExtra, Unavailable.
        """
        try:
            self._start()
        except BaseException:
            self.stop(drain=False)
            raise

    def _start(self) -> None:
        self._home = home = open_home(self._path)
        self._resources.enter_context(hold(home, "stack"))
        gap = gaps.record(home, "the stack was killed") if home.state("stack") is not None else None
        if gap is not None:
            self._tell(str(gap))
        guardian = Guardian()
        self._resources.callback(guardian.close)
        port, store_port = self._ports
        self._broker = Broker(home, guardian, port)
        self._store = StoreProcess(home, guardian, store_port)
        self._guardian = guardian
        self._keep("broker", self._start_broker)
        self._keep("store", self._start_store)
        home.write_state("ports", {"broker": self._broker.port, "store": self._store.port})
        self._started = gaps.now()
        migrate(connect(self.writer_settings, database=False), self.writer_settings)
        for name in self._names:
            self._keep(name, partial(self._start_worker, name))
        if self._gateway is not None:
            port = self._metrics["gateway"] = port_for(self._gateway)
            self._keep("gateway", partial(start_gateway, home, guardian, environment_of(self.writer_settings), port))
        self._write_state()
        self._watch = threading.Thread(target=self._look_after, name="headwater-stack", daemon=True)
        self._watch.start()

    def stop(self, *, drain: bool = True) -> None:
        """End all of it: first all messages are worked off and archived, at most 30 s, then workers, broker, store."""
        if (gateway := self._kept.get("gateway")) is not None:
            # What it has taken is then on the topics; it is not kept, so nobody starts it again.
            self._kept = {name: kept for name, kept in self._kept.items() if kept is not gateway}
            end_all([gateway.child] if gateway.child else [], WORKER_SECONDS)
        if drain and self._kept and not self.wait_until_archived(DRAIN_SECONDS):
            self._tell(f"not all was archived within {DRAIN_SECONDS:g} s")
        self._ended.set()
        if self._watch is not None:
            self._watch.join()
        processors = [self._kept[name] for name in self._names if name in self._kept and name != "archive"]
        end_all([one.child for one in processors if one.child], WORKER_SECONDS)
        if drain and "archive" in self._kept:
            self._wait_for(["archive"], DRAIN_SECONDS / 3)
        if "archive" in self._kept and (child := self._kept["archive"].child):
            end_all([child], WORKER_SECONDS)
        if "broker" in self._kept:
            self._note_progress()
            look = self._home.state("progress") or {}
            if (
                self._watch is not None
                and "archive" in self._names
                and (not drain or not look or any(look["behind"].values()))
            ):
                gap = gaps.record(self._home, "the stack was stopped before all was archived")
                self._tell(str(gap)) if gap else None
            self._broker.stop()
        if "store" in self._kept:
            self._store.stop()
        self._kept = {}
        if hasattr(self, "_home"):
            for name in ("stack", "progress"):
                self._home.forget_state(name)
        self._resources.close()

    def wait_until_archived(self, seconds: float = 60.0) -> bool:
        """Wait until all that was sent before is worked off and in the history; whether it was so in time."""
        return self._wait_for(self._names, seconds)

    def behind(self, *names: str) -> dict[str, Mapping[str, int]]:
        """Messages that wait, by consumer group and topic, of all workers or those named. Raises Unavailable."""
        wanted = groups(names or self._names, self._base)
        return {group: lag(self.settings, group, topics) for group, topics in wanted.items()}

    def child(self, name: str) -> Child:
        """The process of a part: broker, store or a worker."""
        child = self._kept[name].child
        if child is None:
            raise Unavailable(f"{name} does not run")
        return child

    def _wait_for(self, names: Sequence[str], seconds: float) -> bool:
        wanted = groups(names, self._base)
        deadline = time.monotonic() + seconds
        while True:
            # A step commits after its outputs are sent, so none behind in this order means nothing is under way.
            try:
                if not any(sum(lag(self.settings, group, topics).values()) for group, topics in wanted.items()):
                    return True
            except Unavailable as error:
                _log.info("%s", error)
            if time.monotonic() > deadline or self.hurry.wait(0.1):
                return False

    def _keep(self, name: str, start: Callable[[], Child]) -> None:
        kept = Kept(name, start, self._tell)
        self._kept[name] = kept
        kept.up()

    def _start_broker(self) -> Child:
        self._broker.start(lambda: create(self.settings))
        return self._broker.running

    def _start_store(self) -> Child:
        self._store.start()
        return self._store.running

    def _start_worker(self, name: str) -> Child:
        command = [sys.executable, "-m", "headwater.cli", "worker", name]
        port = self._metrics[name] = free_port()
        settings = self.writer_settings if WORKERS[name].keeps else self.settings
        environment = environment_of(settings, metrics_port=port, metrics_host="127.0.0.1")
        child = Child(f"worker {name}", command, self._home.logs / f"{name}.log", self._guardian, environment)
        child.start()
        return child

    def _look_after(self) -> None:
        next_progress = 0.0
        while not self._ended.wait(LOOK_SECONDS):
            try:
                self._look()
                if time.monotonic() > next_progress:
                    self._note_progress()
                    next_progress = time.monotonic() + PROGRESS_SECONDS
            except Exception:
                _log.exception("looking after the stack")

    def _look(self) -> None:
        broker = self._kept["broker"]
        if broker.child is not None and not broker.child.running:
            gap = gaps.record(self._home, f"the broker ended by {ending(broker.child.exit_code)}")
            if gap is not None:
                self._tell(str(gap))
        changed = False
        for name, kept in list(self._kept.items()):
            restarted = kept.look()
            changed = changed or restarted
            if restarted and name == "broker":
                # Its offsets begin again, and what workers know of offsets does not hold any more.
                end_all([of.child for one, of in self._kept.items() if one not in _BASE], WORKER_SECONDS / 4)
        if changed:
            self._write_state()

    def _note_progress(self) -> None:
        if "archive" not in self._names:
            return
        try:
            (looked,) = self.behind("archive").values()
            behind = {topic: count for topic, count in looked.items() if count}
        except HeadwaterError:
            return
        self._home.write_state("progress", {"generation": self.generation, "looked": gaps.now(), "behind": behind})

    def _write_state(self) -> None:
        self._home.write_state(
            "stack",
            {
                "pid": os.getpid(),
                "started": self._started,
                "bootstrap": self.bootstrap,
                "store_url": self.store_url,
                "generation": self.generation,
                "prefix": self._base.prefix,
                "parts": {
                    name: kept.told() | {"metrics_port": self._metrics.get(name)} for name, kept in self._kept.items()
                },
            },
        )
