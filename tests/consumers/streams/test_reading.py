"""Reading a chunk: what is whole comes out, what is not is refused with its reason, and nobody harms a neighbour."""

from __future__ import annotations

import dataclasses
import json
import random
import struct
from typing import Any

import pytest

from headwater.schemas import plain, reasons, records
from headwater.schemas.bounds import BOUNDED
from headwater.schemas.nil import NAMING, NIL, nil_id
from headwater.schemas.topics import MAX_MESSAGE_BYTES, Topic
from headwater.settings import Settings
from headwater.stitching import ordinary
from headwater.streams.chunk import Chunk
from headwater.streams.letters import dead_letters
from headwater.streams.reading import SchemaName, read
from headwater.streams.schemas import SchemaBook
from tests.benchmarks import workload

SCHEMA = records.current("run_event")
RUN_ID, EVENT, COMPLETE = workload.events_of(1, random.Random(1))
GOOD = plain.message(SCHEMA, EVENT)
GARBAGE = {
    reasons.EMPTY: b"",
    reasons.WRONG_MAGIC: b"plain text, no Avro at all",
    reasons.UNKNOWN_SCHEMA: b"\xc3\x01" + bytes(8) + GOOD[10:],
    reasons.WRONG_RECORD: b"\xc3\x01" + records.current("verdict").fingerprint_bytes + GOOD[10:],
    reasons.TRUNCATED: GOOD[:-5],
    reasons.SURPLUS_BYTES: GOOD + GOOD[10:],
    reasons.TOO_LONG: plain.message(SCHEMA, {**EVENT, "job": {"namespace": "j", "name": "n" * 8193}}),
    reasons.NIL_ID: plain.message(SCHEMA, {**EVENT, "event_id": NIL}),
    reasons.TOO_LARGE: GOOD + bytes(MAX_MESSAGE_BYTES),
}


def chunk(values: list[bytes]) -> Chunk:
    """A chunk of lineage.runs."""
    count = len(values)
    return Chunk("lineage.runs", 3, [b"key"] * count, values, list(range(count)), [1_700_000_000_000] * count)


@pytest.fixture
def book() -> SchemaBook:
    return SchemaBook(Settings())


@pytest.mark.parametrize("why", GARBAGE)
def test_garbage_is_refused_with_its_reason(why: str, book: SchemaBook) -> None:
    """Between good messages, one bad one is refused and the good ones are read."""
    reading = read(chunk([GOOD, GARBAGE[why], GOOD]), book, final=True)
    assert [(one.row, one.reason) for one in reading.refused] == [(1, why)]
    [group] = reading.batch.groups
    assert group.rows.tolist() == [0, 2]
    assert group.bodies[0] == group.bodies[1] == GOOD[10:]


def _holding(path: str, text: str) -> dict[str, Any]:
    """An event that has this text at that path, and one of everything that may have one."""
    refs = {"run_id": bytes(16), "job_namespace": "j", "job_name": "n"}
    named = {"namespace": "ns", "name": "x", "version": "1"}
    event: dict[str, Any] = {
        **EVENT,
        "run": {**EVENT["run"], "parent": {**refs}, "root": {**refs}, "links": [{"topic": "t"}]},
        "job": {"namespace": "j", "name": "n"},
        "inputs": [{**named}, {**named}],
        "outputs": [{**named}, {**named, "edges": [{**named}], "column_lineage": [{**named}, {**named}]}],
    }
    place: Any = event
    *before, last = path.split(".")
    for step in before:
        place = place[step[:-2]][-1] if step.endswith("[]") else place[step]
    if last.endswith("[]"):
        raise AssertionError(path)
    place[last] = text
    return event


