"""A prediction or a person is found by the plain name by whoever has the services' digest key, and by nobody else."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from headwater.audit import ask, explain_prediction
from headwater.audit.store import Client
from headwater.cli.main import main
from headwater.errors import NotFound
from headwater.producer import InMemoryProducer
from headwater.schemas.framing import SINGLE_OBJECT_HEADER
from headwater.schemas.topics import PREDICTIONS
from headwater.settings import Settings
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import batch

pytestmark = pytest.mark.integration

KEY = "the team's key"


def told(history: History) -> None:
    """A prediction for ann under a digest, with her as its subject, and one under a public key."""
    producer = InMemoryProducer(Settings(digest_key=KEY))
    for public, key in ((False, "ann"), (True, "booking-1")):
        producer.predictions(
            deployment=producer.deployment("ns", "fares"),
            model=producer.model("ns", "fare", version="7"),
            public_keys=public,
        ).emit(key, features={"age": 41}, subject="ann@example.org")
    bodies = [value[SINGLE_OBJECT_HEADER:] for topic, _, value in producer.messages if topic == PREDICTIONS.name]
    history.keep(batch(PREDICTIONS.name, [], bodies=bodies))


class Watched:
    """A client that keeps what it is asked."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.asked: list[str] = []

    def query(self, query: str | None = None, parameters: Any = None, settings: Any = None) -> Any:
        self.asked.append(f"{query} {parameters}")
        return self._client.query(query, parameters, settings)


def test_by_plain_name_with_the_key(history: History) -> None:
    """With the key by plain name, also a public one; without it, or with another, only as it was recorded."""
    told(history)
    (row,) = ask(history.client, "prediction", digest_key=KEY, key="ann").dicts()
    assert (row["key_form"], row["model"]) == ("digest", "fare")
    recorded = explain_prediction(history.client, "ann", digest_key=KEY).prediction.key
    assert re.fullmatch("[0-9a-f]{32}", recorded)
    for key, digest_key in ((recorded, ""), (recorded, KEY), ("booking-1", KEY), ("booking-1", "")):
        assert len(ask(history.client, "prediction", digest_key=digest_key, key=key).rows) == 1
        assert explain_prediction(history.client, key, digest_key=digest_key).others == 0
    for digest_key in ("", "another key"):
        assert ask(history.client, "prediction", digest_key=digest_key, key="ann").rows == ()
        with pytest.raises(NotFound):
            explain_prediction(history.client, "ann", digest_key=digest_key)


def test_a_person_by_plain_name(history: History) -> None:
    """All that was predicted about her; her name does not go to the store, found or not."""
    told(history)
    watched: Any = Watched(history.client)
    answer = ask(watched, "predictions_about", digest_key=KEY, subject="ann@example.org")
    assert [row["key_form"] for row in answer.dicts()] == ["digest", "public"]
    token = answer.parameters["subject"]
    assert ask(history.client, "predictions_about", subject=token).rows == answer.rows
    assert ask(history.client, "predictions_about", digest_key=KEY, subject=token).rows == answer.rows
    assert ask(watched, "predictions_about", digest_key="another key", subject="ann@example.org").rows == ()
    assert "ann@" not in "".join(watched.asked)


def test_the_command_takes_the_setting(
    history: History, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`headwater audit` with HEADWATER_DIGEST_KEY, as the services have it; the key is not shown."""
    told(history)
    for name in ("store_url", "store_user", "store_password", "prefix"):
        monkeypatch.setenv(f"HEADWATER_{name.upper()}", getattr(history.settings, name))
    command = ["audit", "prediction", "ann", "--json"]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == []
    monkeypatch.setenv("HEADWATER_DIGEST_KEY", KEY)
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert len(json.loads(printed)["rows"]) == 1
    assert KEY not in printed
    assert main(["audit", "predictions_about", "ann@example.org", "--csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
