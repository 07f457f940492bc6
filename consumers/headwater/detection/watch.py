"""What is remembered of one dataset beside its distributions: when it is written, what it holds, who reads it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater.detection import contents, copies, freshness, missing, reads
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
        """What a read or write says; a write counts once its run completed."""
        based_on = use["event_id"]
        if not self.contents.is_new(based_on):
            return []
        job = (subject.job_namespace, subject.job_name)
        found = contents.print_of(use["fingerprint"])
        if use["access"] == "read":
            # a run that reads some columns has another content in hand, and says so
            verdicts = (
                contents.read(subject, found, self.contents, policy, based_on)
                if found is not None and not use["columns_read"]
                else []
            )
            if job[1]:
                takes = self.taken.setdefault(job, reads.Takes())
                verdicts += reads.late(subject, use["nominal_start"], takes, policy, based_on)
            # what a store names anew with each change may have been made by whoever tells nothing
            if subject.partitions or use["version_origin"] in {None, "declared"}:
                verdicts += missing.read(subject, use["emit_time"], self.present, policy, based_on)
            return verdicts
        if not self.is_written(use):
            return []
        verdicts = contents.wrote(subject, found, self.contents, policy, based_on) if found is not None else []
        verdicts += missing.wrote(subject, self.present, policy)
        if self.arrivals.add(subject.event_time, subject.version, use["emit_time"], policy):
            verdicts.append(freshness.written_again(subject, based_on))
        if job[1]:
            takes = self.written.setdefault(job, reads.Takes())
            verdicts += reads.rerun(subject, use["nominal_start"], takes, policy, based_on)
        return verdicts

    def profile(self, subject: Subject, summary: Summary, policy: Policy) -> list[Verdict]:
        """What a profile's fingerprint and row hashes say."""
        verdicts: list[Verdict] = []
        found = contents.print_of(summary.fingerprint, summary.columns_total)
        if found is not None and summary.sampled_rows is None and self.contents.is_new(summary.event_id):
            if summary.role == "output":
                verdicts += contents.wrote(subject, found, self.contents, policy, summary.event_id)
            elif summary.role == "input":
                verdicts += contents.read(subject, found, self.contents, policy, summary.event_id)
        if summary.role == "output" and summary.row_kmv:
            known = self.copies.setdefault(summary.slicing, copies.Copies())
            verdicts += copies.judge(subject, summary, known, policy)
        return verdicts