@pytest.mark.parametrize("strange", [False, True], ids=["ours", "another writer's"])
@pytest.mark.parametrize("path", BOUNDED)
def test_a_text_that_edges_copy_has_a_bound(path: str, strange: bool, book: SchemaBook) -> None:
    """Of 8 KB it is read; of a byte more the event is refused, with its place and size, and its neighbours are read."""
    schema = SCHEMA
    if strange:
        fields = [{"name": "before", "type": "string", "default": ""}, *SCHEMA.definition["fields"]]
        schema = records.parse(json.dumps({**SCHEMA.definition, "fields": fields}))
        book.add(schema)
    events = [_holding(path, text) for text in ("n" * 8192, "ä" * 4096 + "n", "short")]
    values = [plain.message(schema, event) for event in events]
    for program in (None, ordinary.program):
        reading = read(chunk([*values, GOOD]), book, program=program, final=True)
        assert [(one.row, one.reason) for one in reading.refused] == [(1, reasons.TOO_LONG)]
        assert "has 8,193 bytes, at most 8,192" in reading.refused[0].detail
        assert reading.refused[0].detail.startswith(path.split("[]", maxsplit=1)[0])
        assert sorted(row for group in reading.batch.groups for row in group.rows.tolist()) == [0, 2, 3]
        for group in reading.batch.groups:
            assert group.decoded is None or not group.decoded.error.any()
            assert group.decoded is None or len(group.decoded.error) == len(group.rows)


def _named(**ids: bytes) -> dict[str, Any]:
    """An event with these ids of itself and its run, one of zeros as its parent's, its producer's and its trace's."""
    nobody = {"run_id": NIL, "job_namespace": "j", "job_name": "n"}
    run = {**EVENT["run"], "run_id": ids["run"], "parent": nobody, "root": nobody, "trace_id": NIL}
    return {**EVENT, "producer_id": NIL, "event_id": ids["event"], "run": run}


#: Run events as others write them: a field, or a list, before all others, and the run before the event's id.
_TAGS: dict[str, Any] = {"name": "before", "type": {"type": "array", "items": "string"}, "default": []}
_TEXT: dict[str, Any] = {"name": "before", "type": ["null", "string"], "default": None}
_FIELDS: list[dict[str, Any]] = SCHEMA.definition["fields"]
_ORDERS = {
    "ours": _FIELDS,
    "a text before": [_TEXT, *_FIELDS],
    "a list before": [_TAGS, *_FIELDS],
    "the id behind": sorted(_FIELDS, key=lambda field: field["name"] == "event_id"),
}


@pytest.mark.parametrize("order", _ORDERS)
def test_an_id_of_zeros_names_no_event_and_no_run(order: str, book: SchemaBook) -> None:
    """Zeros stand for none in the history: an edge withdrawn by such an event would stand there, and such a run's edges
    would be a job's. One byte makes it an id; who sent it, its parent and its trace may be unknown.
    """
    schema = records.parse(json.dumps({**SCHEMA.definition, "fields": _ORDERS[order]}))
    book.add(schema)
    good, first, last = b"n" * 16, b"\x01" + bytes(15), bytes(15) + b"\x01"
    ids = [(good, good), (NIL, good), (first, last), (good, NIL), (last, first), (NIL, NIL)]
    values = [plain.message(schema, _named(event=event, run=run)) for event, run in ids]
    values += [plain.message(schema, {**EVENT, "event_id": one, "run": None, "kind": "job"}) for one in (NIL, good)]
    for program in (None, ordinary.program):
        reading = read(chunk([*values, GOOD]), book, program=program, final=True)
        told = [(1, NAMING[0]), (3, NAMING[1]), (5, NAMING[0]), (6, NAMING[0])]
        assert [(one.row, one.reason, one.detail) for one in reading.refused] == [
            (row, reasons.NIL_ID, f"{path} is all zeros, which stands for none") for row, path in told
        ]
        assert sorted(row for group in reading.batch.groups for row in group.rows.tolist()) == [0, 2, 4, 7, 8]


def test_ids_are_found_wherever_they_stand(book: SchemaBook) -> None:
    """Whatever stands before them, of any length, there or not."""
    chance = random.Random(16)
    events: list[dict[str, Any]] = []
    for length in range(300):
        said = {
            "emit_time": chance.getrandbits(chance.randint(0, 62)) - 1,
            "sequence": chance.getrandbits(chance.randint(0, 62)),
            "event_time": -chance.getrandbits(chance.randint(0, 62)),
            "actor": chance.choice([None, "a" * length]),
            "purpose": chance.choice([None, "\0" * length]),
        }
        event = _named(event=chance.choice([NIL, b"n" * 16]), run=chance.choice([NIL, b"n" * 16]))
        events.append({**event, **said, "run": chance.choice([event["run"], event["run"], None])})
    reading = read(chunk([plain.message(SCHEMA, event) for event in events]), book, final=True)
    assert {one.row for one in reading.refused} == {row for row, event in enumerate(events) if nil_id(event)}
    assert 50 < len(reading.refused) < 250


