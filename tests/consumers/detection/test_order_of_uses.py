"""Metrics, schemas, fingerprints, reads and row hashes in any order, repeated, with workers that die in between: the
same verdicts stand. The workers are those of `test_order.py`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from headwater.detection.checker import Checker
from headwater.detection.verdicts import Verdict
from headwater.schemas.topics import PROFILES, USES
from tests.consumers.detection.making import dataset, microseconds, profile_record, standing, through_the_contract, use
from tests.consumers.detection.telling import Told
from tests.consumers.detection.test_order import POLICY, Record, day, disordered, stands

DAYS = 24
HOUR_US = 3_600_000_000


def made(job: str, number: int, access: str, node: dict[str, Any], *, hour: int = 0, **fields: Any) -> Record:
    return use(job, day(number), access, node, event_time=microseconds(day(number)) + hour * HOUR_US, **fields)


def fingerprint(text: str) -> dict[str, Any]:
    return {"algorithm": "sum-xor-1", "digest": text.encode()}


def columns(**types: str) -> list[dict[str, Any]]:
    return [{"name": name, "type": type_, "nullable": None} for name, type_ in types.items()]


def measured(number: int) -> list[dict[str, Any]]:
    """Weakly worse twice within three days, later much worse once."""
    level = {11: 1.15, 13: 1.15, 18: 3.0}.get(number, 1.0)
    return [{"name": "mae", "value": level + number % 3 / 100, "split": "test"}]


def schema(number: int) -> list[dict[str, Any]]:
    """Widened on one day, a column gone for two days, one more from then on."""
    if number in {12, 13}:
        return columns(a="bigint")
    return columns(a="int" if number < 6 else "bigint", b="text", **({"c": "text"} if number > 13 else {}))


def rows(number: int) -> dict[str, Any]:
    """Ids that are drawn anew each day; half of one day's are the day before's, those of one day are there thrice."""

    def drawn(seed: int) -> Any:
        return np.random.default_rng(seed).integers(0, 2**60, 600)

    ids = drawn(number)
    if number == 15:
        ids = np.concatenate([ids[:300], drawn(14)[:300]])
    return {"id": np.concatenate([ids] * 3) if number == 20 else ids}


@cache
def the_days() -> tuple[tuple[Record, ...], tuple[Record, ...]]:
    """Uses and profiles with each of these checks' faults."""
    uses: list[Record] = []
    profiles: list[Record] = []
    for number in range(DAYS):
        version = dataset("t", str(number))
        text = str(14 if number == 15 else number)
        uses += [
            made("train", number, "write", dataset("m", str(number), "model"), metrics=measured(number)),
            made("load", number, "write", version, fingerprint=fingerprint(text), columns=schema(number)),
            made("join", number, "read", version, hour=2, fingerprint=fingerprint("x" if number == 9 else text)),
            made("late", number, "read", dataset("t", str(16 if number == 17 else number)), hour=3),
            made("part", number, "write", dataset("p", None), partitions=[f"day={5 if number == 19 else number}"]),
        ]
        if number % 6 == 5:  # of one run two messages name what it read
            earlier = {"event_time": microseconds(day(number)) + HOUR_US, "event_id": bytes([number]) * 16}
            uses.append({**uses[-2], **earlier})
        profiles.append(profile_record("r", day(number), rows(number), version=str(number)))
    # another run writes a version again, with another content, which somebody has read already
    uses.append(made("repair", 8, "write", dataset("t", "7"), hour=9, fingerprint=fingerprint("repaired")))
    uses.append(made("report", 8, "read", dataset("t", "7"), hour=8, fingerprint=fingerprint("repaired")))
    return tuple(uses), tuple(profiles)


@cache
def in_order() -> dict[bytes, Record]:
    """Of one worker that has all at once."""
    uses, profiles = the_days()
    return stands({USES.name: list(uses), PROFILES.name: list(profiles)}, [], random.Random(0), 10**6)


