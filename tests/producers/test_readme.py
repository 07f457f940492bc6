"""The README's snippets run as they stand there, its table of settings is the code's, its faults have tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from headwater.schemas import framing, plain, records, topics
from headwater.settings import documented
from tests.backends.clients import create_topics
from tests.backends.kinds import Kafka
from tests.backends.processes import free_port
from tests.producers.test_kafka import TOPICS, read_all
from tests.snippets import ROOT, run, snippet

README = "producers/README.md"
ALL = (*TOPICS, "lineage.profiles", "lineage.predictions")


def prepared(kafka: Kafka, prefix: str) -> dict[str, str]:
    create_topics(kafka.bootstrap, {prefix + name: 1 for name in ALL})
    return {"HEADWATER_BROKERS": kafka.bootstrap, "HEADWATER_PREFIX": prefix, "HEADWATER_EXIT_SECONDS": "20"}


def told(kafka: Kafka, prefix: str, topic: str, count: int) -> list[dict[str, object]]:
    schema = records.current(topics.TOPICS[topic].record or "")
    found = read_all(kafka, prefix, {topic: count})[topic]
    return [plain.decode(schema, message.value()[framing.SINGLE_OBJECT_HEADER :]) for message in found]


@pytest.mark.integration
def test_the_batch_job_of_the_readme(kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """It ends with five events delivered: opened, START, profile, COMPLETE, closed."""
    output = run(snippet("producers/README.md", "batch"), prepared(kafka, prefix), tmp_path)
    assert output == "5 events delivered\n"
    (profile,) = told(kafka, prefix, "lineage.profiles", 1)
    assert profile["rows"] == 1


@pytest.mark.integration
def test_the_web_service_of_the_readme(kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """A request is answered and its prediction told; Ctrl-C sends what is left."""
    port = free_port()
    text = snippet("producers/README.md", "service").text.replace("8000", str(port))
    service = subprocess.Popen(
        [sys.executable, "-c", text],
        env={**os.environ, **prepared(kafka, prefix)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert service.stdout is not None
    with service.stdout:
        assert service.stdout.readline() == b"serving\n"
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/fare/100", timeout=10) as answer:
        assert answer.read() == b"30.0"
    service.send_signal(2)
    service.wait(30)
    (prediction,) = told(kafka, prefix, "lineage.predictions", 1)
    assert prediction["key_form"] == "random"
    assert prediction["features"] == [{"name": "distance", "value": "100.0", "digest": None}]


@pytest.mark.integration
def test_the_command_of_the_readme(kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """The command does its work, and its run is told."""
    run(snippet("producers/README.md", "command"), prepared(kafka, prefix), tmp_path)
    assert (tmp_path / "dump.csv").read_text() == "1\n"
    assert len(told(kafka, prefix, "lineage.runs", 2)) == 2


@pytest.mark.integration
def test_the_test_of_the_readme(tmp_path: Path) -> None:
    """It needs no broker."""
    assert run(snippet("producers/README.md", "memory"), {}, tmp_path) == ""


def test_the_table_of_settings_is_the_codes() -> None:
    """Names, defaults and meanings, word for word."""
    text = (ROOT / README).read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*? \| .*) \|$", text, re.MULTILINE))
    assert len(rows) >= 15
    known = {setting.name: setting for setting in documented()}
    for name, row in rows.items():
        default = f"`{known[name].default}`" if known[name].default else "–"
        assert row == f"{default} | {known[name].doc}"


def test_each_fault_has_its_test() -> None:
    """Every test that the table names is there."""
    text = (ROOT / README).read_text("utf-8")
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests/producers").glob("test_*.py"))
    named = re.findall(r"(?<=[`:])(test_\w+)(?=`)", text)
    assert len(named) > 10
    assert [name for name in named if f"def {name}(" not in tests] == []
