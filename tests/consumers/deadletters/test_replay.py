"""On real brokers: poison becomes a dead letter, its schema comes, it is sent again, and its edge appears."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from headwater.cli.main import main
from headwater.deadletters import Wanted, from_topic, plan, replays, send
from headwater.schemas import plain, reasons, records
from headwater.schemas.records import Schema
from headwater.schemas.topics import DEAD_LETTERS, DECISIONS, EDGES, MAX_MESSAGE_BYTES, RUNS, SCHEMAS
from headwater.settings import Settings
from headwater.topics import create
from tests.backends import clients
from tests.backends.kinds import Kafka
from tests.backends.processes import wait_until
from tests.benchmarks import workload
from tests.consumers.deadletters.making import message
from tests.consumers.stitching import reference
from tests.consumers.streams.test_reading import GARBAGE
from tests.infra.workers import working

pytestmark = pytest.mark.integration

SCHEMA = records.current("run_event")


@pytest.fixture
def settings(kafka: Kafka, prefix: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Topics are there, and commands in this process find them."""
    given = Settings(brokers=kafka.bootstrap, prefix=prefix, partitions=3)
    create(given)
    monkeypatch.setenv("HEADWATER_BROKERS", kafka.bootstrap)
    monkeypatch.setenv("HEADWATER_PREFIX", prefix)
    return given


def later() -> Schema:
    """A version of the run event that no release has."""
    return records.parse(SCHEMA.text.replace('"name": "part"', '"name": "piece"'))


