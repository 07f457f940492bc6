"""The table of facets says the truth: each facet alone changes the fields that it names, and no others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import Any, cast

import pytest

from headwater.openlineage import LANDINGS, encoded
from headwater.schemas import plain, records
from tests.consumers.openlineage.samples import RUN, Event, real

#: Where a facet of a place stands in an event, and the record's part that it speaks of.
_PLACES = {"input": ("inputs", "inputFacets"), "output": ("outputs", "outputFacets")}
#: Sent anew each time, or made from the whole event.
_OF_THE_MESSAGE = {"event_id", "emit_time", "producer_id", "sequence"}
#: Fields that the table has a word for.
_WORDS = {"version_origin": "origin declared", "facets": "facets|whole"}


def bare() -> Event:
    """A run that reads one dataset and writes another, and says no more."""
    return {
        "eventType": "COMPLETE",
        "eventTime": "2024-05-01T07:03:00Z",
        "producer": "urn:test",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": RUN, "facets": {}},
        "job": {"namespace": "j", "name": "one", "facets": {}},
        "inputs": [{"namespace": "ns", "name": "in", "facets": {}}],
        "outputs": [{"namespace": "ns", "name": "out", "facets": {}}],
    }


def with_facet(place: str, name: str, value: Any) -> Event:
    event = bare()
    if place in {"run", "job"}:
        event[place]["facets"][name] = value
    elif place == "dataset":
        event["outputs"][0]["facets"][name] = value
    else:
        of, facets = _PLACES[place]
        event[of][0][facets] = {name: value}
    return event


def facets_of(event: Event) -> Iterator[tuple[str, str, Any]]:
    for place in ("run", "job"):
        for name, value in event.get(place, {}).get("facets", {}).items():
            yield place, name, value
    for place, (of, facets) in _PLACES.items():
        for dataset in event.get(of, ()):
            for name, value in dataset.get("facets", {}).items():
                yield "dataset", name, value
            for name, value in dataset.get(facets, {}).items():
                yield place, name, value
    for name, value in event.get("dataset", {}).get("facets", {}).items():
        yield "dataset", name, value


def made(event: Event) -> tuple[dict[str, Any], set[str]]:
    """The run event that comes of it, and the other records."""
    found = encoded(event, now_us=1, sender=bytes(16))
    (run,) = (one for one in found if one.topic.record == "run_event")
    others = {str(one.topic.record) for one in found} - {"run_event"}
    return plain.decode(records.current("run_event"), run.value[10:]), others


def differences(before: Any, after: Any, name: str = "") -> Iterator[str]:
    """Names of the fields that differ, the innermost that are fields of the contract."""
    if isinstance(before, dict) and isinstance(after, dict) and name not in {"facets", "environment", "parameters"}:
        first, second = cast("Mapping[str, Any]", before), cast("Mapping[str, Any]", after)
        for key in first.keys() | second.keys():
            yield from differences(first.get(key), second.get(key), key)
    elif isinstance(before, list) and isinstance(after, list) and name in {"inputs", "outputs"}:
        # A dataset that the facet alone names: what it is called is no field of the facet's.
        for was, now in zip_longest(cast("Iterable[Any]", before), cast("Iterable[Any]", after)):
            yield from differences({**bare_dataset(), **_named(now)} if was is None else was, now, name)
    elif before != after:
        yield name


def bare_dataset() -> dict[str, Any]:
    """A dataset of which nothing is said."""
    return dict(made(bare())[0]["outputs"][0])


def _named(dataset: Mapping[str, Any]) -> dict[str, Any]:
    return {name: dataset[name] for name in ("namespace", "name")}


def is_named(field: str, where: str) -> bool:
    return re.search(rf"\b({_WORDS.get(field, field)})\b", where) is not None


@pytest.mark.integration
def test_each_facet_alone_lands_where_the_table_says() -> None:
    """With every facet of openlineage-python as its client sends it."""
    before, nothing = made(bare())
    assert nothing == set()
    seen: set[tuple[str, str]] = set()
    wrong: list[tuple[str, str, list[str]]] = []
    for place, name, value in (one for event in real() for one in facets_of(event)):
        landing = LANDINGS.get(cast("Any", place), {}).get(name)
        if landing is None or (place, name) in seen:
            continue
        after, others = made(with_facet(place, name, value))
        fields = {one for one in differences(before, after) if one not in _OF_THE_MESSAGE}
        # A facet of which only a part has a field is kept whole beside it.
        if len(fields) > 1:
            fields -= {"facets"}
        unnamed = sorted(field for field in fields if not is_named(field, landing.where))
        unnamed += sorted(one for one in others if one not in landing.where)
        if unnamed or not (fields or others):
            wrong.append((place, name, unnamed))
        seen.add((place, name))
    assert wrong == []
    assert len(seen) >= 40
