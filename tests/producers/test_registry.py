"""With a Schema Registry: schemas are registered, messages carry its ids, the schema topic is not needed."""

from __future__ import annotations

import pytest

from headwater.producer import Producer
from headwater.schemas import framing, plain
from headwater.schemas import registry as registries
from headwater.settings import Settings
from tests.backends.clients import create_topics
from tests.backends.kinds import Kafka, Registry
from tests.producers.test_kafka import read_all


@pytest.mark.integration
def test_messages_carry_the_registrys_ids(kafka: Kafka, registry: Registry, prefix: str) -> None:
    """Every message is in Confluent's wire format, and the registry knows its schema."""
    create_topics(kafka.bootstrap, {prefix + name: 1 for name in ("lineage.runs", "lineage.producers")})
    producer = Producer(Settings(brokers=kafka.bootstrap, prefix=prefix, registry_url=registry.url))
    with producer.run(producer.job("tests", "registry")):
        pass
    assert producer.flush(30), producer.stats()
    producer.close()
    assert producer.stats().drops == {}
    found = read_all(kafka, prefix, {"lineage.runs": 2, "lineage.producers": 2})
    with registries.Registry(registry.url) as client:
        for message in [*found["lineage.runs"], *found["lineage.producers"]]:
            header = framing.read_header(message.value())
            assert header.registry_id is not None
            schema = client.schema(header.registry_id)
            assert schema is not None
            plain.decode(schema, message.value()[header.length :])
