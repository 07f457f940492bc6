"""What leaves for the store: rows that any Avro reader reads back, digests, partitions, and the table of codes."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any, cast

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.archive import codes, structure
from headwater.archive.codes import CODES, Fault, fault_of
from headwater.archive.landing import ARCHIVED, takes
from headwater.archive.packing import Row, container, pack, row_schema
from headwater.schemas import records, topics, varints
from headwater.schemas.content import content_digest
from headwater.streams.batch import Batch
from tests.consumers.history.messages import RECORD_OF, START, batch, head, micros, run_event


@given(st.integers(-(2**63), 2**63 - 1), st.binary(max_size=3))
def test_varints(value: int, rest: bytes) -> None:
    """Every long is written as fastavro writes it and read back, whatever follows."""
    out = io.BytesIO()
    cast("Any", fastavro).schemaless_writer(out, "long", value)
    assert varints.encode(value) == out.getvalue()
    assert varints.decode(varints.encode(value) + rest, 0) == value
    assert varints.end(varints.encode(value) + rest, 0) == len(varints.encode(value))


def packed_rows(sent: Batch) -> list[Row]:
    return [Row(sent, n, micros(START), b"f" * 8, value[10:], value[10:]) for n, value in enumerate(sent.values)]


def test_a_container_holds_rows_that_fastavro_reads() -> None:
    """Our columns stand before the record's fields, the offset stands again behind them."""
    events = [run_event(f"r {n}", "START", micros(START) + n) for n in range(5)]
    sent = batch(topics.RUNS.name, events, first=2**40, partition=7, generation="g")
    sent = replace(sent, keys=[None, *sent.keys[1:]])
    rows = packed_rows(sent)
    file = io.BytesIO(container(row_schema(records.current("run_event")), [pack(row)[0] for row in rows]))
    read = [cast("dict[str, Any]", row) for row in cast("Any", fastavro).reader(file)]
    assert len(read) == 5
    for n, row in enumerate(read):
        assert (row["_partition"], row["_offset"], row["_check"], row["_generation"]) == (7, 2**40 + n, 2**40 + n, "g")
        assert row["_key"] == (None if n == 0 else b"key")
        assert row["_body"] == rows[n].body
        assert row["_content_digest"] == content_digest(rows[n].body)
        assert row["event_id"] == events[n]["event_id"]
        assert row["run"]["run_id"] == events[n]["run"]["run_id"]


def test_every_archived_record_begins_with_the_same_five_fields() -> None:
    """The archive reads them by place, in every released version."""
    for topic in ARCHIVED:
        for schema in records.released(str(topic.record)):
            names = [field["name"] for field in schema.definition["fields"]]
            assert names[:5] == list(head("x", 0))
            assert takes(schema, schema)
            assert structure.columns(schema)


def test_all_topics_are_archived_but_two() -> None:
    """Uses are unrolled from run events, schemas are kept with what was written in them."""
    assert {topic.name for topic in ARCHIVED} == set(RECORD_OF) - {topics.USES.name}


def test_a_writer_with_other_fields_does_not_fit() -> None:
    """One field more, one less, or another order: such bodies are resolved, never inserted as they are."""
    current = records.current("decision")
    fields: list[dict[str, Any]] = current.definition["fields"]
    more = {"name": "added", "type": "string", "default": ""}
    for other in ([*fields, more], fields[:-1], [fields[1], fields[0], *fields[2:]]):
        writer = records.parse(json.dumps({**current.definition, "fields": other}))
        assert not takes(current, writer)


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ("Code: 241. DB::Exception: Memory limit", Fault.RETRY),
        ("Received ClickHouse exception, code: 252, server response: Too many parts", Fault.RETRY),
        ("Code: 252. DB::Exception: Too many partitions for single INSERT block", Fault.BATCH),
        ("Code: 117. DB::Exception: bad data", Fault.BATCH),
        ("Code: 1001. DB::Exception: std::exception. type: avro::Exception, EOF reached", Fault.BATCH),
        ("Code: 1001. DB::Exception: std::exception. type: std::bad_alloc", Fault.UNKNOWN),
        ("Code: 777. DB::Exception: news", Fault.UNKNOWN),
        ("Connection refused", Fault.RETRY),
    ],
)
def test_whose_fault_an_error_is(message: str, fault: Fault) -> None:
    """By the server's code; without one it is the network's; unknown codes are never the batch's."""
    assert fault_of(message) is fault


def test_every_code_has_its_reason() -> None:
    """The table explains each code in a sentence."""
    assert all(code.reason.endswith(".") and code.name.isupper() for code in CODES.values())
    assert codes.code_of("nothing") is None
