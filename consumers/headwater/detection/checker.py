"""All checks of the datasets of one partition: what they remember, and what they say of each profile and use."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping
from dataclasses import replace
from sys import intern
from typing import Any

from headwater.detection import freshness, late, missing, volume
from headwater.detection.accepting import Accept, accept_of
from headwater.detection.policy import Policy
from headwater.detection.profile_verdicts import subject_of
from headwater.detection.reference import Reference
from headwater.detection.rules.model import DatasetRule, Rules
from headwater.detection.runs import judge as judge_run
from headwater.detection.series import Series
from headwater.detection.summaries import Assembly
from headwater.detection.verdicts import Subject, Verdict
from headwater.detection.watch import Watch

Dataset = tuple[str, str]
_ALWAYS = 2**63 - 1


class Checker:
    """Judges profiles, uses and decisions as they come; the clock of all its judgements is their event time."""

    def __init__(self, policy: Policy, rules: Rules | None = None) -> None:
        #: Say also that all is well where that is not said else: what somebody else may have said gives way to it.
        self.aloud = False
        self._policy = policy
        self._rules = rules or Rules()
        self._of: dict[Dataset, tuple[Policy, DatasetRule]] = {}
        self._assembly = Assembly()
        self._series: dict[tuple[str, str, str, tuple[str, ...]], Series] = {}
        self._counts: dict[tuple[str, str, tuple[str, ...]], volume.Counts] = {}
        #: Those with something new, and what was said of some before a decision about them.
        self._counting: dict[tuple[str, str, tuple[str, ...]], volume.Counts] = {}
        self._counted: list[Verdict] = []
        self._references: dict[Dataset, Reference] = {}
        self._watches: dict[Dataset, Watch] = {}
        #: Those with something new.
        self._watching: dict[Dataset, Watch] = {}
        #: Decisions behind which nothing came yet, in the order of when they were sent: no profile, no use, no count of
        #: rows. Profiles and uses come from two topics, and one may be far ahead while both are read again.
        self._of_profiles: dict[Dataset, list[Accept]] = {}
        self._of_uses: dict[Dataset, list[Accept]] = {}
        self._of_rows: dict[Dataset, list[Accept]] = {}
        #: The ids of all decisions.
        self._decisions: set[bytes] = set()

    def profile(self, part: Mapping[str, Any], *, replaying: bool = False) -> list[Verdict]:
        """What is said of a profile once all its parts are there."""
        return self.take_profile(part, replaying=replaying) + self.counted(replaying=replaying)

    def use(self, use: Mapping[str, Any], *, replaying: bool = False) -> list[Verdict]:
        """What is said of a use: its rows, its schema, the numbers measured about it, its run's failure."""
        return self.take_use(use, replaying=replaying) + self.counted(replaying=replaying)

    def take_profile(self, part: Mapping[str, Any], *, replaying: bool = False) -> list[Verdict]:
        """What is said of a profile's columns: of all else `counted` says it, once for all of a batch."""
        summary = self._assembly.add(part)
        if summary is None:
            return []
        until = part["emit_time"] if replaying else _ALWAYS
        for accept in _due(self._of_profiles, (summary.namespace, summary.name), until):
            self._accept_profiles(accept)
        policy, rule = self._settings((summary.namespace, summary.name))
        if rule.ignore_columns:
            kept = {name: column for name, column in summary.columns.items() if name not in rule.ignore_columns}
            summary = replace(summary, columns=kept)
        key = (summary.namespace, summary.name, summary.role, summary.slicing)
        series = self._series.setdefault(key, Series())
        if series.knows(summary.event_id):
            return []
        pinned: Reference | None = None
        if rule.reference is not None:
            pinned = self._references.setdefault((summary.namespace, summary.name), Reference(rule.reference))
            pinned.add(summary)
        found = late.judge(summary, series, policy, pinned, replaying=replaying)
        subject = subject_of(summary)
        if summary.role == "output":
            self._count(subject, summary.slicing, summary.rows, summary.event_id, until, replaying=replaying)
        self._watched((summary.namespace, summary.name)).profile(subject, summary, policy)
        return _wanted(found, rule)

    def pin(self, part: Mapping[str, Any]) -> None:
        """A part of a profile of the history, for the references that the rules pin; nothing is said of it."""
        summary = self._assembly.add(part)
        if summary is not None:
            dataset = (summary.namespace, summary.name)
            _, rule = self._settings(dataset)
            if rule.reference is not None:
                self._references.setdefault(dataset, Reference(rule.reference)).add(summary)

    def take_use(self, use: Mapping[str, Any], *, replaying: bool = False) -> list[Verdict]:
        """What is said of a use at once: of most `counted` says it, once for all of a batch."""
        subject = Subject(
            event_time=use["event_time"],
            namespace=intern(use["namespace"]),
            name=intern(use["name"]),
            version=use["version"],
            job_namespace=intern(use["job_namespace"]),
            job_name=intern(use["job_name"]),
            run_id=use["run_id"],
            partitions=tuple(use["partitions"]),
        )
        if not use["name"]:
            return judge_run(subject, use)
        until = use["emit_time"] if replaying else _ALWAYS
        for accept in _due(self._of_uses, (subject.namespace, subject.name), until):
            self._accept_metrics(accept, replaying=replaying)
        policy, rule = self._settings((subject.namespace, subject.name))
        watch = self._watched((subject.namespace, subject.name))
        if watch.is_written(use) and use["rows"] is not None:
            slicing = tuple(sorted({partition.split("=", 1)[0] for partition in subject.partitions}))
            self._count(subject, slicing, use["rows"], use["event_id"], until, replaying=replaying)
        return _wanted(watch.use(subject, use, policy), rule)

    def overdue(self, now: int) -> list[Verdict]:
        """What should have been written by `now` (µs since 1970 UTC) and was not, or was read all the same."""
        found: list[Verdict] = []
        for (namespace, name), watch in self._watches.items():
            if not watch.arrivals.overdue(now) and not watch.present.waiting:
                continue
            policy, rule = self._settings((namespace, name))
            if watch.arrivals.overdue(now) and rule.wants("freshness"):
                found.append(freshness.overdue(namespace, name, watch.arrivals, policy))
            found += _wanted(missing.overdue(now, watch.present, policy), rule)
        return found

    def excuse(self, since: int, until: int) -> None:
        """Nobody listened from `since` to `until` (µs since 1970 UTC): what was due by then is not called missing."""
        for watch in self._watches.values():
            watch.arrivals.excuse(since, until)

    def decision(self, decision: Mapping[str, Any]) -> None:
        """Accept as the new normal: baselines of a dataset, column or metric begin at from_time, else where the alarm
        began, and what was pinned before is held against no more.

        It holds from the next profile or write on. What is read again to make the state anew comes in another order,
        the decisions first: there it holds from the first that was sent after it. One that comes again changes nothing.
        """
        accept = accept_of(decision)
        if accept is not None and decision["event_id"] not in self._decisions:
            self._decisions.add(decision["event_id"])
            for waiting in (self._of_profiles, self._of_uses, self._of_rows):
                insort(waiting.setdefault(accept.dataset, []), accept, key=_sent)

    def _accept_profiles(self, accept: Accept) -> None:
        for key, series in self._series.items():
            if key[:2] == accept.dataset and accept.covers("drift"):
                series.accept(accept.column, accept.since)
        if accept.covers("reference"):
            _, rule = self._settings(accept.dataset)
            if rule.reference is not None:
                self._references.setdefault(accept.dataset, Reference(rule.reference)).accept(accept)

    def _accept_metrics(self, accept: Accept, *, replaying: bool) -> None:
        if not accept.covers("metric"):
            return
        self._counted = self.counted(replaying=replaying)  # what came before it is judged without it
        for (*_, name, _), points in self._watch(accept.dataset).metrics.items():
            if accept.metric in {None, name}:
                points.accept(accept.since, self._settings(accept.dataset)[0])

    def _accept_rows(self, accept: Accept, *, replaying: bool) -> None:
        if not accept.covers("volume"):
            return
        self._counted = self.counted(replaying=replaying)  # what came before it is judged without it
        for counted, counts in self._counts.items():
            if counted[:2] == accept.dataset:
                counts.accept(accept.since)

    def counted(self, *, replaying: bool = False) -> list[Verdict]:
        """What is said of what was taken since it was asked last, and of what lies behind what came late."""
        found, self._counted = self._counted, []
        for (namespace, name), watch in self._watching.items():
            policy, rule = self._settings((namespace, name))
            found += _wanted(watch.due(policy, aloud=self.aloud, replaying=replaying), rule)
        self._watching.clear()
        for (namespace, name, _), counts in self._counting.items():
            policy, rule = self._settings((namespace, name))
            found += _wanted(counts.due(policy, replaying=replaying), rule)
        self._counting.clear()
        return found

    def _count(
        self, subject: Subject, slicing: tuple[str, ...], rows: int, based_on: bytes, until: int, *, replaying: bool
    ) -> None:
        key = (subject.namespace, subject.name, slicing)
        for accept in _due(self._of_rows, key[:2], until):
            self._accept_rows(accept, replaying=replaying)
        counts = self._counting[key] = self._counts.setdefault(key, volume.Counts())
        counts.take(subject, rows, based_on, self._settings(key[:2])[0])

    def _settings(self, dataset: Dataset) -> tuple[Policy, DatasetRule]:
        """The thresholds of a dataset and its other settings, as the rules file has them."""
        known = self._of.get(dataset)
        if known is None:
            known = self._of[dataset] = self._rules.of(*dataset, self._policy)
        return known

    def _watched(self, dataset: Dataset) -> Watch:
        """The watch of a dataset that something comes of."""
        watch = self._watching[dataset] = self._watch(dataset)
        return watch

    def _watch(self, dataset: Dataset) -> Watch:
        watch = self._watches.get(dataset)
        if watch is None:
            watch = self._watches[dataset] = Watch()
            hours = self._settings(dataset)[1].max_age_hours
            watch.arrivals.most = None if hours is None else int(hours * freshness.HOUR_US)
        return watch


def _due(waiting: dict[Dataset, list[Accept]], dataset: Dataset, until: int) -> list[Accept]:
    """The decisions about a dataset that were sent by a time, µs since 1970 UTC; they wait no longer."""
    decided = waiting.get(dataset)
    if not decided:
        return []
    due = bisect_right(decided, until, key=_sent)
    found = decided[:due]
    del decided[:due]
    if not decided:
        del waiting[dataset]
    return found


def _sent(accept: Accept) -> int:
    return accept.sent


def _wanted(verdicts: list[Verdict], rule: DatasetRule) -> list[Verdict]:
    """Those of the checks that a dataset is judged by. Its columns' scores stay: they tell causes."""
    return [v for v in verdicts if rule.wants(v.check) or (v.check == "drift" and v.subject.column is None)]
