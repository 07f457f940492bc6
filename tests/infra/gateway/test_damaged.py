"""Damaged bodies through the real server: each is taken or refused with a reason, and none is an error of ours."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import httpx
import pytest

from headwater.errors import InvalidMessage
from headwater.openlineage import encoded
from headwater.openlineage.parsing import parsed
from headwater.schemas.content import content_digest
from headwater.schemas.topics import RUNS
from tests.consumers.openlineage import fuzzing
from tests.consumers.openlineage.samples import HAND_WRITTEN, Event, real
from tests.infra.gateway.conftest import Gateway
from tests.infra.gateway.test_requests import BATCH, SINGLE

pytestmark = pytest.mark.integration

_CONNECTIONS = 4
_IN_A_BATCH = 10


def posted(gateway: Gateway, bodies: Sequence[bytes]) -> dict[str, int]:
    """Answers by path and status. All go by themselves, every third one packed, and a tenth also ten at a time."""
    lists = [bodies[start : start + _IN_A_BATCH] for start in range(0, len(bodies) // 10, _IN_A_BATCH)]
    asked = [(SINGLE, body, number % 3 == 0) for number, body in enumerate(bodies)]
    asked += [(BATCH, b"[" + b",".join(some) + b"]", number % 3 == 0) for number, some in enumerate(lists)]

    def share(number: int) -> Counter[str]:
        counts: Counter[str] = Counter()
        with httpx.Client(base_url=gateway.url, timeout=60) as client:
            for path, body, packed in asked[number::_CONNECTIONS]:
                headers = {"content-type": "application/json"} | ({"content-encoding": "gzip"} if packed else {})
                answer = client.post(path, content=gzip.compress(body, 1) if packed else body, headers=headers)
                assert answer.status_code < 500, (answer.text, body)
                told = answer.json()
                # What is refused must say why; a batch names each event that it did not take.
                if answer.status_code >= 400 and path == SINGLE:
                    assert told["message"], body
                for one in told.get("failed_events", ()):
                    assert one["reason"], body
                counts[f"{path} {answer.status_code}"] += 1
        return counts

    with ThreadPoolExecutor(_CONNECTIONS) as threads:
        counts = Counter[str]()
        for part in threads.map(share, range(_CONNECTIONS)):
            counts.update(part)
    assert sum(counts.values()) == len(asked)
    return dict(counts)


def contents(bodies: Sequence[bytes]) -> tuple[int, set[bytes]]:
    """How many of the bodies are events, and the content digests of what they say."""
    count, found = 0, set[bytes]()
    for body in bodies:
        try:
            made = encoded(parsed(body), now_us=1, sender=bytes(16))
        except InvalidMessage:
            continue
        count += 1
        found |= {content_digest(one.value[10:]) for one in made if one.topic is RUNS}
    return count, found


def fuzz(gateway: Gateway, count: int, seed: int, originals: tuple[Event, ...]) -> dict[str, int]:
    """Post so many, and find on the topic just what was taken. The answers' counts."""
    bodies = list(islice(fuzzing.bodies(originals, random.Random(seed)), count))
    before = {digest for _, digest in gateway.sent()}
    counts = posted(gateway, bodies)
    assert counts.keys() <= {f"{SINGLE} {status}" for status in (201, 400, 422)} | {
        f"{BATCH} {status}" for status in (200, 400, 422)
    }
    taken, wanted = contents(bodies)
    assert counts[f"{SINGLE} 201"] == taken
    assert {digest for _, digest in gateway.sent()} - before == wanted - before
    return counts


def test_damaged_bodies_make_no_server_error(gateway: Gateway, seed: int) -> None:
    """Five hundred: some taken, which are on the topic, some refused as no JSON and some as no event."""
    counts = fuzz(gateway, 500, seed, HAND_WRITTEN)
    assert min(counts[f"{SINGLE} {status}"] for status in (201, 400, 422)) > 20


@pytest.mark.prove
@pytest.mark.backends("local")
@pytest.mark.timeout(3600)
def test_many_damaged_bodies_make_no_server_error(gateway: Gateway, seed: int) -> None:
    """Twenty thousand on Apache Kafka, those with every facet of openlineage-python among them."""
    counts = fuzz(gateway, 20_000, seed, (*HAND_WRITTEN, *real()))
    print(json.dumps({"seed": seed, **counts}))  # noqa: T201 — what the proof counted
    assert min(counts[f"{SINGLE} {status}"] for status in (201, 400, 422)) > 500
