"""Training/serving skew: what a model is asked about, against what it was trained on, found through the lineage."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from headwater.detection import compare
from headwater.detection.accepting import Accept
from headwater.detection.aftermath import Aftermath
from headwater.detection.compare import Comparison
from headwater.detection.gates import Finding, Gate, Outcome, severity_of
from headwater.detection.incidents.facts import Run
from headwater.detection.incidents.graph import Dataset, Node
from headwater.detection.incidents.walks import Place, upstream
from headwater.detection.incidents.world import World
from headwater.detection.packed import Columns
from headwater.detection.policy import Policy
from headwater.detection.profile_verdicts import column_verdict
from headwater.detection.recent import forget
from headwater.detection.rules.model import Rules
from headwater.detection.series import Entry
from headwater.detection.statistics.robust import holm
from headwater.detection.summaries import Summary
from headwater.detection.verdicts import Verdict

#: Profiles that are kept, of whatever a model may be trained on: about 1 KB a column.
_MOST = 2_000


@dataclass(frozen=True, slots=True)
class _Asked:
    """A serving profile, when it was sent, and until when it waits for its edges (arrival). Times in µs."""

    summary: Summary
    sent: int
    until: int


@dataclass(frozen=True, slots=True)
class _Training:
    """The run that trained the model behind a profile, and by column the profile that it read it from."""

    run: Run
    columns: Mapping[str, Summary]


@dataclass(slots=True)
class Skew:
    """Compares each profile of role `serving` with those of the run that trained the model behind it.

    What is asked of a model that was trained before somebody accepted it, in a profile sent after that, is as usual:
    the next training is held against anew.
    """

    world: World
    rules: Rules = field(default_factory=Rules)
    #: By dataset version as written, and by run as read.
    _written: OrderedDict[Node, Summary] = field(default_factory=OrderedDict[Node, Summary])
    _read: OrderedDict[bytes, dict[Dataset, Summary]] = field(
        default_factory=OrderedDict[bytes, dict[Dataset, Summary]]
    )
    #: Serving profiles whose edges may still come.
    _waiting: dict[bytes, _Asked] = field(default_factory=dict[bytes, "_Asked"])
    _accepted: dict[Dataset, dict[Accept, None]] = field(default_factory=lambda: defaultdict(dict[Accept, None]))
    _judged: OrderedDict[bytes, None] = field(default_factory=OrderedDict[bytes, None])
    #: Of each column when it was found last.
    _found: dict[tuple[Dataset, str], dict[int, bool]] = field(default_factory=lambda: defaultdict(dict[int, bool]))
    _aftermath: dict[tuple[Dataset, str], Aftermath] = field(default_factory=lambda: defaultdict(Aftermath))

    def accept(self, accept: Accept) -> None:
        """What is asked is the new normal; before or after the profiles that it is about."""
        if accept.covers("skew"):
            self._accepted[accept.dataset][accept] = None

    def profile(self, summary: Summary, now: int, sent: int) -> None:
        """One whole profile, any number of times; it was sent at `sent` (µs)."""
        node = Node(summary.namespace, summary.name, summary.version)
        if summary.role == "serving":
            if summary.event_id not in self._judged:
                asked = _Asked(summary, sent, now + self.world.policy.edges_wait_us)
                self._waiting.setdefault(summary.event_id, asked)
            return
        if summary.role == "input" and summary.run_id is not None:
            self._read.setdefault(summary.run_id, {})[node.dataset] = summary
            forget(self._read, _MOST)
        else:
            self._written[node] = summary
            forget(self._written, _MOST)

    def due(self, now: int) -> list[Verdict]:
        """The verdicts on serving profiles whose training is known by now."""
        found: list[Verdict] = []
        waiting = sorted(self._waiting.values(), key=lambda item: (item.summary.event_time, item.summary.event_id))
        for asked in waiting:
            summary = asked.summary
            training = self._training(summary)
            if training is None and now < asked.until:
                continue
            del self._waiting[summary.event_id]
            self._judged[summary.event_id] = None
            forget(self._judged, 10 * _MOST)
            policy, rule = self.rules.of(summary.namespace, summary.name, self.world.policy)
            if training is not None and rule.wants("skew"):
                found += self._compare(asked, training, policy, rule.ignore_columns)
        return found

    def _training(self, summary: Summary) -> _Training | None:
        """What the model behind a profile was trained on; None where there is no model or profile."""
        model = next(self._models(summary), None)
        run = self.world.runs.writer(model) if model is not None else None
        if run is None:
            return None
        as_read = list(self._read.get(run.run_id, {}).values())
        as_written = [self._written[node] for node in sorted(run.reads, key=str) if node in self._written]
        columns: dict[str, Summary] = {}
        for profile in (*as_read, *as_written):
            for name in profile.columns:
                columns.setdefault(name, profile)
        return _Training(run, columns) if columns else None

    def _models(self, summary: Summary) -> Iterator[Node]:
        """Models above what is served, the nearest first; before them those that its run read, and those that
        predictions of a stream name (a service that answers requests has no run).
        """
        graph = self.world.graph
        job = summary.job_namespace, summary.job_name
        read = self.world.runs.reads_of(summary.run_id, job) if summary.run_id is not None else set[Node]()
        yield from sorted((node for node in read if graph.kind(node) == "model"), key=str)
        yield from self.world.predictions.models(
            (summary.namespace, summary.name), summary.event_time, summary.window_end or summary.event_time
        )
        start = Place(Node(summary.namespace, summary.name, summary.version), None)
        also = {Place(node, None) for node in read}
        walk = upstream(graph, start, self.world.policy.walk_budget, also, whole=True)
        yield from (place.node for place in walk.hops if graph.kind(place.node) == "model")

    def _is_accepted(self, asked: _Asked, column: str, training: _Training) -> bool:
        summary = asked.summary
        return any(
            accept.sent <= asked.sent and accept.column in {None, column} and training.run.event_time < accept.at
            for accept in self._accepted.get((summary.namespace, summary.name), ())
        )

    def _compare(self, asked: _Asked, training: _Training, policy: Policy, ignored: Collection[str]) -> list[Verdict]:
        summary = asked.summary
        pairs: list[tuple[str, Comparison]] = []
        for name, column in summary.columns.items():
            if name not in training.columns or name in ignored:
                continue
            learned = training.columns[name]
            entry = Entry(learned.event_time, learned.event_id, -1, Columns(learned.columns), frozenset())
            made = compare.drift(column, name, "pinned", [entry], policy)
            if made is not None and min(made.rows, made.baseline_rows) >= policy.least_rows:
                pairs.append((name, made))
        held = holm([made.p_value for _, made in pairs], policy.family_alpha)
        return [
            verdict
            for (name, made), threshold in zip(pairs, held, strict=True)
            for verdict in self._told(
                summary, name, made, threshold, policy, accepted=self._is_accepted(asked, name, training)
            )
        ]

    def _told(
        self, summary: Summary, name: str, made: Comparison, threshold: float, policy: Policy, *, accepted: bool
    ) -> Sequence[Verdict]:
        key = ((summary.namespace, summary.name), name)
        found = threshold > 0 and made.score >= 1 and not accepted
        before = self._found[key]
        times = sum(before[time] for time in sorted(before)[-(policy.persistence_of - 1) :]) + found
        before[summary.event_time] = found
        while len(before) > policy.rolling:
            del before[min(before)]
        persistent = found and (made.distance >= policy.at_once or times >= policy.persistence)
        outcome: Outcome = "alarm" if persistent else "warn" if found else "ok"
        if not self._aftermath[key].is_told(outcome, policy.resolve_after):
            return ()
        gates = (
            Gate("rows", min(made.rows, made.baseline_rows), policy.least_rows, passed=True),
            Gate("p_value", made.p_value, threshold or None, threshold > 0, "Holm over all columns"),
            *(Gate(m.name, m.value, m.floor, m.value >= m.floor) for m in made.measures),
            Gate("persistent", times, policy.persistence, persistent),
            *((Gate("accepted", 1.0, None, passed=False, comment="until the next training"),) if accepted else ()),
        )
        finding = Finding(
            check="skew",
            column=name,
            outcome=outcome,
            severity=severity_of(made),
            score=made.score,
            usual=None,
            unusual=made.score,
            gates=gates,
            onset=summary.event_time if found else None,
            comparison=made,
            current=summary.columns[name],
        )
        return [column_verdict(summary, finding)]
