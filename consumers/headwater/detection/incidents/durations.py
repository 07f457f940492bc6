"""How long a job's runs take, and which of them should have ended."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater.detection import waits
from headwater.detection.gates import Gate
from headwater.detection.incidents.facts import Job, RunKey
from headwater.detection.policy import DAY_US, Policy
from headwater.detection.recent import forget
from headwater.detection.statistics.robust import median_mad
from headwater.detection.texts import dataset, day, number
from headwater.detection.verdicts import BaselineFacts, Subject, Verdict

_TERMINAL = frozenset({"COMPLETE", "FAIL", "ABORT"})
_MINUTE_US = 60_000_000
#: Open runs that are remembered, and as many that ended.
_MOST_RUNS = 100_000


@dataclass(slots=True)
class _Open:
    job: Job
    started: int
    live: bool
    told: bool = False


@dataclass(slots=True)
class Durations:
    """Of each job how long its last runs took, and its runs that have not ended."""

    #: Run id and duration of completed runs, in the order in which they were known to end.
    took: dict[Job, OrderedDict[bytes, int]] = field(default_factory=lambda: defaultdict(OrderedDict[bytes, int]))
    open: OrderedDict[RunKey, _Open] = field(default_factory=OrderedDict[RunKey, _Open])
    #: Runs that ended, also before their start was known, with the time.
    ended: OrderedDict[RunKey, tuple[str, int]] = field(default_factory=OrderedDict[RunKey, tuple[str, int]])
    #: Of each job, worked out since its last run ended.
    limits: dict[Job, int | None] = field(default_factory=dict[Job, "int | None"])

    def add(self, use: Mapping[str, Any], policy: Policy) -> None:
        """One message of `lineage.uses`, in any order, any number of times."""
        run_id, state = use["run_id"], use["run_state"]
        job = (use["job_namespace"], use["job_name"])
        if run_id is None or not job[1]:
            return
        run = run_id, job
        if state in _TERMINAL:
            if run in self.ended:
                return
            self.ended[run] = state, use["event_time"]
            forget(self.ended, _MOST_RUNS)
            begun = self.open.pop(run, None)
            if begun is not None and state == "COMPLETE":
                self._took(job, run_id, use["event_time"] - begun.started, policy)
        elif run not in self.ended:
            if state == "START" and run not in self.open:
                live = abs(use["emit_time"] - use["event_time"]) <= DAY_US
                self.open[run] = _Open(job, use["event_time"], live)
                forget(self.open, _MOST_RUNS)
        elif state == "START" and self.ended[run][0] == "COMPLETE":
            self._took(job, run_id, self.ended[run][1] - use["event_time"], policy)

    def excuse(self, since: int, until: int, policy: Policy) -> None:
        """Nobody listened from `since` to `until`: runs that were to end by then may have ended."""
        for run in self.open.values():
            limit = self._limit(run.job, policy)
            if limit is not None and since < run.started + limit <= until:
                run.told = True

    def overdue(self, now: int, policy: Policy) -> list[Verdict]:
        """Of each run that should have ended by `now`, once, what there is to say."""
        return [
            self._stuck(run_id, run, limit)
            for (run_id, _), run in self.open.items()
            if run.live and not run.told and (limit := self._limit(run.job, policy)) and now > run.started + limit
        ]

    def _took(self, job: Job, run_id: bytes, duration: int, policy: Policy) -> None:
        took = self.took[job]
        took.setdefault(run_id, max(0, duration))
        self.limits.pop(job, None)
        forget(took, policy.history)

    def _limit(self, job: Job, policy: Policy) -> int | None:
        if job not in self.limits:
            found = waits.limit(list(self.took[job].values()), policy) if job in self.took else None
            self.limits[job] = max(int(found), policy.least_wait_us) if found is not None else None
        return self.limits[job]

    def _stuck(self, run_id: bytes, run: _Open, limit: int) -> Verdict:
        """Says nothing of when it was asked, so that asking again, after a restart, gives the same."""
        run.told = True
        known = list(self.took[run.job].values())
        usual = median_mad(known)[0]
        subject = Subject(run.started + limit, job_namespace=run.job[0], job_name=run.job[1], run_id=run_id)
        return Verdict(
            check="stuck",
            outcome="alarm",
            subject=subject,
            explanation=f"the run {run_id.hex()} of {dataset(*run.job)}, begun {day(run.started)}, has not ended; "
            f"{number(usual / _MINUTE_US)} minutes are usual",
            severity=0.5,
            onset=run.started + limit,
            score=limit / _MINUTE_US,
            usual=usual / _MINUTE_US,
            gates=[
                Gate("runs", len(known), None, passed=True),
                Gate("minutes", limit / _MINUTE_US, limit / _MINUTE_US, passed=True, comment="from which it is stuck"),
            ],
            baseline=BaselineFacts("rolling", len(known)),
            evidence={"unusual": "2.0"},
        )
