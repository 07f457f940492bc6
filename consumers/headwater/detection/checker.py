"""All checks of the datasets of one partition: what they remember, and what they say of each profile and use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headwater.detection import freshness, gates, metrics, profile_verdicts, schema_changes, volume
from headwater.detection.policy import Policy
from headwater.detection.runs import judge as judge_run
from headwater.detection.series import Series
from headwater.detection.summaries import Assembly, Summary
from headwater.detection.verdicts import Subject, Verdict
from headwater.detection.watch import COMPLETE, Watch

Dataset = tuple[str, str]


class Checker:
    """Judges profiles, uses and decisions as they come; the clock of all its judgements is their event time."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._assembly = Assembly()
        self._series: dict[tuple[str, str, str, tuple[str, ...]], Series] = {}
        self._counts: dict[tuple[str, str, tuple[str, ...]], volume.Counts] = {}
        self._schemas: dict[Dataset, schema_changes.Schemas] = {}
        self._metrics: dict[tuple[str, str, str, str, str, str | None], metrics.Points] = {}
        self._watches: dict[Dataset, Watch] = {}

    def profile(self, part: Mapping[str, Any]) -> list[Verdict]:
        """What is said of a profile once all its parts are there."""
        summary = self._assembly.add(part)
        if summary is None:
            return []
        key = (summary.namespace, summary.name, summary.role, summary.slicing)
        series = self._series.setdefault(key, Series())
        if series.knows(summary.event_id):
            return []
        found = profile_verdicts.verdicts(summary, gates.judge(summary, series, self._policy))
        if summary.role == "output":
            found += self._volume(_subject_of(summary), summary.slicing, summary.rows, summary.event_id)
        watch = self._watches.setdefault((summary.namespace, summary.name), Watch())
        return found + watch.profile(_subject_of(summary), summary, self._policy)

    def use(self, use: Mapping[str, Any]) -> list[Verdict]:
        """What is said of a use: its rows, its schema, the numbers measured about it, its run's failure."""
        subject = Subject(
            event_time=use["event_time"],
            namespace=use["namespace"],
            name=use["name"],
            version=use["version"],
            job_namespace=use["job_namespace"],
            job_name=use["job_name"],
            run_id=use["run_id"],
            partitions=tuple(use["partitions"]),
        )
        if not use["name"]:
            return judge_run(subject, use)
        found: list[Verdict] = []
        if use["access"] != "read":
            declared = schema_changes.columns_of(use["columns"])
            known = self._schemas.setdefault((subject.namespace, subject.name), schema_changes.Schemas())
            changed = schema_changes.judge(subject, declared, known, use["event_id"])
            found += [changed] if changed else []
        if use["access"] == "write" and use["rows"] is not None and use["run_state"] in COMPLETE:
            slicing = tuple(sorted({partition.split("=", 1)[0] for partition in subject.partitions}))
            found += self._volume(subject, slicing, use["rows"], use["event_id"])
        for metric in use["metrics"]:
            found += self._metric(subject, metric, use["event_id"])
        watch = self._watches.setdefault((subject.namespace, subject.name), Watch())
        return found + watch.use(subject, use, self._policy)

    def overdue(self, now: int) -> list[Verdict]:
        """What should have been written by `now` (µs since 1970 UTC) and was not."""
        return [
            freshness.overdue(namespace, name, watch.arrivals, self._policy)
            for (namespace, name), watch in self._watches.items()
            if watch.arrivals.overdue(now)
        ]

    def decision(self, decision: Mapping[str, Any]) -> None:
        """Accept as the new normal: baselines of a dataset or column begin at from_time, else where the alarm began."""
        if decision["kind"] != "accept" or not decision["name"]:
            return
        dataset = (decision["namespace"], decision["name"])
        for key, series in self._series.items():
            if key[:2] == dataset:
                series.accept(decision["column"], decision["from_time"])
        if decision["column"] is None:
            for counted, counts in self._counts.items():
                if counted[:2] == dataset:
                    counts.accept(decision["from_time"])

    def _volume(self, subject: Subject, slicing: tuple[str, ...], rows: int, based_on: bytes) -> list[Verdict]:
        counts = self._counts.setdefault((subject.namespace, subject.name, slicing), volume.Counts())
        if not counts.is_new(subject.version, subject.partitions):
            return []
        return [volume.judge(subject, rows, counts, self._policy, based_on)]

    def _metric(self, subject: Subject, metric: Mapping[str, Any], based_on: bytes) -> list[Verdict]:
        if metric["step"] is not None:
            return []  # an epoch of a training is no run's result
        key = (
            subject.namespace,
            subject.name,
            subject.job_namespace,
            subject.job_name,
            metric["name"],
            metric["split"],
        )
        points = self._metrics.setdefault(key, metrics.Points())
        measured = metrics.Measured(metric["name"], metric["split"], metric["value"])
        verdict = metrics.judge(subject, measured, points, self._policy, based_on)
        return [verdict] if verdict else []


def _subject_of(summary: Summary) -> Subject:
    return Subject(
        event_time=summary.event_time,
        namespace=summary.namespace,
        name=summary.name,
        version=summary.version,
        job_namespace=summary.job_namespace,
        job_name=summary.job_name,
        run_id=summary.run_id,
        partitions=summary.partitions,
    )
