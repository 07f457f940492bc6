"""Kafka, the registry and ClickHouse as containers (testcontainers), where a Docker engine answers.

Each gets a fixed free port of the host: Kafka has to advertise its address before it starts, and a stopped
container keeps its address when it starts again.
"""

from __future__ import annotations

import gc
import secrets
import warnings
from typing import Any, ClassVar

from tests.backends.clients import broker_answers
from tests.backends.local_registry import http_answers
from tests.backends.processes import free_port, wait_until

KAFKA_IMAGE = "apache/kafka:4.1.0"
REGISTRY_IMAGE = "apicurio/apicurio-registry-mem:2.6.13.Final"
CLICKHOUSE_IMAGE = "clickhouse/clickhouse-server:25.8"
_START_SECONDS = 180  # the first start downloads the image


def engine_missing() -> str | None:
    """Why there is no Docker engine, in one line; None where one answers."""
    import docker
    from docker.errors import DockerException

    with warnings.catch_warnings():
        # A client that finds no engine leaves its socket to the garbage collector, which warns.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            docker.from_env(timeout=5).close()  # it asks the engine for its version
        except DockerException:
            answers = False
        else:
            answers = True
        gc.collect()
    return None if answers else "no Docker engine answers"


class _Container:
    """A container with one port of the host, its life given to testcontainers and the engine."""

    kind: ClassVar[str] = "containers"

    def __init__(self, image: str, inside: int) -> None:
        from testcontainers.core.container import DockerContainer

        port = free_port()
        self._container: Any = DockerContainer(image).with_bind_ports(inside, port)
        self.address = f"{self._container.get_docker_client().host()}:{port}"
        self._created = False

    def answers(self) -> bool:
        raise NotImplementedError

    @property
    def running(self) -> bool:
        if not self._created:
            return False
        wrapped = self._container.get_wrapped_container()
        wrapped.reload()
        return bool(wrapped.status == "running")

    def start(self) -> None:
        if self._created:
            self._container.get_wrapped_container().start()
        else:
            self._container.start()
            self._created = True
        wait_until(self.answers, _START_SECONDS, f"{type(self).__name__} answering")

    def stop(self) -> None:
        if self.running:
            self._container.get_wrapped_container().stop(timeout=10)

    def kill(self) -> None:
        if self.running:
            self._container.get_wrapped_container().kill()

    def pause(self) -> None:
        self._container.get_wrapped_container().pause()

    def resume(self) -> None:
        self._container.get_wrapped_container().unpause()

    def remove(self) -> None:
        """End it and remove it with its data."""
        if self._created:
            self._container.stop()
            self._created = False


class ContainerKafka(_Container):
    """Apache Kafka's own image, KRaft combined."""

    def __init__(self) -> None:
        super().__init__(KAFKA_IMAGE, 9092)
        self.bootstrap = self.address
        self._container.with_envs(
            KAFKA_NODE_ID="1",
            KAFKA_PROCESS_ROLES="broker,controller",
            KAFKA_CONTROLLER_QUORUM_VOTERS="1@localhost:9093",
            KAFKA_LISTENERS="PLAINTEXT://0.0.0.0:9092,CONTROLLER://0.0.0.0:9093,BROKER://0.0.0.0:9094",
            KAFKA_ADVERTISED_LISTENERS=f"PLAINTEXT://{self.address},BROKER://localhost:9094",
            KAFKA_LISTENER_SECURITY_PROTOCOL_MAP="PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,BROKER:PLAINTEXT",
            KAFKA_CONTROLLER_LISTENER_NAMES="CONTROLLER",
            KAFKA_INTER_BROKER_LISTENER_NAME="BROKER",
            KAFKA_AUTO_CREATE_TOPICS_ENABLE="false",
            KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR="1",
            KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS="4",
            KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR="1",
            KAFKA_TRANSACTION_STATE_LOG_MIN_ISR="1",
            KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS="0",
            KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS="1000",
        )

    def answers(self) -> bool:
        return broker_answers(self.bootstrap)


class ContainerRegistry(_Container):
    """Apicurio Registry, in memory."""

    def __init__(self) -> None:
        super().__init__(REGISTRY_IMAGE, 8080)
        self.url = f"http://{self.address}/apis/ccompat/v7"

    def answers(self) -> bool:
        return http_answers(f"{self.url}/subjects")


class ContainerStore(_Container):
    """ClickHouse server, with a user that may manage users and roles."""

    user = "headwater"

    def __init__(self) -> None:
        super().__init__(CLICKHOUSE_IMAGE, 8123)
        self.url = f"http://{self.address}"
        self.password = secrets.token_hex(16)
        self._container.with_envs(
            CLICKHOUSE_USER=self.user,
            CLICKHOUSE_PASSWORD=self.password,
            CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT="1",
        )

    def answers(self) -> bool:
        return http_answers(f"{self.url}/ping")
