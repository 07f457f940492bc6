"""What is remembered of one dataset beside its distributions: when it is written, what it holds, who reads it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater.detection import contents, copies, freshness, metrics, missing, reads, schema_changes
from headwater.detection.policy import Policy
from headwater.detection.recent import forget
from headwater.detection.summaries import Summary
from headwater.detection.uses import FAILED
from headwater.detection.verdicts import Subject, Verdict

Job = tuple[str, str]
#: States in which what a run wrote is there; empty: an event of no run.
_COMPLETE = frozenset({"COMPLETE", ""})
#: Failed runs that are remembered of each dataset; what follows a failure follows at once.
_MOST_FAILED = 16


@dataclass(slots=True)
class Watch:
    """One dataset. Each event is taken once, so that repeated ones change nothing."""

    schemas: schema_changes.Schemas = field(default_factory=schema_changes.Schemas)
    #: By job, name and split.
    metrics: dict[tuple[str, str, str, str | None], metrics.Points] = field(
        default_factory=dict[tuple[str, str, str, "str | None"], metrics.Points]
    )
    arrivals: freshness.Arrivals = field(default_factory=freshness.Arrivals)
    contents: contents.Contents = field(default_factory=contents.Contents)
    copies: dict[tuple[str, ...], copies.Copies] = field(default_factory=dict[tuple[str, ...], copies.Copies])
    present: missing.Written = field(default_factory=missing.Written)
    taken: dict[Job, reads.Takes] = field(default_factory=dict[Job, reads.Takes])
    written: dict[Job, reads.Takes] = field(default_factory=dict[Job, reads.Takes])
    #: Runs that failed while they wrote it, with the time.
    failed: OrderedDict[bytes, int] = field(default_factory=OrderedDict[bytes, int])

    def is_written(self, use: Mapping[str, Any]) -> bool:
        """Whether a use says that what its run wrote is there. Of several ends the earliest stands: Spark tells a query
        that failed as complete right after it.
        """
        if use["access"] != "write":
            return False
        run_id, time = use["run_id"], use["event_time"]
        if use["run_state"] in FAILED and run_id is not None:
            self.failed[run_id] = min(time, self.failed.get(run_id, time))
            forget(self.failed, _MOST_FAILED)
        return use["run_state"] in _COMPLETE and not (run_id in self.failed and self.failed[run_id] <= time)

    def use(self, subject: Subject, use: Mapping[str, Any], policy: Policy) -> list[Verdict]:
        """Takes a read or write; a write counts once its run completed. What is missing or overdue no more is said at
        once, all else by `due`.
        """
        based_on = use["event_id"]
        if not self.contents.is_new(based_on):
            return []
        self._describe(subject, use, policy)
        job = (subject.job_namespace, subject.job_name)
        found = contents.print_of(use["fingerprint"])
        if use["access"] == "read":
            # a run that reads some columns has another content in hand, and says so
            if found is not None and not use["columns_read"]:
                contents.read(subject, found, self.contents, policy, based_on)
            if job[1]:
                takes = self.taken.setdefault(job, reads.Takes())
                reads.late(subject, use["nominal_start"], takes, policy, based_on)
            # what a store names anew with each change may have been made by whoever tells nothing
            if subject.partitions or use["version_origin"] in {None, "declared"}:
                return missing.read(subject, use["emit_time"], self.present, policy, based_on)
            return []
        if not self.is_written(use):
            return []
        if found is not None:
            contents.wrote(subject, found, self.contents, policy, based_on)
        verdicts = missing.wrote(subject, self.present, policy)
        if self.arrivals.add(subject.event_time, subject.version, use["emit_time"], policy):
            verdicts.append(freshness.written_again(subject, based_on))
        if job[1]:
            takes = self.written.setdefault(job, reads.Takes())
            reads.rerun(subject, use["nominal_start"], takes, policy, based_on)
        return verdicts

    def _describe(self, subject: Subject, use: Mapping[str, Any], policy: Policy) -> None:
        """Columns that a write declares, and what was measured about a dataset or model."""
        if use["access"] != "read":
            schema_changes.take(subject, schema_changes.columns_of(use["columns"]), self.schemas, use["event_id"])
        for metric in use["metrics"]:
            if metric["step"] is None:  # an epoch of a training is no run's result
                key = (subject.job_namespace, subject.job_name, metric["name"], metric["split"])
                points = self.metrics.setdefault(key, metrics.Points())
                metrics.take(subject, metric["value"], points, policy, use["event_id"])

    def profile(self, subject: Subject, summary: Summary, policy: Policy) -> None:
        """Takes the fingerprint and row hashes of a profile that was not taken before."""
        found = contents.print_of(summary.fingerprint, summary.columns_total)
        if found is not None and summary.sampled_rows is None:
            if summary.role == "output":
                contents.wrote(subject, found, self.contents, policy, summary.event_id)
            elif summary.role == "input":
                contents.read(subject, found, self.contents, policy, summary.event_id)
        if summary.role == "output" and summary.row_kmv:
            copies.take(subject, summary, self.copies.setdefault(summary.slicing, copies.Copies()), policy)

    def due(self, policy: Policy, *, aloud: bool = False, replaying: bool = False) -> list[Verdict]:
        """What is said of what was taken since it was asked last, and of what lies behind what came late."""
        found = schema_changes.due(self.schemas, aloud=aloud, replaying=replaying)
        for (*_, name, split), points in self.metrics.items():
            found += metrics.due(name, split, points, policy, aloud=aloud, replaying=replaying)
        found += contents.due(self.contents, policy, aloud=aloud, replaying=replaying)
        for known in self.copies.values():
            found += copies.due(known, policy, aloud=aloud, replaying=replaying)
        for takes in self.taken.values():
            found += reads.late_due(takes, policy, aloud=aloud, replaying=replaying)
        for takes in self.written.values():
            found += reads.rerun_due(takes, policy, aloud=aloud, replaying=replaying)
        return found
