"""Sending the original messages again: what is to be sent, where its bytes come from, and that it was done.

Safe to repeat: the bytes are the original's, so ids and content digests are the same and whoever reads them knows
them. A message that still cannot be read becomes a dead letter again; it is not sent a second time unless asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from headwater.deadletters.letters import Letter
from headwater.deadletters.replays import Replays, decisions
from headwater.errors import Unavailable
from headwater.schemas.topics import DEAD_LETTERS, MAX_MESSAGE_BYTES, TOPICS
from headwater.settings import Settings
from headwater.streams.clients import Reader
from headwater.streams.sending import Sender
from headwater.streams.step import clock_us

#: Bytes of originals that are in memory at once, and messages between two notes of what was sent.
_BYTES, _MESSAGES = 16 * 1024 * 1024, 500
#: How long a broker gets for one original, and to confirm what was sent, s.
_READ_SECONDS, _CONFIRM_SECONDS = 5.0, 60.0


@dataclass(frozen=True)
class Unit:
    """One message and its letters. `refused`: why it is not sent; empty where it is."""

    letter: Letter
    letters: int = 1
    hops: int = 0
    refused: str = ""


@dataclass
class Plan:
    """What a replay does, or did: units to send, and those that are not sent, with their reasons."""

    send: list[Unit] = field(default_factory=list[Unit])
    skipped: list[Unit] = field(default_factory=list[Unit])
    sent: list[Unit] = field(default_factory=list[Unit])


def plan(
    letters: Iterable[Letter],
    done: Replays,
    settings: Settings,
    *,
    generation: str | None = None,
    again: bool = False,
    limit: int | None = None,
) -> Plan:
    """What is to be sent of these letters. `generation`: the life of the broker, where its offsets restart with it."""
    units: dict[tuple[str, bytes | None, bytes], Unit] = {}
    for letter in letters:
        known = units.get(letter.message)
        if known is None:
            units[letter.message] = Unit(letter, 1, len(done.of(letter)))
        else:
            # Of several letters the newest says where the message stood last; one that holds it whole is as good.
            newest = max((known.letter, letter), key=lambda one: (one.whole, one.written))
            units[letter.message] = replace(known, letter=newest, letters=known.letters + 1)
    found = Plan()
    for unit in units.values():
        why = _why_not(unit, settings, generation, again=again)
        if why:
            found.skipped.append(replace(unit, refused=why))
        elif limit is None or len(found.send) < limit:
            found.send.append(unit)
    return found


def _why_not(unit: Unit, settings: Settings, generation: str | None, *, again: bool) -> str:
    letter = unit.letter
    name = letter.topic.removeprefix(settings.prefix)
    ours = name in settings.openlineage_topic_names or (name in TOPICS and TOPICS[name].record is not None)
    if not letter.topic.startswith(settings.prefix) or not ours:
        return "its topic is none of those that workers read"
    if name == DEAD_LETTERS.name:
        return "a letter about a dead letter: sending it again could go on for ever"
    if letter.length > MAX_MESSAGE_BYTES:
        return f"{letter.length} bytes, and the topic allows {MAX_MESSAGE_BYTES}"
    if unit.hops and not again:
        return f"sent again {unit.hops} times already; --again sends it once more"
    if not letter.whole and letter.generation != generation:
        return "only its place was kept, and that was on an earlier life of the broker"
    return ""


def send(
    todo: Plan,
    settings: Settings,
    *,
    actor: str,
    reason: str = "",
    now_us: Callable[[], int] = clock_us,
    told: Callable[[int], None] | None = None,
) -> Plan:
    """Send what the plan says, note it, and return the plan with what was sent and what could not be.

    `told` gets the count so far. Raises Unavailable; what was sent and noted by then is not sent again by the next.
    """
    sender = Sender(settings)
    rest = Reader(settings)
    try:
        for units in _portions(todo.send):
            when = now_us()  # before they are sent: a letter that one of them becomes again is younger
            some: list[Unit] = []
            for unit in units:
                original = _original(unit.letter, settings, rest)
                if isinstance(original, str):
                    todo.skipped.append(replace(unit, refused=original))
                else:
                    # Where its run is: not every producer has our partitioner.
                    place = (unit.letter.topic.removeprefix(settings.prefix), unit.letter.partition)
                    sender.send_to(place, *original)
                    some.append(unit)
            _confirm(sender, settings)
            # Noted once they are confirmed: killed in between, they are sent again, which changes nothing.
            sent = [(unit.letter.topic, unit.letter.digest) for unit in some]
            sender.send(decisions(sent, actor=actor, reason=reason, now_us=when))
            _confirm(sender, settings)
            todo.sent += some
            if told is not None:
                told(len(todo.sent))
    finally:
        rest.close()
        sender.close(1.0)
    todo.send = []
    return todo


def _portions(units: list[Unit]) -> Iterator[list[Unit]]:
    some: list[Unit] = []
    size = 0
    for unit in units:
        if some and (len(some) == _MESSAGES or size + unit.letter.length > _BYTES):
            yield some
            some, size = [], 0
        some.append(unit)
        size += unit.letter.length
    if some:
        yield some


def _original(letter: Letter, settings: Settings, reader: Reader) -> tuple[bytes | None, bytes] | str:
    """Key and value of the message as it was; or why it cannot be had."""
    topic = letter.topic.removeprefix(settings.prefix)
    key, value = letter.key, letter.body
    if not letter.whole:
        found = _read(reader, (topic, letter.partition), letter.offset)
        if found is None:
            return f"the topic does not hold {letter.topic}/{letter.partition}/{letter.offset} any more"
        key, value = found
    if hashlib.sha256(value).digest() != letter.digest:
        return "what stands there now is not the message: its digest differs"
    return key, value


def _read(reader: Reader, place: tuple[str, int], offset: int) -> tuple[bytes | None, bytes] | None:
    low, _ = reader.ends(place)
    if offset < low:
        return None
    reader.assign({place: offset})
    deadline = clock_us() + int(_READ_SECONDS * 1e6)
    while place not in reader.ended:
        for chunk in reader.poll(1, 0.5):
            if chunk.offsets[0] != offset:
                return None
            return chunk.keys[0], bytes(chunk.values[0])
        if clock_us() > deadline:
            reader.ends(place)  # raises where it is the broker that does not answer
            return None
    return None


def _confirm(sender: Sender, settings: Settings) -> None:
    if not sender.confirm(_CONFIRM_SECONDS):
        raise Unavailable(f"broker {settings.brokers} does not confirm within {_CONFIRM_SECONDS:g} s")
