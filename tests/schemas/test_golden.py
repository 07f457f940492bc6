"""Golden bytes: every released version of every record is written and read as on the day of its release."""

from __future__ import annotations

import pytest

from headwater.schemas import framing, plain
from headwater.schemas.codec import Bodies, validate
from headwater.schemas.records import RECORDS, current, released
from tests.schemas.golden import REGISTRY_ID, load, make, path_of

CASES = [
    pytest.param(record, version, full, id=f"{record}-v{version}-{'full' if full else 'sparse'}")
    for record in RECORDS
    for version in range(1, len(released(record)) + 1)
    for full in (False, True)
]


@pytest.mark.parametrize(("record", "version", "full"), CASES)
def test_bytes_stay(record: str, version: int, *, full: bool) -> None:
    """A value gives the bytes that it gave, in both framings; its file is made by `python -m tests.schemas.golden`."""
    golden = load(path_of(record, version, full=full))
    schema = released(record)[version - 1]
    assert make(schema, full=full) == golden
    assert golden.single_object + golden.body == plain.message(schema, golden.value)


@pytest.mark.parametrize(("record", "version", "full"), CASES)
def test_bytes_are_read(record: str, version: int, *, full: bool) -> None:
    """The bytes give the value they were made from, to their own version and in the newest version's shape."""
    golden = load(path_of(record, version, full=full))
    writer, reader = released(record)[version - 1], current(record)
    for header, fingerprint, registry_id in (
        (golden.single_object, writer.fingerprint, None),
        (golden.confluent, None, REGISTRY_ID),
    ):
        message = header + golden.body
        found = framing.read_header(message)
        assert found == (fingerprint, registry_id, len(header))
        assert plain.decode(writer, message[found.length :]) == golden.value
        assert validate(writer, Bodies.join([message], found.length)).tolist() == [0]
    newest = plain.decode(writer, golden.body, reader)
    assert newest.keys() == {one["name"] for one in reader.definition["fields"]}
    assert {name: newest[name] for name in ("event_id", "event_time")} == {
        name: golden.value[name] for name in ("event_id", "event_time")
    }