def test_the_days_hold_what_can_go_wrong() -> None:
    """Each of the checks alarms, or tells, what was put in, and that alone."""
    found = sorted(
        (one["check"], one["outcome"], one["name"], str(one["version"]))
        for one in in_order().values()
        if one["outcome"] in {"warn", "alarm"} and one["check"] not in {"drift", "volume"}
    )
    assert found == [
        ("corruption", "alarm", "t", "9"),
        ("duplication", "alarm", "r", "15"),
        ("duplication", "alarm", "r", "20"),
        ("duplication", "alarm", "t", "15"),
        ("duplication", "warn", "p", "None"),
        ("metric", "alarm", "m", "13"),
        ("metric", "alarm", "m", "18"),
        ("metric", "warn", "m", "11"),
        ("schema", "alarm", "t", "12"),
        ("schema", "warn", "t", "6"),
        ("upstream", "alarm", "t", "16"),
    ]


# an order drawn at random has nothing simpler than itself to be shrunk to
@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.randoms(use_true_random=False), st.lists(st.tuples(st.integers(1, 12), st.integers(0, 3)), max_size=4))
@example(random.Random(7), [(1, 1), (2, 1), (3, 3)])
def test_what_stands_is_a_function_of_the_events(chance: random.Random, lives: list[tuple[int, int]]) -> None:
    """Uses in any order at all, profiles as late as they may be, repeated; workers killed with verdicts sent and not
    committed: what stands are the verdicts of one worker that had all at once, with their ids, and no others.
    """
    assert stands(disordered(the_days(), chance), lives, chance, chance.choice((1, 3, 12))) == in_order()


def told(records: Iterable[tuple[str, Record]], most: int) -> set[tuple[Any, ...]]:
    """The alarms and warnings that stand of a worker that says nothing where all is well; so many records a batch."""
    checker = Checker(POLICY)
    found: list[Verdict] = []
    for number, (topic, record) in enumerate(records):
        found += checker.take_profile(record) if topic == PROFILES.name else checker.take_use(record)
        if number % most == 0:
            found += checker.counted()
    said = standing(through_the_contract("verdict", one.fields()) for one in [*found, *checker.counted()])
    return {
        (one["check"], one["namespace"], one["name"], one["event_time"], one["explanation"], one["onset"])
        for one in said.values()
        if one["outcome"] in {"warn", "alarm"}
    }


@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.randoms(use_true_random=False), st.sampled_from((1, 7)))
def test_what_is_silent_while_all_is_well_takes_its_alarms_back(chance: random.Random, most: int) -> None:
    """The same alarms and warnings stand as in order, however many were said on the way."""
    uses, profiles = the_days()
    ordered = [(USES.name, one) for one in uses] + [(PROFILES.name, one) for one in profiles]
    late, some = disordered((uses, profiles), chance).values()
    mixed: list[tuple[str, Record]] = [(USES.name, one) for one in late]
    places = sorted(chance.randint(0, len(mixed)) for _ in some)
    for place, one in zip(reversed(places), reversed(some), strict=True):
        mixed.insert(place, (PROFILES.name, one))
    assert told(mixed, most) == told(sorted(ordered, key=lambda item: item[1]["event_time"]), 1)


def test_an_incident_of_what_is_taken_back_is_withdrawn() -> None:
    """Somebody reads what another run is known to have written only later: it was no corruption, and people hear so."""
    line, checker = Told(), Checker(POLICY)
    version = dataset("t", "7")
    states: list[list[str]] = []
    for record in (
        made("load", 7, "write", version, fingerprint=fingerprint("7")),
        made("report", 8, "read", version, hour=10, fingerprint=fingerprint("repaired")),
        made("repair", 8, "write", version, hour=9, fingerprint=fingerprint("repaired")),
    ):
        line.book.use(record)
        for verdict in checker.use(record):
            line.verdict(verdict)
        states.append([message["state"] for message in line.wait(15)])
    assert states == [[], ["opened"], ["resolved"]]
    assert "withdrawn: judged again" in line.messages[-1]["explanation"]
