"""The topics: one for each record, one for the schemas, named with the prefix."""

from __future__ import annotations

from headwater.schemas.records import RECORDS
from headwater.schemas.topics import RUNS, SCHEMAS, STITCHING, TOPICS, dataset_key
from headwater.settings import Settings


def test_one_record_a_topic() -> None:
    """Each record has one topic, so that TopicNameStrategy works; only schemas and state are compacted."""
    assert sorted(topic.record for topic in TOPICS.values() if topic.record) == sorted(RECORDS)
    assert [topic for topic in TOPICS.values() if topic.compacted] == [SCHEMAS, STITCHING]
    assert all(name == topic.name for name, topic in TOPICS.items())


def test_names_carry_the_prefix() -> None:
    """Several environments share a cluster by their prefix."""
    assert RUNS.full_name(Settings(prefix="staging.")) == "staging.lineage.runs"
    assert RUNS.full_name(Settings()) == "lineage.runs"


def test_dataset_keys_do_not_run_into_one_another() -> None:
    """Namespace and name are told apart; the same dataset always has the same key."""
    assert dataset_key("a", "b/c") != dataset_key("a/b", "c")
    assert dataset_key("postgres://h", "t") == b"postgres://h\nt"
