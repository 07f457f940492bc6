"""Dead letters without a broker: reading, counting, describing, planning a replay."""

from __future__ import annotations

import base64
import json
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from headwater.deadletters import Letter, Replays, Wanted, describe, plan
from headwater.deadletters.counting import counted
from headwater.deadletters.letters import parse
from headwater.deadletters.replays import NAMED, decisions
from headwater.schemas import plain, records
from headwater.schemas.topics import DEAD_LETTERS, MAX_MESSAGE_BYTES, RUNS, SCHEMAS
from headwater.settings import Settings
from headwater.streams.schemas import SchemaBook
from tests.consumers.deadletters.making import letter, message
from tests.consumers.streams.test_reading import EVENT, GOOD

DECISION = records.current("decision")


@given(st.binary(max_size=300))
def test_no_bytes_on_the_topic_harm_the_reader(value: bytes) -> None:
    """What is no dead letter is passed over."""
    assert parse(value, 0) is None


@given(st.binary(max_size=500), st.none() | st.binary(max_size=20), st.text(max_size=20))
def test_a_dead_letter_is_read_as_it_was_written(body: bytes, key: bytes | None, detail: str) -> None:
    """Whatever bytes it keeps."""
    found = parse(message(body, key=key, detail=detail), 1000)
    assert found is not None
    assert (found.body, found.key, found.detail, found.written, found.whole) == (body, key, detail, 1000, True)


@pytest.fixture(scope="module")
def book() -> SchemaBook:
    return SchemaBook(Settings())


@given(st.binary(max_size=200) | st.integers(0, len(GOOD)).map(lambda count: GOOD[:count] + b"\xff" * (count % 7)))
def test_any_bytes_are_described(body: bytes) -> None:
    """As far as they can be read, with the reason why no further; never an error."""
    found = describe(letter(body), SchemaBook(Settings()), seconds=0)
    assert found.stops or body == GOOD
    json.dumps(found.fields, default=bytes.hex)


def test_the_readable_part_is_told(book: SchemaBook) -> None:
    """Of a message that ends too early: the fields before the end, and where it ends."""
    found = describe(letter(GOOD[:60]), book)
    assert found.fields["emit_time"] == EVENT["emit_time"]
    assert found.fields["event_id"] == EVENT["event_id"]
    assert "inputs" not in found.fields
    assert "ends" in found.stops
    assert found.schema.startswith("headwater.RunEvent")
    assert describe(letter(GOOD), book).fields["inputs"]


def test_wanted_takes_what_all_its_words_say() -> None:
    """Reasons, topics with or without prefix, workers, ids cut short, times: all must fit."""
    one = letter(topic="t.lineage.runs", reason="truncated", worker="archive", written=50)
    for fits in (
        Wanted(),
        Wanted(reasons=frozenset({"truncated"}), topics=frozenset({"lineage.runs"}), since=50, until=51),
        Wanted(topics=frozenset({"t.lineage.runs"}), workers=frozenset({"archive"}), ids=(one.id.hex()[:5].upper(),)),
    ):
        assert fits.takes(one, "t.")
    for fits_not in (
        Wanted(reasons=frozenset({"empty"})),
        Wanted(topics=frozenset({"lineage.edges"})),
        Wanted(workers=frozenset({"stitching"})),
        Wanted(ids=("00",) if not one.id.hex().startswith("00") else ("11",)),
        Wanted(since=51),
        Wanted(until=50),
    ):
        assert not fits_not.takes(one, "t.")


def said(found: Replays, *messages: Letter, when: int) -> None:
    for one in messages:
        found.times.setdefault((one.topic, one.digest), []).append(when)


def test_counts_tell_what_was_sent_again_and_what_came_back() -> None:
    """A letter written after its message was sent again came back; one written before it waits no longer."""
    done = Replays()
    before, after, other = letter(b"x", written=10_000), letter(b"x", written=30_000), letter(b"y", reason="empty")
    said(done, before, when=20_000)
    assert (done.hops(before), done.hops(after)) == (0, 1)
    groups = counted([before, after, other], done)
    assert [(g.reason, g.letters, g.replayed, g.returned) for g in groups] == [
        ("wrong_magic", 2, 1, 1),
        ("empty", 1, 0, 0),
    ]
    assert (groups[0].first, groups[0].last) == (10_000, 30_000)


def test_a_message_of_several_letters_is_sent_once_and_only_once() -> None:
    """Each worker writes a letter about the same message; sent again before, it waits for --again."""
    settings, done = Settings(), Replays()
    letters = [letter(b"x", worker="stitching"), letter(b"x", worker="archive"), letter(b"y")]
    todo = plan(letters, done, settings)
    assert sorted((unit.letter.body, unit.letters) for unit in todo.send) == [(b"x", 2), (b"y", 1)]
    said(done, letters[0], when=5)
    todo = plan(letters, done, settings)
    assert [unit.letter.body for unit in todo.send] == [b"y"]
    assert [(unit.hops, "--again" in unit.refused) for unit in todo.skipped] == [(1, True)]
    assert len(plan(letters, done, settings, again=True).send) == 2
    assert len(plan(letters, done, settings, again=True, limit=1).send) == 1


def refusal(one: Letter, **given: Any) -> str:
    found = plan([one], Replays(), Settings(prefix="t."), **given)
    return found.skipped[0].refused if found.skipped else ""


def test_what_must_not_be_sent_is_refused() -> None:
    """Nobody can have us write elsewhere, feed dead letters with dead letters, or send what no topic takes."""
    ours = f"t.{RUNS.name}"
    assert refusal(letter(topic=ours)) == ""
    for topic in ("payments", RUNS.name, "t.t.lineage.runs", f"t.{SCHEMAS.name}"):
        assert "none of those" in refusal(letter(topic=topic))
    assert "for ever" in refusal(letter(topic=f"t.{DEAD_LETTERS.name}"))
    assert "allows" in refusal(letter(topic=ours, length=MAX_MESSAGE_BYTES + 1))
    cut = letter(bytes(70_000), topic=ours, generation="one")
    assert "earlier life" in refusal(cut, generation="two")
    assert refusal(cut, generation="one") == ""


def test_a_decision_names_at_most_so_many() -> None:
    """So that none outgrows a message."""
    digests = [number.to_bytes(32, "big") for number in range(NAMED + 1)]
    made = decisions([("lineage.runs", digest) for digest in digests], actor="me", reason="fixed", now_us=5)
    bodies = [plain.decode(DECISION, output.value[10:]) for output in made]
    assert [len(json.loads(body["details"]["digests"])) for body in bodies] == [NAMED, 1]
    assert base64.b64decode(json.loads(bodies[1]["details"]["digests"])[0]) == digests[-1]
    assert {(body["kind"], body["actor"], body["reason"]) for body in bodies} == {("replay", "me", "fixed")}
    assert len({body["event_id"] for body in bodies}) == 2
    assert all(len(output.value) < MAX_MESSAGE_BYTES // 2 for output in made)