def test_an_event_whose_key_is_longer_than_two_names_is_refused(book: SchemaBook) -> None:
    """The messages that are made of it have its key, too."""
    keyed = dataclasses.replace(chunk([GOOD, GOOD, GOOD]), keys=[b"k" * 16_385, b"k" * 16_386, None])
    reading = read(keyed, book, final=True)
    assert [(one.row, one.reason) for one in reading.refused] == [(1, reasons.TOO_LONG)]
    assert reading.refused[0].detail == "its key has 16,386 bytes, at most 16,385 are taken"


def test_an_unknown_schema_is_waited_for_first(book: SchemaBook) -> None:
    """Until it was waited for in vain, a message whose schema is not known is not refused."""
    reading = read(chunk([GOOD, GARBAGE[reasons.UNKNOWN_SCHEMA]]), book)
    assert reading.missing == {SchemaName(fingerprint=0)}
    assert not reading.refused


def test_both_framings_stand_side_by_side(book: SchemaBook) -> None:
    """Messages in Confluent's form are read by the registry's id."""

    class Registry:
        def schema(self, registry_id: int) -> records.Schema | None:
            return SCHEMA if registry_id == 7 else None

        def register(self, topic: Topic, schema: records.Schema, settings: Settings) -> int:
            raise AssertionError("a reader registers nothing")

    both = SchemaBook(Settings(), Registry())
    confluent = b"\0" + struct.pack(">I", 7) + GOOD[10:]
    assert read(chunk([confluent]), both).missing == {SchemaName(registry_id=7)}
    assert both.wait({SchemaName(registry_id=7)}) == set()
    reading = read(chunk([GOOD, confluent, GOOD]), both)
    assert sorted(row for group in reading.batch.groups for row in group.rows.tolist()) == [0, 1, 2]
    assert all(group.dicts()[0]["event_id"] == EVENT["event_id"] for group in reading.batch.groups)


def test_a_schema_missed_once_is_not_waited_for_again_for_a_minute() -> None:
    """After a wait in vain it counts as missed, and after a minute no longer."""
    now = [1000.0]
    book = SchemaBook(Settings(), clock=lambda: now[0])
    name = SchemaName(fingerprint=5)
    assert book.wait({name}, 0) == {name}
    assert book.missed(name)
    now[0] += 61
    assert not book.missed(name)


def test_a_chunk_with_nothing_in_it_but_garbage_is_a_batch(book: SchemaBook) -> None:
    """Its offsets can be committed."""
    reading = read(chunk([b"", b"x"]), book, final=True)
    assert reading.batch.groups == []
    assert reading.batch.offsets.tolist() == [0, 1]


def test_a_dead_letter_says_where_and_why_and_is_the_same_each_time(book: SchemaBook) -> None:
    """Its id follows from what it says, not from when; of a too large message only the coordinates are kept."""
    values = [GARBAGE[reasons.TRUNCATED], GARBAGE[reasons.TOO_LARGE]]
    reading = read(chunk(values), book, final=True)
    first, again = (
        dead_letters(
            reading.batch, reading.refused, worker="w", topic="p.lineage.runs", producer_id=bytes(16), now_us=now
        )
        for now in (1, 2)
    )
    schema = records.current("dead_letter")
    letters = [plain.decode(schema, output.value[10:]) for output in first]
    assert [letter["event_id"] for letter in letters] == [
        plain.decode(schema, output.value[10:])["event_id"] for output in again
    ]
    assert [(x["topic"], x["partition"], x["offset"], x["reason"], x["length"]) for x in letters] == [
        ("p.lineage.runs", 3, row, why, len(values[row])) for row, why in ((0, "truncated"), (1, "too_large"))
    ]
    assert letters[0]["body"] == values[0]
    assert letters[1]["body"] == b""
