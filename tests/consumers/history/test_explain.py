"""`headwater explain` as consumers/README.md shows it."""

from __future__ import annotations

import shlex
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headwater.cli.main import main
from headwater.detection.checker import Checker
from headwater.detection.incidents.book import Book
from headwater.detection.incidents.graph import Node
from headwater.detection.policy import Policy
from headwater.detection.verdicts import Subject, Verdict
from tests.consumers.alerts.test_subscription import alert_record
from tests.consumers.detection.making import (
    an_id,
    dataset,
    edge_set,
    microseconds,
    profile_record,
    through_the_contract,
    use,
)
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import batch

README = Path(__file__).parents[3] / "consumers" / "README.md"
START = date(2026, 1, 1)
GOOD, BAD = 30, 3
STEPS = (("ingest", "delivery", "raw"), ("clean", "raw", "clean"), ("train", "clean", "model"))
KINDS = {"delivery": "file", "model": "model"}


def shown() -> tuple[str, str]:
    """The command of the transcript, and what it prints."""
    text = README.read_text("utf-8").partition("<!-- transcript: explain -->\n```\n$ headwater explain ")[2]
    command, _, output = text.partition("\n```")[0].partition("\n")
    return command, output


def told(history: History) -> list[dict[str, Any]]:
    """Thirty ordinary days of a pipeline, and three on which its source tells distances in kilometres; the alerts."""
    checker, book = Checker(Policy()), Book(Policy(), history.settings.database_name)
    now = 1
    verdicts: list[dict[str, Any]] = []
    edges: list[dict[str, Any]] = []
    for number in range(GOOD + BAD):
        day = START + timedelta(days=number)
        random = np.random.default_rng(number)
        miles = random.gamma(4, 250, 1_000)
        for job, source, target in STEPS:
            read, written = (dataset(name, str(day), KINDS.get(name, "table")) for name in (source, target))
            owners = [{"name": "team:flights", "type": None}]
            book.use(use(job, day, "read", read))
            book.use(use(job, day, "write", written, owners=owners))
            columns = [(0, "distance", "distance")] if job == "clean" else []
            edges.append(edge_set(job, day, [read], written, columns))
            book.edges(edges[-1])
            if target != "model":
                data = {"distance": miles * (1.0 if number < GOOD else 1.609), "stops": random.integers(0, 3, 1_000)}
                profile = profile_record(target, day, data, run=an_id("run", job, day))
                verdicts += [verdict.fields() for verdict in checker.profile(profile)]
    for fields in verdicts:
        book.verdict(through_the_contract("verdict", fields), now)
    alerts: list[dict[str, Any]] = []
    for _ in range(30):
        now += 1_000_000
        alerts += [{**fields, "emit_time": now} for fields in book.tick(now)]
    head = {"emit_time": 1, "producer_id": bytes(16), "sequence": 0}
    history.keep(
        batch("lineage.verdicts", [{**head, **fields} for fields in verdicts]),
        batch("lineage.edges", edges),
        batch("lineage.alerts", [{**head, **fields} for fields in alerts]),
    )
    return alerts


@pytest.mark.integration
def test_the_transcript_is_what_the_command_prints(
    history: History, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Word by word, on the incident of a pipeline whose source changed its unit."""
    told(history)
    settings = history.settings
    monkeypatch.setenv("HEADWATER_STORE_USER", settings.store_user)
    monkeypatch.setenv("HEADWATER_STORE_PASSWORD", settings.store_password)
    command, output = shown()
    where = ["--store-url", settings.store_url, "--prefix", settings.prefix]
    assert main(["explain", *command.split(), *where]) == 0
    assert capsys.readouterr().out.rstrip("\n") == output


@pytest.mark.integration
def test_an_alerts_command_and_statement_run_as_printed(
    history: History, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both give the incident; the command with the settings that a person has anyway."""
    alerts = told(history)
    for name in ("store_url", "store_user", "store_password", "prefix"):
        monkeypatch.setenv(f"HEADWATER_{name.upper()}", getattr(history.settings, name))
    assert alerts
    for alert in alerts:
        program, *arguments = shlex.split(alert["command"])
        assert program == "headwater"
        assert main(arguments) == 0
        assert alert["incident_id"].hex() in capsys.readouterr().out.replace("-", "")
        found = history.client.query(alert["sql"])
        place = found.column_names.index("incident_id")
        assert [row[place].bytes for row in found.result_rows] == [alert["incident_id"]]


@pytest.mark.integration
def test_the_models_behind_a_prediction_stream_are_shown(
    history: History, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line for each version, with how much it answered."""
    book, at = Book(Policy(), history.settings.database_name), microseconds(START)
    stream = ("shop", "fares-live.predictions")
    for version, count in (("8", 1_200), (None, 3)):
        book.world.predictions.add(stream, None, at, count, Node("shop", "fares", version))
    evidence = {"unusual": "9.0", "role": '"output"'}
    subject = Subject(at, *stream, None, "fare")
    alarm = Verdict("drift", "alarm", subject, "fare drifted", 0.5, at, evidence=evidence)
    book.verdict(through_the_contract("verdict", alarm.fields()), 0)
    head = {"emit_time": 1, "producer_id": bytes(16), "sequence": 0}
    alerts: list[dict[str, Any]] = [{**head, **fields} for fields in book.tick(10**9)]
    history.keep(batch("lineage.alerts", alerts))
    for name in ("store_url", "store_user", "store_password", "prefix"):
        monkeypatch.setenv(f"HEADWATER_{name.upper()}", getattr(history.settings, name))
    assert main(["explain", alerts[0]["incident_id"].hex()]) == 0
    printed = capsys.readouterr().out
    assert "answered  shop/fares@8  model, 1,200 predictions since then\n" in printed
    assert "answered  shop/fares  model, 3 predictions since then\n" in printed


@pytest.mark.integration
def test_the_list_says_who_took_care_of_what_grows(
    history: History, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its newest message says updated, which alone would look as if nobody had."""
    taken = {"acknowledged_by": '"ann"', "acknowledged": '{"at": 1, "reason": "", "severity": 0.1}'}
    first = {**alert_record(1), "state": "acknowledged", "evidence": taken}
    grown = {**alert_record(3, evidence=taken), "state": "updated"}
    history.keep(batch("lineage.alerts", [first, grown, alert_record(0)]))
    for name in ("store_url", "store_user", "store_password", "prefix"):
        monkeypatch.setenv(f"HEADWATER_{name.upper()}", getattr(history.settings, name))
    assert main(["alerts", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition("since ")[2].partition("  ")[2] for line in lines] == [
        "alert 3  (acknowledged by ann)",
        "alert 0",
    ]
