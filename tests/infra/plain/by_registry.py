"""Reads alerts with Confluent's Avro deserializer: the schema comes from the registry.

python by_registry.py BROKERS PREFIX SECONDS REGISTRY    → one line of JSON an alert, until SECONDS pass without one
"""

import json
import sys
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext


def main(brokers: str, prefix: str, seconds: str, registry: str) -> None:
    topic = f"{prefix}lineage.alerts"
    consumer: Any = Consumer({"bootstrap.servers": brokers, "group.id": "plain", "enable.auto.commit": False})
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    deserializer: Any = AvroDeserializer  # generated from asynchronous classes; type checkers see no constructor
    deserialize = deserializer(SchemaRegistryClient({"url": registry}))
    while (message := consumer.poll(float(seconds))) is not None:
        if message.error() is None:
            alert = deserialize(message.value(), SerializationContext(topic, MessageField.VALUE))
            print(json.dumps(alert, default=bytes.hex))  # noqa: T201 — its output is what the test reads
    consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
