"""infra/compose says what it should: it is checked as text here, no Docker engine is needed."""

from __future__ import annotations

import fnmatch
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from headwater.cli.workers import WORKERS
from headwater.settings import PREFIX, documented
from tests.backends.containers import CLICKHOUSE_IMAGE, KAFKA_IMAGE, REGISTRY_IMAGE
from tests.snippets import ROOT

FOLDER = ROOT / "infra" / "compose"


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    content: Any = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
    assert set(content["volumes"]) == {"kafka", "clickhouse"}
    return cast("dict[str, dict[str, Any]]", content["services"])


def test_its_images_are_those_that_tests_use(services: dict[str, dict[str, Any]]) -> None:
    """The same versions of Kafka, registry and ClickHouse as the containers backend."""
    images = {name: service["image"] for name, service in services.items() if "build" not in service}
    assert images == {"kafka": KAFKA_IMAGE, "registry": REGISTRY_IMAGE, "clickhouse": CLICKHOUSE_IMAGE}


def test_its_settings_exist(services: dict[str, dict[str, Any]]) -> None:
    """Every HEADWATER_ variable is a documented setting, and addresses name services and their ports."""
    known = {setting.variable for setting in documented()}
    for service in services.values():
        for variable, value in service.get("environment", {}).items():
            if variable.startswith(PREFIX):
                assert variable in known
                for host in re.findall(r"(?:^|//)([a-z]+):\d+", value):
                    assert host in services


def test_it_listens_on_loopback_alone(services: dict[str, dict[str, Any]]) -> None:
    """Each published port is bound to 127.0.0.1."""
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_it_holds_no_password(services: dict[str, dict[str, Any]]) -> None:
    """Passwords come from the environment, and compose refuses to start without."""
    passwords = {
        value
        for service in services.values()
        for variable, value in service.get("environment", {}).items()
        if "PASSWORD" in variable
    }
    assert passwords == {"${HEADWATER_STORE_PASSWORD:?choose one}"}


def test_each_worker_waits_for_topics_and_tables(services: dict[str, dict[str, Any]]) -> None:
    """Workers start when `prepare` has ended well, and that waits for healthy servers."""
    workers = {name for name, service in services.items() if service.get("command", [""])[0] == "worker"}
    assert workers == set(WORKERS)
    for name in workers:
        assert services[name]["depends_on"] == {"prepare": {"condition": "service_completed_successfully"}}
        assert services[name]["command"] == ["worker", name]
    for server, wait in services["prepare"]["depends_on"].items():
        assert wait == {"condition": "service_healthy"}
        assert "healthcheck" in services[server]


def test_its_commands_exist(services: dict[str, dict[str, Any]]) -> None:
    """Every `headwater …` that a container runs is a command, with the arguments it takes."""
    commands = [["worker", name] for name in WORKERS]
    commands += [part.split()[1:] for part in services["prepare"]["command"][0].split(" && ")]
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "headwater.cli.main", *command, "--help"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, (command, done.stderr)


def test_the_image_gets_what_it_copies() -> None:
    """Each file that the Dockerfile copies is there and is not kept out of the build context."""
    rules = (FOLDER / "Dockerfile.dockerignore").read_text("utf-8").split()
    kept = [rule[1:] for rule in rules if rule.startswith("!")]
    for line in (FOLDER / "Dockerfile").read_text("utf-8").splitlines():
        if line.startswith("COPY "):
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
                assert any(fnmatch.fnmatch(str(Path(source)), rule) for rule in kept), source
