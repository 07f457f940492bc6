"""A stitching step that lives, dies and is restored, on a topic and a state topic that stand in lists."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from headwater.schemas import plain
from headwater.schemas.records import Schema
from headwater.settings import Settings
from headwater.stitching import StitchingStep, parked, state_records
from headwater.streams import Output
from tests.consumers.stitching import worlds

Event = dict[str, Any]
PLACE = ("lineage.runs", 0)
STATE = "lineage.stitching-state"


class Lives:
    """One partition. Outputs are sent in order; what was not confirmed when the worker dies may be lost.

    `arrivals`: ms of each event. Events before `low` have left the topic.
    """

    def __init__(self, settings: Settings, events: Sequence[Event], arrivals: Sequence[int]) -> None:
        self.settings = settings
        self.events = events
        self.arrivals = arrivals
        self.low = 0
        self.position = 0
        self.committed = 0
        self.edges: list[Output] = []
        self.state: list[tuple[bytes, bytes]] = []
        self.asked = 0
        self._sent: list[Output] = []
        self.step = self._new()

    def _new(self) -> StitchingStep:
        step = StitchingStep(self.settings)
        step.attach(self)
        return step

    def schema(self, message: bytes) -> Schema | None:
        """As Past says."""
        return worlds.SCHEMA if message[2:10] == worlds.SCHEMA.fingerprint_bytes else None

    def messages(self, place: tuple[str, int], offsets: Sequence[int]) -> dict[int, bytes]:
        """As Past says."""
        assert place == PLACE
        self.asked += 1
        return {at: plain.message(worlds.SCHEMA, self.events[at]) for at in offsets if at >= self.low}

    def take(self, count: int) -> None:
        """Process the next events as one chunk."""
        chunk = self.events[self.position : self.position + count]
        if chunk:
            arrival = max(self.arrivals[self.position : self.position + count])
            self._send(self.step.process(worlds.batch(chunk, self.position, arrival=arrival)))
            self.position += len(chunk)

    def tick(self) -> None:
        self._send(self.step.tick(0))

    def commit(self) -> None:
        """All outputs are confirmed, the offset is committed."""
        self._keep(self._sent)
        self._sent = []
        self.committed = self.position
        self.step.committed({PLACE: self.committed})

    def _send(self, outputs: Sequence[Output]) -> None:
        self._sent += outputs

    def _keep(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            if output.topic == STATE:
                assert output.partition == PLACE[1]
                self.state.append((output.key or b"", output.value))
            else:
                self.edges.append(output)

    def sent(self, topic: str) -> list[Output]:
        """What was sent and is not confirmed."""
        return [output for output in self._sent if output.topic == topic]

    def lose(self, chance: random.Random, state: int | None = None) -> None:
        """Lose what was not confirmed, from a point on, for each topic another; `state`: so many records of state are
        there.
        """
        for topic in (STATE, "lineage.edges"):
            sent = self.sent(topic)
            self._keep(sent[: chance.randint(0, len(sent)) if state is None or topic != STATE else state])
        self._sent = []

    def die(self, chance: random.Random) -> None:
        """Lose what was not confirmed; go on as another worker."""
        self.lose(chance)
        self.restart(chance)

    def compact(self) -> None:
        """As a broker does."""
        latest = {key: at for at, (key, _) in enumerate(self.state)}
        self.state = [one for at, one in enumerate(self.state) if latest[one[0]] == at and one[1]]

    def restart(self, chance: random.Random) -> None:
        """A new worker gets the partition."""
        self.step.revoked({PLACE})
        self.step = self._new()
        self.position = self.committed
        if chance.randint(0, 3) == 0:
            # The broker goes away meanwhile: it is read from its beginning again.
            self._restore(chance, chance.randint(0, len(self.state)))
        self._restore(chance, len(self.state))
        since = self.step.restored(PLACE, self.committed, len(self.events))
        at = max(since or 0, self.low)
        while at < self.committed:
            upto = min(at + chance.randint(1, 20), self.committed)
            batch = worlds.batch(self.events[at:upto], at, replaying=True, arrival=max(self.arrivals[at:upto]))
            assert not self.step.process(batch)
            at = upto

    def _restore(self, chance: random.Random, upto: int) -> None:
        at = 0
        while at < upto:
            some = self.state[at : min(at + chance.randint(1, 20), upto)]
            self.step.restore(PLACE, self.committed, [key for key, _ in some], [value for _, value in some])
            at += len(some)

    def writes(self) -> dict[bytes, list[tuple[int, int]]]:
        """By identity, of each write of a run: how many of its records stand on the state topic, how many there were.
        A run in one record is a write.
        """
        found: dict[bytes, dict[bytes, list[int]]] = {}
        for key, value in dict(self.state).items():
            run = state_records.run_of(key) if key[:1] == state_records.RUN and value else None
            if run is not None:
                identity, part = run
                name = b"" if part is None else part.write
                found.setdefault(identity, {}).setdefault(name, []).append(parked.piece(value)[0])
        return {
            identity: [(len(counts), counts[0]) for counts in of_run.values()] for identity, of_run in found.items()
        }

    def __enter__(self) -> Lives:
        return self

    def __exit__(self, *_: object) -> None:
        self.step.revoked({PLACE})

    def said(self) -> list[Event]:
        """All edge sets on the topic."""
        return [worlds.decoded(output) for output in self.edges]
