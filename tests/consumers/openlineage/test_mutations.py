"""Events that something damaged: each is translated, or refused with a reason and a place; nothing else happens."""

from __future__ import annotations

import copy
import json
import multiprocessing
import random
from collections import Counter
from collections.abc import Iterable, Sized
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.errors import InvalidMessage
from headwater.openlineage import Message, encoded, messages, read, translate
from headwater.openlineage.assembling import Pieces
from headwater.openlineage.parsing import parsed
from headwater.openlineage.step import OpenLineageStep
from headwater.schemas import plain, reasons, records
from headwater.schemas.content import content_digest
from headwater.schemas.topics import TOPICS
from headwater.settings import Settings
from tests.benchmarks import openlineage_mix
from tests.consumers.openlineage import fuzzing
from tests.consumers.openlineage.recorded import all_recorded
from tests.consumers.openlineage.samples import AIRFLOW, HAND_WRITTEN, Event, real
from tests.consumers.openlineage.test_translation import changed

_TEXTS = st.text(max_size=8) | st.sampled_from(
    ["", "\ud800", "NaN", "-1", "9" * 400, "2020-02-30T00:00:00Z", "0001-01-01T00:00+23:59", "RunEvent", "x" * 70_000]
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=6,
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every object or list in it, with each of its keys or positions."""
    found: list[tuple[Any, Any]] = []
    keys: Any = ()
    if isinstance(value, dict):
        keys = [*cast("Iterable[Any]", value)]
    elif isinstance(value, list):
        keys = range(len(cast("Sized", value)))
    for key in keys:
        found += [(value, key), *places(value[key])]
    return found


@st.composite
def mutated(draw: st.DrawFn, events: tuple[Event, ...]) -> Event:
    """A real event with up to four values removed, replaced, exchanged with others, or added."""
    event = copy.deepcopy(draw(st.sampled_from(events)))
    for _ in range(draw(st.integers(1, 4))):
        at = places(event)
        if not at:
            break
        holder, key = draw(st.sampled_from(at))
        what = draw(st.sampled_from(["remove", "replace", "exchange", "add"]))
        if what == "remove":
            del holder[key]
        elif what == "replace":
            holder[key] = draw(_VALUES)
        elif what == "exchange":
            other, place = draw(st.sampled_from(at))
            holder[key] = copy.deepcopy(other[place])
        elif isinstance(holder, dict):
            holder[draw(_TEXTS)] = draw(_VALUES)
        else:
            holder.append(draw(_VALUES))
    return event


def text_of(event: Any) -> bytes | None:
    """As JSON, half signs and NaN among it; None where it is nested too deep for that."""
    try:
        return json.dumps(event).encode()
    except RecursionError:
        return None


def taken_or_refused(event: Event) -> bool:
    """Whether it was translated: into whole messages, the same each time, and the same when put together of pieces, of
    the parsed event or of its text.
    """
    text = text_of(event)
    try:
        found = list(messages(translate(event, now_us=1, sender=bytes(16))))
    except InvalidMessage as refused:
        with pytest.raises(InvalidMessage) as alike:
            encoded(event, now_us=1, sender=bytes(16))
        assert str(alike.value) == str(refused)  # noqa: PT017 — the same as the plain way says
        if text is not None:
            with pytest.raises(InvalidMessage) as alike:
                read(text, now_us=1, sender=bytes(16))
            assert str(alike.value) == str(refused)  # noqa: PT017 — as above
        assert refused.reason in reasons.REASONS  # noqa: PT017 — what is refused must say why
        assert refused.detail  # noqa: PT017 — and where
        return False
    assert encoded(event, now_us=1, sender=bytes(16)) == found
    for _ in range(2):  # made, and known
        assert text is None or read(text, now_us=1, sender=bytes(16)) == found
    again = list(messages(translate(dict(event), now_us=2)))
    for one, two in zip(found, again, strict=True):
        plain.decode(records.current(str(one.topic.record)), one.value[10:])
        assert content_digest(one.value[10:]) == content_digest(two.value[10:])
        assert one.key == two.key
    return True


@given(mutated((*HAND_WRITTEN, *all_recorded())))
@settings(max_examples=300)
def test_damaged_events_are_translated_or_refused(event: Event) -> None:
    """Those of integrations, damaged by chance."""
    taken_or_refused(event)


@pytest.mark.prove
@pytest.mark.timeout(3600)
def test_damaged_events_of_the_client_are_translated_or_refused() -> None:
    """Those with every facet of openlineage-python, 20,000 times; some of either kind are among them."""
    counts = {True: 0, False: 0}

    @given(mutated((*HAND_WRITTEN, *all_recorded(), *real())))
    @settings(max_examples=20_000)
    def try_one(event: Event) -> None:
        counts[taken_or_refused(event)] += 1

    try_one()
    print(json.dumps({"translated": counts[True], "refused": counts[False]}))  # noqa: T201 — what the proof counted
    assert min(counts.values()) > 500


@pytest.mark.parametrize("event", [[], "x", 7, None, {}, {"run": {}}])
def test_what_is_no_event_is_refused(event: Any) -> None:
    """Not even an object, or an empty one."""
    assert not taken_or_refused(event)


def test_what_is_nested_too_deep_is_refused() -> None:
    """Python gives up at a thousand levels; the event is refused, the process goes on."""
    deep: Any = {}
    for _ in range(5000):
        deep = {"a": deep}
    event = {**HAND_WRITTEN[0], "run": {**HAND_WRITTEN[0]["run"], "facets": {"deep": deep}}}
    assert not taken_or_refused(event)


def test_pieces_give_the_bytes_of_the_plain_way() -> None:
    """Events of a scheduler, whose jobs and tables come again: byte for byte what fastavro makes of each whole; also
    where there is room for a few pieces only.
    """
    few = Pieces(most=40_000)
    for event in openlineage_mix.events(400):
        plain_way = list(messages(translate(event, now_us=1, sender=bytes(16))))
        assert encoded(event, now_us=1, sender=bytes(16)) == plain_way
        assert few.messages(event, now_us=1, sender=bytes(16)) == plain_way
        assert few.size <= 40_000


def test_what_is_remembered_of_a_facet_is_not_changed() -> None:
    """Column tags and a job's lineage are added to what a schema and an output say, of that event alone."""
    fields = [{"name": "id", "type": "int"}]
    tags = {"tags": [{"key": "pii", "value": "true", "field": "id"}]}
    source = {"type": "DATASET", "namespace": "n", "name": "more"}
    entry = {"type": "DATASET", "namespace": "n", "name": "d", "inputs": [source]}
    made = {"type": "DATASET", "namespace": "n", "name": "first"}
    facets = {"schema": {"fields": fields}, "lineage": {"inputs": [made]}}
    plain_event = changed(AIRFLOW, outputs=[{"namespace": "n", "name": "d", "facets": facets}])
    tagged = changed(plain_event, outputs__0__facets__tags=tags, job__facets__lineage={"entries": [entry]})
    before = encoded(plain_event, now_us=1, sender=bytes(16))
    found = translate(tagged, now_us=1).run_event["outputs"][0]
    assert (len(found["columns"][0]["tags"]), len(found["edges"])) == (1, 2)
    assert encoded(plain_event, now_us=1, sender=bytes(16)) == before
    assert list(messages(translate(plain_event, now_us=1, sender=bytes(16)))) == before


def as_if_parsed(body: bytes) -> list[Message] | str:
    """What is made of it the plain way, or why nothing is."""
    try:
        return list(messages(translate(parsed(body), now_us=1, sender=bytes(16))))
    except InvalidMessage as refused:
        return str(refused)


def as_read(body: bytes) -> list[Message] | str:
    """What is made of it by its text."""
    try:
        return read(body, now_us=1, sender=bytes(16))
    except InvalidMessage as refused:
        return str(refused)


def fuzz(count: int, seed: int, originals: tuple[Event, ...]) -> dict[str, int]:
    """What becomes of so many damaged bodies, as the worker and the gateway read them: messages that can be read, or
    a reason with a detail. Anything else fails, and so does what is not what the plain way says.
    """
    step = OpenLineageStep(Settings(openlineage_topics="events"))
    counts: Counter[str] = Counter()
    for number, body in enumerate(islice(fuzzing.bodies(originals, random.Random(seed)), count)):
        assert as_read(body) == as_if_parsed(body), body
        try:
            made = step.read(body)
        except InvalidMessage as refused:
            assert refused.detail, body  # noqa: PT017 — what is refused must say where
            counts[refused.reason] += 1
            continue
        counts["accepted"] += 1
        assert made, body
        if number % 16 == 0:  # reading them back costs as much as all else
            for one in made:
                plain.decode(records.current(str(TOPICS[one.topic].record)), one.value[10:])
    assert counts.keys() <= {"accepted", *reasons.REASONS}
    assert sum(counts.values()) == count
    return dict(counts)


def test_damaged_bodies_are_taken_or_named(seed: int) -> None:
    """Two thousand bodies: no other error, each accepted or refused with its reason."""
    counts = fuzz(2000, seed, HAND_WRITTEN)
    assert min(counts["accepted"], counts[reasons.INVALID_VALUE]) > 100


@pytest.mark.prove
@pytest.mark.timeout(7200)
def test_a_million_damaged_bodies_are_taken_or_named(seed: int) -> None:
    """The same with a million, those with every facet of openlineage-python among them."""
    originals = (*HAND_WRITTEN, *real())
    counts: Counter[str] = Counter()
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as processes:
        for part in processes.map(fuzz, [125_000] * 8, range(seed, seed + 8), [originals] * 8):
            counts.update(part)
    print(json.dumps({"seed": seed, **counts}))  # noqa: T201 — what the proof counted
    assert min(counts["accepted"], counts[reasons.INVALID_VALUE]) > 10_000
