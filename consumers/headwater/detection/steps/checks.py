"""lineage.uses, lineage.profiles and lineage.decisions, all keyed by dataset → lineage.verdicts."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from headwater.audit import connect
from headwater.detection.checker import Checker
from headwater.detection.pinned import profiles
from headwater.detection.policy import Policy
from headwater.detection.rules import load
from headwater.detection.steps.batches import in_event_order
from headwater.detection.steps.hold import Hold
from headwater.detection.steps.sending import Clock, Sender, wall_clock
from headwater.detection.verdicts import Verdict
from headwater.errors import MissingExtra, StateError, Unavailable
from headwater.schemas import topics
from headwater.settings import Settings
from headwater.streams.batch import Batch
from headwater.streams.step import Output, Round

_log = logging.getLogger("headwater.detection")


class ChecksStep:
    """Judges each dataset by its own history.

    Its three topics are keyed by dataset and have equal numbers of partitions, so a partition's number names
    a set of datasets and its state. State is re-derived by reading again what the topics still hold.
    """

    name = "detection-checks"
    inputs = (topics.USES.name, topics.PROFILES.name, topics.DECISIONS.name)
    round = Round()

    def __init__(
        self, settings: Settings | None = None, policy: Policy | None = None, clock: Clock = wall_clock
    ) -> None:
        self._settings = settings
        self._references: list[Mapping[str, Any]] | None = None
        self._rules = load(settings.rules if settings is not None else "")
        self._policy = policy or Policy()
        self._clock = clock
        self._sender = Sender(clock)
        self._checkers: dict[int, Checker] = {}
        self._hold = Hold(self._policy)

    @property
    def lookback(self) -> timedelta | None:
        """As long as the topics keep: a baseline of 8 weeks needs every profile that there is."""
        return timedelta(days=90)

    def process(self, batch: Batch) -> Sequence[Output]:
        """What is said of the profiles and uses of a batch, in the order of event time within it."""
        checker = self._checkers.get(batch.partition)
        if checker is None:
            checker = self._checkers[batch.partition] = Checker(self._policy, self._rules)
            for part in self._pinned():
                checker.pin(part)
        outputs: list[Output] = []
        records = in_event_order(batch)
        self._hold.saw(records, self._clock(), replaying=batch.replaying)
        for record in records:
            if batch.topic == topics.DECISIONS.name:
                checker.decision(record)
                continue
            judge = checker.take_profile if batch.topic == topics.PROFILES.name else checker.take_use
            outputs += [self._output(verdict) for verdict in judge(record, replaying=batch.replaying)]
        return outputs + [self._output(verdict) for verdict in checker.counted()]

    def _pinned(self) -> Sequence[Mapping[str, Any]]:
        """The profiles of pinned references, asked of the history once."""
        if self._references is None:
            self._references = []
            if self._settings is not None and self._rules.references:
                try:
                    self._references = list(profiles(connect(self._settings), self._rules))
                except (Unavailable, StateError, MissingExtra) as error:
                    _log.warning("pinned references count from when their profiles pass: %s", error)
        return self._references

    def flush(self) -> None:
        """Nothing is put away."""

    def tick(self, now_us: int) -> Sequence[Output]:
        """What is overdue, once this worker has seen all that is there."""
        if self._hold.holds(now_us):
            return ()
        return [self._output(verdict) for checker in self._checkers.values() for verdict in checker.overdue(now_us)]

    def revoked(self, partitions: set[tuple[str, int]]) -> None:
        """Forget the datasets of these partitions."""
        for _, number in partitions:
            self._checkers.pop(number, None)
        self._hold = Hold(self._policy)

    def _output(self, verdict: Verdict) -> Output:
        subject = verdict.subject
        named = (subject.namespace, subject.name) if subject.name else (subject.job_namespace, subject.job_name)
        return self._sender.output(topics.VERDICTS, topics.dataset_key(*named), verdict.fields())
