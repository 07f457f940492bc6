"""The README's snippets run as they stand there, its table of settings is the code's, its faults have tests."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.producer import Producer, _delivery
from headwater.producer._disabled import DisabledDelivery
from headwater.schemas import framing, plain, records, topics
from headwater.settings import Settings, documented
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


def table(header: str, path: str = README) -> list[list[str]]:
    """The cells of each row of the README's table with that header."""
    text = (ROOT / path).read_text("utf-8")
    (rows,) = re.findall(rf"^{re.escape(header)}\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    cells = [row.removeprefix("| ").removesuffix(" |").split(" | ") for row in rows.splitlines()]
    assert {len(row) for row in cells} == {header.count("|") - 1}
    return cells


def sources(*folders: str) -> Iterator[tuple[str, ast.AST]]:
    """Every node of the code in these folders, with its place."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", node


def is_settings(node: ast.AST) -> bool:
    """Whether the code there says `settings`, `self._settings` or the like."""
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name.lstrip("_") == "settings"


def test_the_table_of_settings_is_the_codes() -> None:
    """Names, defaults and meanings, word for word."""
    rows = table("| setting | default | meaning |")
    known = {f"`{one.name}`": [f"`{one.default}`" if one.default else "–", one.doc] for one in documented()}
    assert rows == [[name, *known[name]] for name, _, _ in rows]
    assert len({name for name, _, _ in rows}) == len(rows)


def test_the_table_has_each_setting_that_the_producer_reads() -> None:
    """It, and what it uses of schemas/; and it reads each that the table has."""
    named = {one.name for one in documented()}
    read: dict[str, str] = {}
    for place, node in sources("producers", "schemas"):
        if isinstance(node, ast.Attribute) and is_settings(node.value) and node.attr in named:
            read[node.attr] = place
        # Which setting these read nobody could tell from the text.
        by_name = isinstance(node, ast.Call) and ast.unparse(node.func) in {"getattr", "vars", "asdict", "attrgetter"}
        assert not (by_name and any(map(is_settings, ast.walk(node)))), place
    # Known to it so that no error and no log line shows it.
    del read["store_password"]
    shown = {name.strip("`") for name, _, _ in table("| setting | default | meaning |")}
    assert {name: place for name, place in read.items() if name not in shown} == {}
    assert shown - read.keys() == set()


def test_the_table_has_each_variable_that_is_no_setting() -> None:
    """Those that the code names, and no others; those that steer tests stand in tests/README.md."""
    shown = {name for names, _ in table("| variable | meaning |") for name in names.strip("`").split("`, `")}
    of_tests = {name.strip("`") for name, _ in table("| variable | meaning |", "tests/README.md")}
    read: dict[str, str] = {}
    for place, node in sources("producers", "schemas", "consumers", "infra"):
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, str) and re.fullmatch(r"HEADWATER_[A-Z_]*[A-Z]", value) and value not in of_tests:
            read[value] = place
    for one in documented():
        read.pop(one.variable, None)
    assert {name: place for name, place in read.items() if name not in shown} == {}
    assert shown - read.keys() == set()


@pytest.mark.parametrize(
    ("value", "disables"),
    [
        (None, False),
        ("", False),
        ("0", False),
        ("false", False),
        ("No", False),
        ("off", False),
        ("1", True),
        ("true", True),
        ("yes", True),
    ],
)
def test_what_disables_a_producer(value: str | None, disables: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the table says."""
    made: list[object] = []

    class Sending(DisabledDelivery):
        def __init__(self, *_: object) -> None:
            made.append(self)

    monkeypatch.setattr(_delivery, "KafkaDelivery", Sending)
    if value is not None:
        monkeypatch.setenv("HEADWATER_DISABLED", value)
    Producer(Settings()).close()
    assert bool(made) is not disables


def test_each_fault_has_its_test() -> None:
    """Each row of the table names one at least, and every test that it names is there, in the file that it names."""
    texts = {path.name: path.read_text("utf-8") for path in (ROOT / "tests/producers").glob("test_*.py")}
    rows = table("| fault | outcome | test in `tests/producers/` |")
    for fault, outcome, tests in rows:
        assert outcome, fault
        named = re.findall(r"`(?:(test_\w+\.py)::)?(test_\w+)`", tests)
        assert named, f"{fault}: no test"
        for file, name in named:
            found = texts[file] if file else "".join(texts.values())
            assert re.search(rf"^def {name}\(", found, re.MULTILINE), f"{fault}: {file} {name} is not there"
