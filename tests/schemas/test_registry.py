"""The Schema Registry: what it takes, what it refuses, and what becomes of its faults."""

from __future__ import annotations

import contextlib
import http.server
import importlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from headwater.errors import ContractError, MissingExtra, SettingsError, Unavailable
from headwater.schemas import plain
from headwater.schemas.evolution import incompatible
from headwater.schemas.framing import confluent_header, read_header
from headwater.schemas.records import RECORDS, Schema, current, released
from headwater.schemas.registry import Registry, subject_of
from headwater.schemas.topics import RUNS, TOPICS
from headwater.settings import Settings
from tests.backends import kinds
from tests.schemas.test_evolution import ALLOWED, INCOMPATIBLE, Change, changed


@pytest.fixture
def client(registry: kinds.Registry) -> Iterator[Registry]:
    client = Registry.of(Settings(registry_url=registry.url))
    assert client is not None
    with client:
        yield client


def _asked(url: str, timeout: float) -> Schema | None:
    with Registry(url, timeout=timeout) as client:
        return client.schema(1)


@pytest.mark.integration
@pytest.mark.parametrize("record", RECORDS)
def test_every_record_is_registered_and_read_back(
    registry: kinds.Registry, client: Registry, prefix: str, record: str
) -> None:
    """Each record's schema gets an id under its topic's subject, once; by the id comes the same schema."""
    settings = Settings(prefix=prefix)
    topic = next(topic for topic in TOPICS.values() if topic.record == record)
    given = client.register(topic, current(record), settings)
    assert client.register(topic, current(record), settings) == given
    with Registry(registry.url) as other:
        found = other.schema(read_header(confluent_header(given)).registry_id or 0)
    assert found == current(record)
    assert found is not None
    assert found.name == current(record).name


@pytest.mark.integration
def test_it_refuses_what_our_check_refuses(client: Registry, prefix: str) -> None:
    """Every change of the table that our check refuses is refused by a real registry, and what it allows is taken."""
    settings = Settings(prefix=prefix)
    client.register(RUNS, current("run_event"), settings)
    changes: dict[str, Change] = {**INCOMPATIBLE, **ALLOWED}
    for name, change in changes.items():
        candidate = changed("run_event", change)
        ours = not incompatible(candidate, released("run_event"))
        assert client.compatible(RUNS, candidate, settings) == ours, name
    with pytest.raises(ContractError, match="refuses to register"):
        client.register(RUNS, changed("run_event", INCOMPATIBLE["a field without a default"]), settings)


@pytest.mark.integration
def test_an_id_that_is_not_there(client: Registry) -> None:
    """A registry that answers, and has no such schema: None, so that the message is a dead letter."""
    assert client.schema(999_999_999) is None


def test_no_registry_without_the_setting() -> None:
    """Without registry_url there is none, and nothing of the client's is loaded."""
    assert Registry.of(Settings()) is None


def test_subjects_follow_the_topic() -> None:
    """TopicNameStrategy, with the prefix."""
    assert subject_of(RUNS, Settings(prefix="test.")) == "test.lineage.runs-value"


def test_a_missing_extra_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the client's own requirements the error holds the command that installs them."""

    def absent(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("headwater.schemas.registry.import_module", absent)
    with pytest.raises(MissingExtra, match=r"\[registry\]"):
        Registry("http://127.0.0.1:1")


def test_a_url_that_is_none_is_a_setting_s_error() -> None:
    """A misspelt registry_url is told at once, with its value."""
    with pytest.raises(SettingsError, match="registry_url 'nowhere'"):
        Registry("nowhere")


class _Answers(http.server.BaseHTTPRequestHandler):
    """A registry that answers what `answer` says, or not at all."""

    answer: tuple[int, bytes] | None = None

    def _reply(self) -> None:
        if self.answer is None:
            time.sleep(3)
            return
        status, body = self.answer
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = _reply  # noqa: N815 — the names that the server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the server's own name
        """Say nothing."""


@pytest.fixture
def fake() -> Iterator[tuple[type[_Answers], str]]:
    """A registry of ours on a free port, for the answers that a real one gives only when it is ill."""
    handler = type("Answers", (_Answers,), {})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield handler, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.integration
@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (500, b'{"error_code": 50001, "message": "store"}', Unavailable, "HTTP 500"),
        (503, b"<html>down</html>", Unavailable, "registry at"),
        (401, b'{"error_code": 401, "message": "who"}', Unavailable, "check registry_auth"),
        (200, b"<html>proxy</html>", Unavailable, "registry at"),
        (200, b'{"schema": "syntax = \\"proto3\\";", "schemaType": "PROTOBUF"}', ContractError, "PROTOBUF, not Avro"),
        (200, b'{"schema": "no schema"}', ContractError, "not an Avro schema"),
        (
            200,
            b'{"schema": "{}", "references": [{"name": "a", "subject": "a", "version": 1}]}',
            ContractError,
            "must stand alone",
        ),
    ],
)
def test_faults(fake: tuple[type[_Answers], str], status: int, body: bytes, error: type[Exception], said: str) -> None:
    """What the registry does wrong is Unavailable (ask again), what it holds wrong is ContractError."""
    handler, url = fake
    handler.answer = (status, body)
    with pytest.raises(error, match=said):
        _asked(url, 2)


@pytest.mark.integration
def test_it_does_not_wait_for_ever(fake: tuple[type[_Answers], str]) -> None:
    """A registry that takes the question and does not answer: Unavailable within the timeout, and a second."""
    _, url = fake
    begin = time.monotonic()
    with pytest.raises(Unavailable, match="does not answer"):
        _asked(url, 0.5)
    assert time.monotonic() - begin < 1.5


@pytest.mark.integration
def test_nobody_there() -> None:
    """A refused connection is Unavailable, at once."""
    with pytest.raises(Unavailable, match="does not answer"):
        _asked("http://127.0.0.1:9", 1)


@pytest.mark.integration
def test_a_message_of_another_client_is_read(registry: kinds.Registry, client: Registry, prefix: str) -> None:
    """What a Confluent client frames with the registered schema is read by us, by id."""
    serializing = importlib.import_module("confluent_kafka.schema_registry.avro")
    serialization = importlib.import_module("confluent_kafka.serialization")
    client_module = importlib.import_module("confluent_kafka.schema_registry")
    schema = current("producer_event")
    client.register(TOPICS["lineage.producers"], schema, Settings(prefix=prefix))
    value = {
        "emit_time": 1, "producer_id": bytes(16), "sequence": 2, "event_id": bytes(16), "event_time": 3,
        "kind": "opened", "last_sequence": 2,
    }  # fmt: skip
    place = serialization.SerializationContext(f"{prefix}lineage.producers", serialization.MessageField.VALUE)
    with contextlib.closing(client_module.SchemaRegistryClient({"url": registry.url})) as theirs:
        message: bytes = serializing.AvroSerializer(theirs, schema.text)(value, place)
    header = read_header(message)
    writer = client.schema(header.registry_id or 0)
    assert writer == schema
    assert plain.decode(schema, message[header.length :])["kind"] == "opened"
