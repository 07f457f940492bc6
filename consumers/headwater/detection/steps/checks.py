"""lineage.uses, lineage.profiles and lineage.decisions, all keyed by dataset → lineage.verdicts."""

from __future__ import annotations

import logging
from bisect import bisect_right, insort
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from headwater.audit import connect
from headwater.detection.checker import Checker
from headwater.detection.pinned import profiles
from headwater.detection.policy import Policy
from headwater.detection.recall import of_checks
from headwater.detection.recall.past import answered
from headwater.detection.rules import load
from headwater.detection.steps.batches import in_event_order
from headwater.detection.steps.hold import Hold
from headwater.detection.steps.sending import Clock, Sender, wall_clock
from headwater.detection.uses import about
from headwater.detection.verdicts import Verdict
from headwater.errors import HeadwaterError, StateError
from headwater.schemas import topics
from headwater.settings import Settings
from headwater.streams.batch import Batch
from headwater.streams.step import Output, Piece, Round, Wanted

_log = logging.getLogger("headwater.detection")


class ChecksStep:
    """Judges each dataset by its own history.

    Its three topics are keyed by dataset and have equal numbers of partitions, so a partition's number names
    a set of datasets and its state. State is re-derived by reading again what the topics still hold, and before that
    what the history alone has.
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
        #: When the decisions that accept were sent, for the order in which earlier records are taken in.
        self._accepted: list[int] = []
        #: Of what came just before a broker's end: by dataset or job the first event time, and what is said from it on.
        self._last: dict[tuple[str, str], int] = {}
        self._unsaid: list[Verdict] = []

    @property
    def lookback(self) -> timedelta | None:
        """As long as the topics keep: a baseline of 8 weeks needs every profile that there is."""
        return timedelta(days=90)

    def process(self, batch: Batch) -> Sequence[Output]:
        """What is said of the profiles and uses of a batch, in the order of event time within it."""
        checker = self._checker(batch.partition)
        outputs: list[Output] = []
        records = in_event_order(batch)
        if batch.replaying:
            records.sort(key=self._phase)
        now = self._clock()
        self._hold.saw(records, now, replaying=batch.replaying)
        # what a worker that died said and did not commit gives way to what is said now, also where that is silent else
        checker.aloud = self._hold.holds(now)
        for record in records:
            if batch.topic == topics.DECISIONS.name:
                self._decision(checker, record)
                continue
            judge = checker.take_profile if batch.topic == topics.PROFILES.name else checker.take_use
            outputs += [self._output(verdict) for verdict in judge(record, replaying=batch.replaying)]
        outputs += [self._output(verdict) for verdict in checker.counted(replaying=batch.replaying)]
        checker.aloud = False
        return outputs

    def recall(self, wanted: Wanted) -> Iterator[Piece]:
        """Decisions, profiles and uses of these partitions that the history alone has."""
        if self._settings is None or not self._settings.store_url:
            raise StateError("no history is configured (setting store_url)")
        lookback = self.lookback or timedelta()
        micros = lookback // timedelta(microseconds=1)
        yield from of_checks.pieces(self._settings, wanted, micros, self)

    def recalled(self, places: Collection[tuple[str, int]], *, whole: bool) -> None:
        """Half of what was would be worse than what the topics hold."""
        if not whole:
            self._unsaid = []
            for _, number in places:
                self._checkers.pop(number, None)

    def remember(self, topic: str, told: list[of_checks.Told]) -> None:
        """Take records of the history in."""
        told.sort(key=lambda one: (self._phase(one.record), one.record["event_time"]))
        self._hold.saw([one.record for one in told], self._clock(), replaying=True)
        for number, record, last in told:
            checker = self._checker(number)
            if topic == topics.DECISIONS.name:
                self._decision(checker, record)
                continue
            if last:
                named = about(record)
                self._last[named] = min(self._last.get(named, record["event_time"]), record["event_time"])
            take = checker.take_profile if topic == topics.PROFILES.name else checker.take_use
            self._keep(take(record, replaying=True))
        for number in {one.partition for one in told}:
            self._keep(self._checker(number).counted(replaying=True))

    def resume(self, since: int, said: Collection[str]) -> None:
        """What nobody listened for is not missed; what was not said before the end is said now."""
        now = self._clock()
        for checker in self._checkers.values():
            checker.excuse(since, now)
        self._unsaid = [verdict for verdict in self._unsaid if not _is_said(verdict, said)]

    def _keep(self, verdicts: Sequence[Verdict]) -> None:
        """Of a dataset that something came of just before the end, those that may not have been said by then."""
        for verdict in verdicts:
            since = self._last.get(_named(verdict))
            if since is not None and verdict.subject.event_time >= since:
                self._unsaid.append(verdict)

    def _phase(self, record: Mapping[str, Any]) -> int:
        """How many decisions were sent before a record: one that was late must not carry a later decision back."""
        return bisect_right(self._accepted, record["emit_time"])

    def _decision(self, checker: Checker, decision: Mapping[str, Any]) -> None:
        checker.decision(decision)
        if decision["kind"] == "accept":
            insort(self._accepted, decision["emit_time"])

    def _checker(self, number: int) -> Checker:
        checker = self._checkers.get(number)
        if checker is None:
            checker = self._checkers[number] = Checker(self._policy, self._rules)
            for part in self._pinned():
                checker.pin(part)
        return checker

    def _pinned(self) -> Sequence[Mapping[str, Any]]:
        """The profiles of pinned references, asked of the history once."""
        if self._references is None:
            self._references = []
            if self._settings is not None and self._rules.references:
                try:
                    client = connect(self._settings)
                    self._references = answered(lambda: list(profiles(client, self._rules)))
                except HeadwaterError as error:
                    _log.warning("pinned references count from when their profiles pass: %s", error)
        return self._references

    def flush(self) -> None:
        """Nothing is put away."""

    def tick(self, now_us: int) -> Sequence[Output]:
        """What is overdue, once this worker has seen all that is there."""
        unsaid, self._unsaid = self._unsaid, []
        outputs = [self._output(verdict) for verdict in unsaid]
        if self._hold.holds(now_us):
            return outputs
        return outputs + [
            self._output(verdict) for checker in self._checkers.values() for verdict in checker.overdue(now_us)
        ]

    def revoked(self, partitions: set[tuple[str, int]]) -> None:
        """Forget the datasets of these partitions."""
        for _, number in partitions:
            self._checkers.pop(number, None)
        self._hold = Hold(self._policy)
        self._last, self._unsaid = {}, []

    def _output(self, verdict: Verdict) -> Output:
        return self._sender.output(topics.VERDICTS, topics.dataset_key(*_named(verdict)), verdict.fields())


def _named(verdict: Verdict) -> tuple[str, str]:
    """What a verdict is keyed by."""
    subject = verdict.subject
    return (subject.namespace, subject.name) if subject.name else (subject.job_namespace, subject.job_name)


def _is_said(verdict: Verdict, said: Collection[str]) -> bool:
    evidence = verdict.fields()["evidence"]
    return verdict.event_id.hex() in said or evidence.get("judged", "") + evidence.get("known", "") in said
