"""The graph is a function of the set of events: whatever the order, the repetition, the chunks and the restarts."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from headwater.settings import Settings
from headwater.stitching import StitchingStep
from tests.consumers.stitching import reference, worlds

Event = dict[str, Any]


def cut(events: list[Event], chance: random.Random) -> list[list[Event]]:
    """The events in chunks of random lengths."""
    chunks: list[list[Event]] = []
    while events:
        length = chance.randint(1, len(events))
        chunks.append(events[:length])
        events = events[length:]
    return chunks


def history(events: list[Event]) -> dict[reference.Known, bytes | None]:
    """The reference's history; leaves out what the contract cannot tell apart."""
    try:
        return reference.history(events)
    except reference.SaidTwice:
        assume(False)
        raise


@pytest.mark.parametrize("ordinary", [True, False])
@given(data=st.data())
@settings(max_examples=300)
def test_what_edge_sets_say_is_the_reference_history(ordinary: bool, data: st.DataObject) -> None:
    """In any cut into chunks, each edge is known and withdrawn by the events that the reference names."""
    events = [worlds.whole(e) for e in data.draw(st.lists(worlds.events(ordinary=ordinary), max_size=7))]
    chance = data.draw(st.randoms(use_true_random=False))
    expected = history(events)
    assert reference.said(worlds.feed(StitchingStep(Settings()), cut(events, chance))) == expected


@pytest.mark.parametrize("ordinary", [True, False])
@given(data=st.data())
@settings(max_examples=80)
def test_order_and_repetition_change_nothing(ordinary: bool, data: st.DataObject) -> None:
    """Shuffled and doubled, the events give the same graph."""
    events = [worlds.whole(e) for e in data.draw(st.lists(worlds.events(ordinary=ordinary), max_size=7))]
    chance = data.draw(st.randoms(use_true_random=False))
    mixed = [copy.deepcopy(e) for e in [*events, *chance.sample(events, len(events) // 2)]]
    chance.shuffle(mixed)
    history(mixed)
    said = reference.said(worlds.feed(StitchingStep(Settings()), cut(mixed, chance)))
    assert reference.standing(said) == reference.current(events)


@pytest.mark.parametrize("ordinary", [True, False])
@given(data=st.data())
@settings(max_examples=80)
def test_a_restart_changes_nothing(ordinary: bool, data: st.DataObject) -> None:
    """A worker that ends, is fed again what was committed and then what was not, says the same."""
    events = [worlds.whole(e) for e in data.draw(st.lists(worlds.events(ordinary=ordinary), max_size=7))]
    chance = data.draw(st.randoms(use_true_random=False))
    expected = history(events)
    died = chance.randint(0, len(events))
    committed = chance.randint(0, died)
    sets = worlds.feed(StitchingStep(Settings()), cut(events[:died], chance))
    again = StitchingStep(Settings())
    for chunk in cut(events[:committed], chance):
        assert not again.process(worlds.batch(chunk, replaying=True))
    sets += worlds.feed(again, cut(events[committed:], chance))
    assert reference.said(sets) == expected


@given(data=st.data())
@settings(max_examples=50)
def test_what_was_said_is_not_said_again(data: st.DataObject) -> None:
    """Repeated events give no edge set."""
    ordinary = data.draw(st.booleans())
    events = [worlds.whole(e) for e in data.draw(st.lists(worlds.events(ordinary=ordinary), max_size=5))]
    step = StitchingStep(Settings())
    worlds.feed(step, [events])
    assert worlds.feed(step, [events]) == []


@pytest.mark.parametrize("ordinary", [True, False])
@given(data=st.data())
@settings(max_examples=60)
def test_each_edge_set_tells_the_state_that_stands_then(ordinary: bool, data: st.DataObject) -> None:
    """Of all that is known of the run once its chunk is there, in any order; its time is that of the newest event in
    it.
    """
    events = [worlds.whole(e) for e in data.draw(st.lists(worlds.events(ordinary=ordinary), max_size=7))]
    step = StitchingStep(Settings())
    known: list[Event] = []
    for chunk in cut(events, data.draw(st.randoms(use_true_random=False))):
        made = worlds.feed_one(step, chunk, len(known))
        known += chunk
        scopes = reference.scopes(known)
        for one in made:
            job = one["job_namespace"], one["job_name"]
            whose = ("run", one["run_id"], job) if one["run_id"] else ("event", one["events"][0]["event_id"], job)
            assert one["state"] == reference.state(scopes[whose])
            assert one["event_time"] == max(event["event_time"] for event in one["events"])
