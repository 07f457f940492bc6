"""The archive worker: Kafka's topics into ClickHouse, in frozen batches, each message once."""

from headwater.archive.step import ArchiveStep

__all__ = ["ArchiveStep"]
