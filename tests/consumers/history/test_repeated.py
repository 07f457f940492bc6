"""Equal outputs, asked of the versions whose content another has: the answer is that of the documented statement."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest

from headwater.audit.clocks import NOW
from headwater.audit.repeated import repeated
from headwater.schemas.topics import RUNS
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import at, batch, dataset, run_event
from tests.consumers.history.test_narrow import FIRST, MINUTE, same

pytestmark = pytest.mark.integration


def keep(history: History, draw: random.Random) -> None:
    """Runs whose outputs have one of few contents, some told twice with another one, some failed, in two rounds."""
    events: list[dict[str, Any]] = []
    for number in range(40):
        label, minute = f"job{number % 3} {number}", 10.0 * number
        inputs = [dataset(f"in{draw.randrange(2)}", draw.choice((None, "v1"))) for _ in range(draw.randrange(2))]
        output = dataset(f"d{draw.randrange(3)}", f"v{draw.randrange(30)}", rows=draw.choice((None, 0, 5)))
        code = {"code": {"repository": "git", "commit": f"c{draw.randrange(2)}"}} if draw.random() < 0.7 else {}
        events.append(run_event(label, "START", at(minute), inputs=inputs, job_fields=code))
        for state, later in (("RUNNING", 2), (draw.choice(("COMPLETE", "COMPLETE", "FAIL")), 5)):
            digest = draw.choice((b"one", b"two", f"own{number}".encode()))
            said = {**output, "fingerprint": {"algorithm": "sum-1", "digest": digest}}
            if state != "RUNNING" or draw.random() < 0.2:
                events.append(run_event(label, state, at(minute + later), outputs=[said]))
    for part in (0, 1):
        history.keep(batch(RUNS.name, events[part::2], first=100 * part))
        history.clock[0] += MINUTE


def test_the_same_either_way(history: History, seed: int) -> None:
    """Now, as it was, as it was known, and from a time on."""
    keep(history, random.Random(seed))
    assert same(history, "same_outputs")
    moments = (datetime.fromtimestamp(FIRST / 1e6, UTC), datetime.fromtimestamp(at(150) / 1e6, UTC))
    same(history, "same_outputs", known_at=moments[0])
    same(history, "same_outputs", at=moments[1])
    same(history, "same_outputs", since=moments[1])


def test_too_many_are_asked_of_all(history: History, seed: int) -> None:
    """Where more versions repeat than a statement takes, none is looked up."""
    keep(history, random.Random(seed))
    found = repeated(history.client, 100, NOW)
    assert found is not None
    assert len(found["near_keys"]) > 1
    assert repeated(history.client, 1, NOW) is None
