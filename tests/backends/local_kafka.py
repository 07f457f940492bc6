"""Apache Kafka from its jars: one process, both roles of KRaft, no Docker."""

from __future__ import annotations

import base64
import shutil
import subprocess
import uuid
from functools import cache
from pathlib import Path
from typing import ClassVar

from tests.backends import clients
from tests.backends.cache import java, kafka_classes, kafka_jars
from tests.backends.processes import ServerProcess, free_port

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
log.cleaner.dedupe.buffer.size=8388608
num.network.threads=2
num.io.threads=2
{extra}"""

#: Short-lived brokers: the first compiler only, and the collector that takes no threads of its own.
_QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
_CLASSES = "kafka.jsa"


def _quick(writes: Path | None) -> tuple[str, ...]:
    """Options of a broker that is there soon: its classes are mapped as they were loaded once, or written to a file."""
    if writes is not None:
        return (*_QUICK, f"-XX:ArchiveClassesAtExit={writes}")
    file = _classes() / _CLASSES
    # A JVM that wrote none, or for which they are not the right ones, loads them from the jars.
    return (*_QUICK, f"-XX:SharedArchiveFile={file}") if file.exists() else _QUICK


@cache
def _classes() -> Path:
    return kafka_classes(_load_once)


def _load_once(folder: Path) -> None:
    """Run a broker that writes at its end what it loaded."""
    broker = LocalKafka(folder / "broker", classes=folder / _CLASSES)
    broker.start()
    clients.create_topics(broker.bootstrap, {"t": 1})
    clients.produce(broker.bootstrap, "t", [(None, b"message")])
    clients.read_all(broker.bootstrap, "t")
    broker.stop(120)
    shutil.rmtree(folder / "broker")


class LocalKafka:
    """A broker of one's own, in `folder` (data and log); stopped and killed brokers keep data and ports.

    `throughput=True` gives the JVM its full compiler and collector, for benchmarks; `properties` are further
    lines of server.properties. `classes`: it writes there at its end which classes it loaded. Raises NoTools where
    Java or Maven is missing.
    """

    kind: ClassVar[str] = "local"

    def __init__(
        self,
        folder: Path,
        *,
        heap_mb: int = 512,
        throughput: bool = False,
        properties: tuple[str, ...] = (),
        classes: Path | None = None,
    ) -> None:
        self._folder = folder
        self._java = [java(), "-cp", f"{kafka_jars()}/*", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
        self._jvm = [f"-Xms{min(128, heap_mb)}m", f"-Xmx{heap_mb}m", *(() if throughput else _quick(classes))]
        port = free_port()
        self.bootstrap = f"127.0.0.1:{port}"
        self._settings = folder / "server.properties"
        folder.mkdir(parents=True, exist_ok=True)
        self._settings.write_text(
            _PROPERTIES.format(
                port=port, controller=free_port(), data=folder / "data", extra="".join(f"{p}\n" for p in properties)
            ),
            "utf-8",
        )
        self._process = ServerProcess(
            "Apache Kafka",
            [*self._java, *self._jvm, "kafka.Kafka", str(self._settings)],
            folder / "kafka.log",
            ready=lambda: clients.broker_answers(self.bootstrap),
            seconds=60,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> Path:
        return self._process.log

    @property
    def running(self) -> bool:
        return self._process.running

    def start(self) -> None:
        """Start it, or start it again with the data it had; returns when it answers."""
        if not (self._folder / "data").exists():
            self._format()
        self._process.start()

    def stop(self, seconds: float = 10) -> None:
        """End it in order. With one broker there is nobody to hand over to, so after `seconds` it is killed."""
        self._process.stop(seconds)

    def kill(self) -> None:
        self._process.kill()

    def pause(self) -> None:
        self._process.pause()

    def resume(self) -> None:
        self._process.resume()

    def wipe(self) -> None:
        """Stop it and forget its data: the next start is an empty broker on the same port."""
        self._process.kill()
        shutil.rmtree(self._folder / "data", ignore_errors=True)

    def _format(self) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        command = [
            *self._java,
            *_QUICK,
            "kafka.tools.StorageTool",
            "format",
            f"--cluster-id={cluster}",
            "-c",
            str(self._settings),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise RuntimeError(f"Kafka's storage could not be formatted: {done.stdout}{done.stderr}")
