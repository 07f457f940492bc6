"""Every registry backend does what Headwater relies on, through Confluent's client and API."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

from tests.backends.kinds import Registry

pytestmark = pytest.mark.integration

_FIELDS: list[dict[str, Any]] = [{"name": "count", "type": "long"}, {"name": "note", "type": "string", "default": ""}]


def _schema(fields: list[dict[str, Any]]) -> Schema:
    return Schema(json.dumps({"type": "record", "name": "Thing", "fields": fields}), "AVRO")


@pytest.fixture
def client(registry: Registry) -> Iterator[SchemaRegistryClient]:
    with contextlib.closing(SchemaRegistryClient({"url": registry.url})) as client:
        yield client


def test_it_frames(client: SchemaRegistryClient, prefix: str) -> None:
    """A value is framed as 00, the id that the registry gave in four bytes, the body; and read back."""
    topic = f"{prefix}things"
    context = SerializationContext(topic, MessageField.VALUE)
    schema = _schema(_FIELDS)
    serializer: Any = AvroSerializer  # generated from asynchronous classes; type checkers see no constructor
    deserializer: Any = AvroDeserializer
    write = serializer(client, schema.schema_str, conf={"auto.register.schemas": True})
    message = write({"count": 7, "note": "x"}, context)
    assert message is not None
    registered = client.get_latest_version(f"{topic}-value")
    assert message[:1] == b"\x00"
    assert int.from_bytes(message[1:5], "big") == registered.schema_id
    assert message[5:] == b"\x0e\x02x"
    assert deserializer(client)(message, context) == {"count": 7, "note": "x"}


def test_the_same_schema_has_one_id(client: SchemaRegistryClient, prefix: str) -> None:
    """Registering a schema twice, and under a second subject, gives the id that it had."""
    first = client.register_schema(f"{prefix}a-value", _schema(_FIELDS))
    assert client.register_schema(f"{prefix}a-value", _schema(_FIELDS)) == first
    assert client.get_schema(first).schema_str is not None


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param([{"name": "count", "type": "string"}], id="a type changed"),
        pytest.param([*_FIELDS, {"name": "more", "type": "long"}], id="a field without default added"),
        pytest.param(_FIELDS[1:], id="a field without default removed"),
    ],
)
def test_it_refuses_what_breaks_full_transitive(
    client: SchemaRegistryClient, prefix: str, fields: list[dict[str, Any]]
) -> None:
    """Under FULL_TRANSITIVE a change that old readers or new ones cannot read is answered with 409."""
    subject = f"{prefix}strict-value"
    client.register_schema(subject, _schema(_FIELDS))
    client.set_compatibility(subject, "FULL_TRANSITIVE")
    with pytest.raises(SchemaRegistryError) as refusal:
        client.register_schema(subject, _schema(fields))
    assert refusal.value.http_status_code == 409
    client.register_schema(subject, _schema([*_FIELDS, {"name": "more", "type": "long", "default": 0}]))
