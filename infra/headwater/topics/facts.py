"""What a broker says of itself and of how it stamps messages."""

from __future__ import annotations

from typing import Any

import confluent_kafka
from confluent_kafka.admin import AdminClient

from headwater.errors import Unavailable
from headwater.kafka import kafka_options
from headwater.schemas.topics import TOPICS
from headwater.settings import Settings
from headwater.topics.layout import PATIENCE, check, silent


def cluster_id(settings: Settings) -> str | None:
    """The id of the cluster that answers. Raises Unavailable."""
    configuration: dict[str, str | int | float] = {
        "bootstrap.servers": settings.brokers,
        "socket.timeout.ms": int(PATIENCE * 1000),
        **kafka_options(settings),
    }
    client: Any = AdminClient(configuration, logger=silent)
    try:
        listed = client.list_topics(timeout=PATIENCE)
    except confluent_kafka.KafkaException as error:
        raise Unavailable(f"no broker answers at {settings.brokers}") from error
    return None if listed.cluster_id is None else str(listed.cluster_id)


def append_time_topics(settings: Settings) -> frozenset[str]:
    """Topics, without the prefix, whose message times the broker itself sets. Raises Unavailable."""
    not_so = {found.topic for found in check(settings) if found.setting in ("message.timestamp.type", "exists")}
    return frozenset(topic.name for topic in TOPICS.values() if topic.full_name(settings) not in not_so)
