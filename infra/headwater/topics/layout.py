"""Creates the declared topics and compares those that are there with the declaration."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import confluent_kafka
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.cimpl import NewTopic

from headwater.errors import StateError, Unavailable
from headwater.kafka import kafka_options, silent_logger
from headwater.schemas.topics import MAX_MESSAGE_BYTES, TOPICS, Topic
from headwater.settings import Settings

silent = silent_logger("topics")

#: How long a broker gets to answer, s.
PATIENCE = 10.0
#: Why each setting must be as declared.
REASONS: Mapping[str, str] = {
    "exists": "nothing can be sent to it or read from it",
    "partitions": "keys would move to other partitions, and the order of a run's events would be lost",
    "cleanup.policy": "compaction keeps one message of a key, deletion drops by age: the wrong one loses events",
    "retention.ms": "what is deleted earlier is lost to a worker that was away, and to state that is derived again",
    "max.message.bytes": "events that producers may send would be refused by the broker",
    "message.timestamp.type": "arrival is then what a producer's clock says, so the archive takes its own time instead",
}
#: More than declared does no harm: told, and no error.
_AT_LEAST = frozenset({"retention.ms", "max.message.bytes"})
#: Workers do without: told, and no error.
_TOLD_ONLY = frozenset({"message.timestamp.type"})
#: The embedded broker keeps these to itself, and takes messages of any size.
_NOT_OF_EMBEDDED = frozenset({"max.message.bytes"})
_EMBEDDED = "headwater-"


@dataclass(frozen=True)
class Difference:
    """A topic that is not as declared. `fatal`: workers must not start on it."""

    topic: str
    setting: str
    declared: str
    found: str
    fatal: bool

    @property
    def reason(self) -> str:
        """Why it matters."""
        return REASONS[self.setting]

    def __str__(self) -> str:
        return f"{self.topic}: {self.setting} is {self.found}, declared is {self.declared}; {self.reason}"


def create(settings: Settings, replication: int | None = None) -> list[str]:
    """Create what is missing and check the rest; the names of those created.

    `replication`: copies of each partition; None: the broker's default. Raises StateError where a topic that is
    there cannot be used, Unavailable where no broker answers in time.
    """
    client = _client(settings)
    there = _partitions(client, settings)
    refuse([found for found in check(settings) if found.fatal and found.setting != "exists"])
    missing = [topic for topic in (*TOPICS.values(), *_of_others(settings)) if topic.full_name(settings) not in there]
    if not missing:
        return []
    wanted = [
        NewTopic(
            topic.full_name(settings),
            num_partitions=partitions(topic, settings),
            replication_factor=replication or -1,
            config=configuration(topic) if topic.name in TOPICS else {},
        )
        for topic in missing
    ]
    for name, done in client.create_topics(wanted, operation_timeout=PATIENCE).items():
        try:
            done.result()
        except confluent_kafka.KafkaException as error:
            # Two that start at once both try; the second finds it made.
            if error.args[0].code() != confluent_kafka.KafkaError.TOPIC_ALREADY_EXISTS:
                raise StateError(f"topic {name} was not created: {error.args[0].str()}") from error
    _wait_for_leaders(client, settings, missing)
    return [topic.full_name(settings) for topic in missing]


def _of_others(settings: Settings) -> list[Topic]:
    """Topics that OpenLineage's clients write to: made where they are missing, else theirs to see to."""
    return [Topic(name, None, "as the client has it", "OpenLineage") for name in settings.openlineage_topic_names]


def check(settings: Settings) -> list[Difference]:
    """How the broker's topics differ from the declared. Raises Unavailable."""
    client = _client(settings)
    there = _partitions(client, settings)
    embedded = str(client.list_topics(timeout=PATIENCE).cluster_id).startswith(_EMBEDDED)
    found = _configurations(client, [t.full_name(settings) for t in TOPICS.values() if t.full_name(settings) in there])
    differences: list[Difference] = []
    for topic in TOPICS.values():
        name = topic.full_name(settings)
        if name not in there:
            differences.append(Difference(name, "exists", "yes", "no", fatal=True))
            continue
        if there[name] != partitions(topic, settings):
            differences.append(
                Difference(name, "partitions", str(partitions(topic, settings)), str(there[name]), fatal=True)
            )
        for setting, declared in configuration(topic).items():
            value = found.get(name, {}).get(setting, declared)
            if value != declared:
                fatal = not (
                    setting in _TOLD_ONLY
                    or (setting in _AT_LEAST and _more(value, declared))
                    or (setting in _NOT_OF_EMBEDDED and embedded)
                )
                differences.append(Difference(name, setting, declared, value, fatal=fatal))
    return differences


