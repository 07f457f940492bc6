"""verdicts, uses, profiles, edges, predictions and decisions → lineage.alerts: one incident for each fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from headwater.detection.incidents.book import Book
from headwater.detection.incidents.graph import Node
from headwater.detection.incidents.predictions import HOUR_US
from headwater.detection.policy import Policy
from headwater.detection.recall import of_incidents
from headwater.detection.rules import load
from headwater.detection.steps.batches import in_event_order
from headwater.detection.steps.hold import Hold
from headwater.detection.steps.sending import Clock, Sender, wall_clock
from headwater.detection.verdicts import Verdict
from headwater.errors import StateError
from headwater.schemas import topics
from headwater.schemas.codec import Program, compile_schema
from headwater.schemas.records import Schema
from headwater.settings import Settings
from headwater.streams.batch import Batch
from headwater.streams.step import Output, Piece, Round, Wanted

_TEXTS = ("stream.namespace", "stream.name", "run_id", "model.namespace", "model.name", "model.version")
_CAPTURES = ("event_time", *_TEXTS)
#: Batches between two times of forgetting what is old.
_FORGET_EVERY = 2000
_SECOND_US = 1_000_000


class IncidentsStep:
    """Tells each fault once. One worker has all partitions, since causes are sought over the whole graph.

    State is re-derived by reading again what the topics still hold, and before that what the history alone has. What
    was told already is read from `lineage.alerts` itself, so that a restart tells nothing twice.
    """

    name = "detection-incidents"
    inputs = (
        topics.ALERTS.name,
        topics.DECISIONS.name,
        topics.USES.name,
        topics.EDGES.name,
        topics.PREDICTIONS.name,
        topics.PROFILES.name,
        topics.VERDICTS.name,
    )
    round = Round()
    #: What people decided stands until they decide otherwise.
    read_whole = (topics.DECISIONS.name,)
    #: What was told by one that died just then is told already.
    reads_back = (topics.ALERTS.name,)
    #: One worker is active, the others stand by.
    alone = True
    #: An alarm that has settled is told at once; what all runs and the graph say is asked once a second.
    tick_seconds = 0.2

    def __init__(self, settings: Settings, policy: Policy | None = None, clock: Clock = wall_clock) -> None:
        self._policy = policy or Policy()
        self._clock = clock
        self._sender = Sender(clock)
        self._settings = settings
        self._database = settings.database_name
        self._rules = load(settings.rules)
        self._book = Book(self._policy, self._database, self._rules)
        self._replayed_at: int | None = None
        self._batches = 0
        self._hold = Hold(self._policy)
        self._judged_at = 0

    @property
    def lookback(self) -> timedelta | None:
        """As long as the graph is kept."""
        return timedelta(microseconds=self._policy.graph_us)

    def process(self, batch: Batch) -> Sequence[Output]:
        """Takes notice; what follows from it is told by `tick`, once it has settled."""
        now = self._clock()
        if batch.replaying:
            self._replayed_at = now
        if batch.topic == topics.PREDICTIONS.name:
            self._count(batch)
        else:
            take = self._taker(batch.topic, now)
            records = in_event_order(batch)
            self._hold.saw(records, now, replaying=batch.replaying)
            for record in records:
                take(record)
        self._batches += 1
        if self._batches % _FORGET_EVERY == 0:
            self._book.forget(now)
        return ()

    def recall(self, wanted: Wanted) -> Iterator[Piece]:
        """Incidents and what they are judged by, as far as the history alone has it."""
        if not self._settings.store_url:
            raise StateError("no history is configured (setting store_url)")
        yield from of_incidents.pieces(
            self._settings, wanted, self._policy.graph_us, self._remember, self._remember_counts, self._excuse
        )

    def recalled(self, places: Collection[tuple[str, int]], *, whole: bool) -> None:
        """Half of what was would be worse than what the topics hold."""
        del places
        self._replayed_at = self._clock()
        if not whole:
            self._book = Book(self._policy, self._database, self._rules)

    def _remember(self, topic: str, told: list[dict[str, Any]]) -> None:
        now = self._clock()
        take = self._taker(topic, now)
        self._hold.saw(told, now, replaying=True)
        for record in told:
            take(record)

    def _remember_counts(self, counts: list[of_incidents.Counted]) -> None:
        for one in counts:
            self._book.world.predictions.add(one.stream, one.run_id, one.since, one.number, one.model)

    def _excuse(self, since: int) -> None:
        self._book.world.durations.excuse(since, self._clock(), self._policy)

    def gauges(self) -> Mapping[str, float]:
        """Incidents that people were told of and that are not over."""
        return {"open_incidents": self._book.open}

    def flush(self) -> None:
        """Nothing is put away."""

    def tick(self, now_us: int) -> Sequence[Output]:
        """The messages that are due."""
        if self._replayed_at is not None:
            if now_us < self._replayed_at + self._policy.settle_us:
                return ()
            self._replayed_at = None
        outputs: list[Output] = []
        if not 0 <= now_us - self._judged_at < _SECOND_US:
            self._judged_at = now_us
            judged = self._book.judged(now_us, absent=not self._hold.holds(now_us))
            outputs += [self._verdict(verdict) for verdict in judged]
        return outputs + [
            self._sender.output(topics.ALERTS, fields["incident_id"], fields) for fields in self._book.tick(now_us)
        ]

    def revoked(self, partitions: set[tuple[str, int]]) -> None:
        """Another worker is the active one now; what this one knows would only be told twice."""
        if not partitions:
            return
        self._book = Book(self._policy, self._database, self._rules)
        self._replayed_at = None
        self._hold = Hold(self._policy)

    def _verdict(self, verdict: Verdict) -> Output:
        subject = verdict.subject
        named = (subject.namespace, subject.name) if subject.name else (subject.job_namespace, subject.job_name)
        return self._sender.output(topics.VERDICTS, topics.dataset_key(*named), verdict.fields())

    def _taker(self, topic: str, now: int) -> Callable[[dict[str, Any]], object]:
        book = self._book
        takers: Mapping[str, Callable[[dict[str, Any]], object]] = {
            topics.ALERTS.name: book.told,
            topics.DECISIONS.name: book.decision,
            topics.USES.name: lambda use: book.use(use, now),
            topics.EDGES.name: book.edges,
            topics.PROFILES.name: lambda part: book.profile(part, now),
            topics.VERDICTS.name: lambda verdict: book.verdict(verdict, now),
        }
        return takers[topic]

    def _count(self, batch: Batch) -> None:
        predictions = self._book.world.predictions
        for group in batch.groups:
            fresh = predictions.fresh(batch.partition, batch.generation, batch.offsets[group.rows])
            if not fresh.any():
                continue
            decoded = _program(group.schema).decode(group.bodies.take(fresh))
            raw = decoded.buffer.tobytes()
            spans = [decoded.spans(path) for path in _TEXTS]
            texts = [
                [raw[a:b] for a, b in zip(span.starts.tolist(), span.ends.tolist(), strict=True)] for span in spans
            ]
            hours = (decoded.integers("event_time").values // HOUR_US).tolist()
            counted = Counter(zip(hours, *texts, strict=True))
            for (hour, namespace, name, run_id, *model), count in counted.items():
                stream, (of, called, version) = (namespace.decode(), name.decode()), (part.decode() for part in model)
                answering = Node(of, called, version or None)
                predictions.add(stream, run_id or None, hour * HOUR_US, count, answering)


@cache
def _program(schema: Schema) -> Program:
    return compile_schema(schema, _CAPTURES)