def told(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """What a command prints as JSON."""
    assert main(["dead-letters", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def standing(settings: Settings) -> set[reference.Fact]:
    found = clients.read_all(settings.brokers, EDGES.full_name(settings))
    sets = [plain.decode(records.current("edge_set"), one.value[10:]) for one in found if one.value]
    return reference.standing(reference.said(sets))


def values(settings: Settings, topic: str) -> list[bytes | None]:
    return [one.value for one in clients.read_all(settings.brokers, settings.prefix + topic)]


@pytest.mark.backends("local")
def test_poison_becomes_readable_and_its_edge_appears(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its schema was missing; once it is there a replay brings its edges. What stays garbage comes back once, counted,
    and is not sent a third time. A second replay sends nothing.
    """
    schema = later()
    messages = workload.messages(6)
    poison = [
        (key, b"\xc3\x01" + schema.fingerprint_bytes + value[10:]) for key, value in messages
    ]  # the fields' names are not in the bytes
    garbage = (b"key", GARBAGE[reasons.TRUNCATED])
    with working(["stitching"], settings, tmp_path):
        clients.produce(settings.brokers, RUNS.full_name(settings), [*poison, garbage])
        total = len(poison) + 1
        wait_until(lambda: len(list(from_topic(settings))) == total, 60, "dead letters")
        listed = told(capsys, "list")
        assert {(group["reason"], group["letters"]) for group in listed["groups"]} == {
            (reasons.UNKNOWN_SCHEMA, len(poison)),
            (reasons.TRUNCATED, 1),
        }
        assert len(told(capsys, "replay", "--dry-run", "--reason", "unknown_schema")["would_send"]) == len(poison)
        assert len(values(settings, RUNS.name)) == total
        assert standing(settings) == set()

        clients.produce(
            settings.brokers, SCHEMAS.full_name(settings), [(schema.fingerprint_bytes, schema.text.encode())]
        )
        outcome = told(capsys, "replay", "--because", "the schema was missing", "--actor", "me")
        assert len(outcome["sent"]) == total
        wanted = reference.current(plain.decode(SCHEMA, value[10:]) for _, value in messages)
        wait_until(lambda: standing(settings) == wanted, 60, "the edges")
        originals = [value for _, value in [*poison, garbage]]
        assert sorted(filter(None, values(settings, RUNS.name))) == sorted(2 * originals)

        wait_until(lambda: len(list(from_topic(settings))) == total + 1, 60, "what came back")
        groups = {group["reason"]: group for group in told(capsys, "list")["groups"]}
        assert groups[reasons.TRUNCATED]["returned"] == 1
        assert groups[reasons.UNKNOWN_SCHEMA]["replayed"] == len(poison)
        again = told(capsys, "replay")
        assert again["sent"] == []
        assert len(again["skipped"]) == total
        assert len(values(settings, RUNS.name)) == 2 * total
        [back] = [one for one in told(capsys, "list", "--each", "--reason", "truncated") if one["hops"]]
        assert back["hops"] == 1
        once_more = told(capsys, "replay", "--again", back["id"][:16])
        assert [one["hops"] for one in once_more["sent"]] == [1]
        wait_until(lambda: len(list(from_topic(settings))) == total + 2, 60, "what came back again")
        assert max(one["hops"] for one in told(capsys, "list", "--each", "--reason", "truncated")) == 2


def test_what_was_kept_in_part_is_read_again_and_checked(settings: Settings) -> None:
    """Of a long message only its beginning was kept: the rest comes from its place, if what stands there is it."""
    long, other = b"long " * 30_000, b"other " * 20_000
    clients.produce(settings.brokers, RUNS.full_name(settings), [(b"a", long), (b"b", other)])
    places = {one.value: one for one in clients.read_all(settings.brokers, RUNS.full_name(settings))}
    letters: list[bytes] = []
    for value, claimed in ((long, long), (other, b"forged" * 20_000)):
        place = places[value]
        letters.append(
            message(
                claimed,
                topic=RUNS.full_name(settings),
                partition=place.partition,
                offset=place.offset,
                key=place.key,
            )
        )
    gone = message(bytes(80_000), topic=RUNS.full_name(settings), partition=0, offset=10**6)
    clients.produce(settings.brokers, DEAD_LETTERS.full_name(settings), [(b"t", one) for one in [*letters, gone]])
    done = send(plan(from_topic(settings), replays(settings), settings), settings, actor="me")
    assert [hashlib.sha256(long).digest()] == [unit.letter.digest for unit in done.sent]
    assert sorted(unit.refused.split(":")[0].split("/")[0] for unit in done.skipped) == sorted(
        ["what stands there now is not the message", f"the topic does not hold {RUNS.full_name(settings)}"]
    )
    assert sorted(filter(None, values(settings, RUNS.name))) == sorted([long, long, other])
    [first, second] = [one for one in clients.read_all(settings.brokers, RUNS.full_name(settings)) if one.value == long]
    assert first.partition == second.partition


def test_a_replay_killed_between_sending_and_noting_is_safe_to_repeat(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not noted, it is sent again: the same bytes, which whoever reads them knows; noted, it is not."""
    body = workload.messages(1)[0][1]
    clients.produce(
        settings.brokers, DEAD_LETTERS.full_name(settings), [(b"t", message(body, topic=RUNS.full_name(settings)))]
    )

    class Killed(BaseException):
        pass

    def dies(*_: object, **__: object) -> None:
        raise Killed

    todo = plan(from_topic(settings), replays(settings), settings)
    with monkeypatch.context() as patch:
        patch.setattr("headwater.deadletters.replay.decisions", dies)
        with pytest.raises(Killed):
            send(todo, settings, actor="me")
    for _ in range(2):
        send(plan(from_topic(settings), replays(settings), settings), settings, actor="me")
    assert values(settings, RUNS.name) == [body, body]
    [noted] = filter(None, values(settings, DECISIONS.name))
    decision = plain.decode(records.current("decision"), noted[10:])
    assert (decision["kind"], decision["actor"]) == ("replay", "me")


def test_show_prints_place_reason_bytes_and_what_can_be_read(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """For people and as JSON; a terminal's commands in a stranger's bytes are not passed on."""
    cut = GARBAGE[reasons.TRUNCATED]
    nasty = b"\x1b]0;owned\x07"
    clients.produce(
        settings.brokers,
        DEAD_LETTERS.full_name(settings),
        [
            (b"t", message(cut, topic=RUNS.full_name(settings), partition=2, offset=7, reason="truncated")),
            (b"t", message(nasty, topic=RUNS.full_name(settings), detail="\x1b[31m", key=nasty)),
            (b"t", b"no dead letter at all"),
        ],
    )
    [letter] = from_topic(settings, Wanted(reasons=frozenset({"truncated"})))
    assert main(["dead-letters", "show", letter.id.hex()[:10]]) == 0
    shown = capsys.readouterr().out
    assert f"{RUNS.full_name(settings)}, partition 2, offset 7" in shown
    assert "truncated: what exactly" in shown
    assert hashlib.sha256(cut).hexdigest() in shown
    assert "headwater.RunEvent" in shown
    assert cut[:16].hex(" ") in shown
    assert "event_id" in shown
    assert main(["dead-letters", "list", "--each"]) == 0
    [other] = from_topic(settings, Wanted(reasons=frozenset({"wrong_magic"})))
    assert main(["dead-letters", "show", other.id.hex()]) == 0
    assert "\x1b" not in capsys.readouterr().out
    assert main(["dead-letters", "show", "00" * 16]) == 7
    assert main(["dead-letters", "list", "--since", "yesterday"]) == 2
    assert main(["dead-letters", "list", "--reason", "none_such"]) == 2
    assert len(values(settings, RUNS.name)) == 0
    assert len(cut) < MAX_MESSAGE_BYTES
