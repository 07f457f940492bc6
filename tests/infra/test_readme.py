"""The three ways of use, as README.md shows them, against the whole embedded stack."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.embedded.stack import Stack
from headwater.schemas import plain
from headwater.schemas.records import current
from headwater.schemas.topics import ALERTS
from tests.backends import clients
from tests.snippets import run, snippet

pytestmark = [pytest.mark.integration, pytest.mark.backends("embedded")]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("home")) as running:
        yield running


def test_what_is_embedded_can_be_asked(stack: Stack, tmp_path: Path) -> None:
    """The producer's snippet, and then the history's: the edge, the tree and the reader are there."""
    environment = {"HEADWATER_BROKERS": stack.bootstrap, "HEADWATER_STORE_URL": stack.store_url}
    run(snippet("README.md", "embed"), environment, tmp_path)
    assert stack.wait_until_archived(60), stack.behind()
    output = run(snippet("README.md", "ask"), environment, tmp_path)
    assert "source_column:  amount" in output
    assert "target_column:  total" in output
    edge, tree_and_readers = output.split("subtype:", maxsplit=1)
    assert "public.orders" in edge
    tree, readers = tree_and_readers.split("public.orders", maxsplit=1)
    assert "daily_revenue" in tree
    assert "reporting" in readers


def test_a_subscriber_gets_the_alert(stack: Stack, tmp_path: Path) -> None:
    """The subscription's snippet prints each state of an incident, and ends when none came for a while."""
    schema = current("alert")
    values = {
        "emit_time": time.time_ns() // 1000,
        "producer_id": os.urandom(16),
        "sequence": 0,
        "event_id": os.urandom(16),
        "event_time": 1,
        "incident_id": bytes(range(16)),
        "state": "opened",
        "number": 1,
        "severity": 0.5,
        "title": "distance of raw.flights drifted",
        "explanation": "One sentence about it.",
        "check": "drift",
        "command": "headwater alerts show 000102030405060708090a0b0c0d0e0f",
    }
    clients.produce(stack.bootstrap, ALERTS.name, [(bytes(range(16)), plain.message(schema, values))])
    output = run(snippet("README.md", "subscribe"), {"HEADWATER_BROKERS": stack.bootstrap}, tmp_path)
    assert "opened\ndistance of raw.flights drifted\nOne sentence about it.\nheadwater alerts show" in output
