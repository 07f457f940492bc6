"""Reads alerts with Kafka's client and fastavro alone: the schema comes from the schema topic.

python by_schema_topic.py BROKERS PREFIX SECONDS    → one line of JSON an alert, until SECONDS pass without one
"""

import io
import json
import sys
from typing import Any, cast

import fastavro
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition


def messages(brokers: str, topic: str, patience: float) -> list[Any]:
    """Every message of a topic, read from its beginning without a group's offsets."""
    consumer: Any = Consumer({"bootstrap.servers": brokers, "group.id": "plain", "enable.auto.commit": False})
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    found: list[Any] = []
    while (message := consumer.poll(patience)) is not None:
        if message.error() is None:
            found.append(message)
    consumer.close()
    return found


def main(brokers: str, prefix: str, seconds: str) -> None:
    avro = cast("Any", fastavro)  # its types are partly unknown
    schemas = {
        message.key(): avro.parse_schema(json.loads(message.value()))
        for message in messages(brokers, f"{prefix}lineage.schemas", float(seconds))
    }
    for message in messages(brokers, f"{prefix}lineage.alerts", float(seconds)):
        value = message.value()
        # Single-object encoding: C3 01, the schema's fingerprint in eight bytes, the body.
        if value[:2] != b"\xc3\x01":
            raise SystemExit(f"not single-object encoding: {value[:10].hex()}")
        alert = avro.schemaless_reader(io.BytesIO(value[10:]), schemas[value[2:10]])
        print(json.dumps(alert, default=bytes.hex))  # noqa: T201 — its output is what the test reads


if __name__ == "__main__":
    main(*sys.argv[1:])
