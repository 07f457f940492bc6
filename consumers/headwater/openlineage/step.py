"""The worker that takes OpenLineage events from Kafka topics, as OpenLineage's Kafka transports write them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from headwater.errors import InvalidMessage, SettingsError
from headwater.openlineage.texts import read
from headwater.schemas import reasons
from headwater.schemas.topics import TOPICS
from headwater.settings import Settings
from headwater.streams.batch import Batch
from headwater.streams.step import Output, Round, clock_us, instance_id


class OpenLineageStep:
    """Each message is an event as JSON. It has no state: the same message makes messages of the same contents.

    Their keys (`run:…`, `job:…`, `dataset:…`) are not looked at: what an event is about stands in it.
    """

    name = "openlineage"
    lookback: timedelta | None = None
    round = Round()

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError where no topic is named, or one of our own."""
        self.inputs = self.inputs_of(settings)
        if not self.inputs:
            raise SettingsError("setting openlineage_topics: name the topics that OpenLineage's clients write to")
        if own := [name for name in self.inputs if name in TOPICS]:
            raise SettingsError(f"setting openlineage_topics: {', '.join(own)} holds our own messages")

    @staticmethod
    def inputs_of(settings: Settings) -> tuple[str, ...]:
        """The topics that the settings name."""
        return settings.openlineage_topic_names

    def read(self, value: bytes) -> Sequence[Output]:
        """The messages of one event. Raises InvalidMessage."""
        if not value:
            raise InvalidMessage(reasons.EMPTY, "the message has no value")
        made = read(value, now_us=clock_us(), sender=instance_id())
        return [Output(topic.name, of, body) for topic, of, body in made]

    def process(self, batch: Batch) -> Sequence[Output]:
        """What was read."""
        return batch.made

    def flush(self) -> None:
        return

    def tick(self, now_us: int) -> Sequence[Output]:  # noqa: ARG002 — a step's signature
        return ()

    def revoked(self, partitions: set[tuple[str, int]]) -> None:  # noqa: ARG002 — a step's signature
        return