def _more(value: str, declared: str) -> bool:
    """Whether a limit allows more; -1 is none."""
    return value == "-1" or (declared != "-1" and int(value) > int(declared))


def refuse(differences: Sequence[Difference]) -> None:
    """Raise StateError for differences, with the steps to take."""
    if not differences:
        return
    steps: list[str] = []
    if any(difference.setting == "partitions" for difference in differences):
        steps.append(
            "Partition counts are fixed when a topic is created. Either set `partitions` to what is there, or give a "
            "new `prefix`, or stop all producers and workers, wait until `headwater status` shows no lag, delete the "
            "topic with your broker's own tools and create it again."
        )
    if any(difference.setting == "exists" for difference in differences):
        steps.append("`headwater topics create` makes what is missing.")
    changed: dict[str, list[str]] = {}
    for difference in differences:
        if difference.setting not in ("partitions", "exists"):
            changed.setdefault(difference.topic, []).append(f"{difference.setting}={difference.declared}")
    if changed:
        steps.append("Headwater never changes a topic that is there; with Kafka's own tool:")
        steps += [
            f"`kafka-configs.sh --bootstrap-server … --alter --topic {topic} --add-config {','.join(values)}`"
            for topic, values in changed.items()
        ]
    raise StateError(". ".join(map(str, differences)) + ". " + " ".join(steps))


def partitions(topic: Topic, settings: Settings) -> int:
    """How many partitions the topic is declared with."""
    return topic.partitions or settings.partitions


def configuration(topic: Topic) -> dict[str, str]:
    """The topic's settings as the broker names them."""
    return {
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "retention.ms": str(topic.retention_ms),
        "max.message.bytes": str(MAX_MESSAGE_BYTES),
        # Arrival is when the broker appended it, not what a producer's clock says.
        "message.timestamp.type": "LogAppendTime",
    }


def _client(settings: Settings) -> Any:
    return AdminClient(
        {"bootstrap.servers": settings.brokers, "socket.timeout.ms": int(PATIENCE * 1000), **kafka_options(settings)},
        logger=silent,
    )


def _partitions(client: Any, settings: Settings) -> dict[str, int]:
    try:
        topics = client.list_topics(timeout=PATIENCE).topics
    except confluent_kafka.KafkaException as error:
        raise Unavailable(f"no broker answers at {settings.brokers} within {PATIENCE:.0f} s") from error
    return {name: len(topic.partitions) for name, topic in topics.items() if topic.error is None}


def _configurations(client: Any, names: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
    if not names:
        return {}
    wanted = {name: ConfigResource(ConfigResource.Type.TOPIC, name) for name in names}
    found: dict[str, Mapping[str, str]] = {}
    for resource, answer in client.describe_configs(list(wanted.values())).items():
        try:
            entries = answer.result()
        except confluent_kafka.KafkaException as error:
            raise Unavailable(f"settings of topic {resource.name} cannot be read: {error.args[0].str()}") from error
        found[resource.name] = {name: entry.value for name, entry in entries.items() if entry.value is not None}
    return found


def _wait_for_leaders(client: Any, settings: Settings, topics: Sequence[Topic]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        known = client.list_topics(timeout=PATIENCE).topics
        listed = [known.get(topic.full_name(settings)) for topic in topics]
        if all(one and one.partitions and all(p.leader >= 0 for p in one.partitions.values()) for one in listed):
            return
        time.sleep(0.05)
    raise Unavailable(f"topics were created and have no leader after {PATIENCE:.0f} s; see the broker's log")
