"""Events taken as texts: byte for byte what is made of the parsed event, however the text is written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headwater.errors import InvalidMessage
from headwater.openlineage import messages, read, translate
from headwater.openlineage.assembling import Pieces
from headwater.openlineage.texts import Texts
from tests.benchmarks import openlineage_mix
from tests.consumers.openlineage.samples import AIRFLOW, HAND_WRITTEN, SPARK, Event, real
from tests.consumers.openlineage.test_mutations import as_if_parsed, as_read
from tests.consumers.openlineage.test_translation import changed

STATISTICS = SPARK["outputs"][0]["outputFacets"]["outputStatistics"]


def texts_of(event: Event) -> list[bytes]:
    """The same event as different clients write it."""
    compact = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    backwards = json.dumps(dict(reversed(event.items())))
    return [text.encode() for text in (json.dumps(event), json.dumps(event, indent=2), compact, backwards)]


def test_events_of_a_scheduler_are_not_parsed_again() -> None:
    """All of them are put together from what their texts say again: byte for byte what fastavro makes of each whole;
    also where there is room for a few pieces only.
    """
    texts, few = Texts(Pieces()), Texts(Pieces(), most=40_000)
    for event in openlineage_mix.events(400):
        text = json.dumps(event).encode()
        plain_way = list(messages(translate(event, now_us=1, sender=bytes(16))))
        assert texts.messages(text, now_us=1, sender=bytes(16)) == plain_way
        assert few.messages(text, now_us=1, sender=bytes(16)) == plain_way
        assert few.size <= 40_000


def test_however_a_text_is_written_the_messages_are_the_same() -> None:
    """Spaces, escapes and the order of fields are the client's; the last of two fields of one name counts."""
    for event in HAND_WRITTEN:
        for text in texts_of(event):
            for _ in range(2):
                assert read(text, now_us=1, sender=bytes(16)) == as_if_parsed(text)
    twice = json.dumps(AIRFLOW).encode()[:-1] + b', "outputs": [{"namespace": "n", "name": "n"}], "eventType": "FAIL"}'
    assert as_read(twice) == as_if_parsed(twice)
    assert as_read(twice) != as_read(json.dumps(AIRFLOW).encode())


def test_the_client_s_events_are_the_same_as_texts() -> None:
    """All that openlineage-python writes, with every facet: new, and known."""
    events = real()
    assert len(events) > 3
    for event in [*events, *events]:
        for text in texts_of(event):
            assert as_read(text) == as_if_parsed(text)


@pytest.mark.parametrize(
    "statistics",
    [
        {},
        {**STATISTICS, "rowCount": 2**63 - 1},
        {**STATISTICS, "rowCount": 2**53},
        {**STATISTICS, "rowCount": 2**63},
        {**STATISTICS, "rowCount": -1},
        {**STATISTICS, "rowCount": "5"},
        {**STATISTICS, "rowCount": 5.0},
        {**STATISTICS, "rowCount": None},
        {**STATISTICS, "fileCount": 7},
        {**STATISTICS, "_producer": None},
        {**STATISTICS, "_producer": {"facets": {}, "a": 1e16}},
        {**STATISTICS, "_deleted": True},
        {**STATISTICS, "_producer": "\ud800"},
        None,
        [],
    ],
)
def test_counts_of_any_kind(statistics: Any) -> None:
    """What is counted anew at each run is put into what is known, where it is plain counts; else all is parsed."""
    for facets in ({"outputStatistics": statistics}, {"other": {"a": [None]}, "outputStatistics": statistics}):
        event = changed(SPARK, outputs__0__outputFacets=facets)
        text = json.dumps(event).encode()
        for _ in range(2):
            assert as_read(text) == as_if_parsed(text)


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        (b"shop.public.delivery", b"shop.\xff"),
        (b"shop.public.delivery", b"\\ud800"),
        (b"shop.public.delivery", b"a\\u0000b"),
        (b'"etl.load"', b"NaN"),
        (b'"etl.load"', b"01"),
        (b'"etl.load"', b"12345678901234567890123"),
        (b'"2.9.0"', b"12345678901234567890123"),
        (b'"2.9.0"', b"[" * 2000 + b"]" * 2000),
        (b'"2.9.0"', b"1e999"),
        (b'"START"', b'"start"'),
        (b'"START"', b"null"),
        (b'"eventTime"', b'"event\\u0054ime"'),
        (b'"outputs": []', b'"outputs": null, "more": 1'),
        (b'"outputs": []', b'"outputs": [null]'),
        (b'"outputs": []', b'"outputs": {}'),
        (b'"producer": ', b'"producer": 7, "producers": '),
    ],
)
def test_what_is_within_a_text_is_read_as_strictly_as_the_whole(part: bytes, instead: bytes) -> None:
    """Taken or refused, and with the same words, as where all is parsed; beside an event whose pieces are known."""
    text = json.dumps(AIRFLOW).encode()
    assert part in text
    damaged = text.replace(part, instead, 1)
    for _ in range(2):
        assert as_read(text) == as_if_parsed(text)
        assert as_read(damaged) == as_if_parsed(damaged)


def test_a_text_that_is_no_event_is_refused() -> None:
    """With the words of the parsed event."""
    for text in (b"", b"{", b"[]", b"7", b'"x"', b"{}", json.dumps([AIRFLOW]).encode(), "{}".encode("utf-16")):
        with pytest.raises(InvalidMessage) as refused:
            read(text, now_us=1, sender=bytes(16))
        assert str(refused.value) == as_if_parsed(text)
