"""What the incident worker remembers beside the graph: scores of versions, runs with their code, owners."""

from __future__ import annotations

import json
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from headwater.detection.incidents.decisions import Latest
from headwater.detection.incidents.graph import Dataset, Node
from headwater.detection.incidents.timelines import OF_COLUMNS
from headwater.detection.incidents.walks import Place

Job = tuple[str, str]
#: Two jobs may share a run id, as Dagster's assets do: they are two runs, as in stitching.
RunKey = tuple[bytes, Job]
#: What the number of rows is called among the columns, and checks of whole versions; no column begins with a space.
_ROWS = " rows"


class Score(NamedTuple):
    """How unusual a check found a place: 1 is the limit of its own history."""

    score: float
    unusual: float
    outcome: str


class Scores:
    """Of each dataset version and column what drift and null checks said, below the threshold too."""

    def __init__(self) -> None:
        self._of: dict[Node, dict[str, Score]] = {}

    def add(self, verdict: Mapping[str, Any]) -> None:
        """The scores of a dataset's verdict on a profile, and of one on a version as a whole; others hold none."""
        node = Node(verdict["namespace"], verdict["name"], verdict["version"])
        if verdict["check"] in {"freshness", "duplication"} and verdict["outcome"] == "alarm":
            unusual = float(verdict["evidence"].get("unusual", "1.0"))
            self._of.setdefault(node, {})[f" {verdict['check']}"] = Score(verdict["score"], unusual, "alarm")
        if verdict["check"] == "volume":
            limit = next((g["threshold"] for g in verdict["gates"] if g["name"] == "alarming_change"), None)
            if limit:
                unusual = verdict["score"] / limit
                self._of.setdefault(node, {})[_ROWS] = Score(verdict["score"], unusual, verdict["outcome"])
        if verdict["check"] in OF_COLUMNS and verdict["column"] is None:
            known = self._of.setdefault(node, {})
            for column, checks in json.loads(verdict["evidence"].get("columns", "{}")).items():
                known[column] = max((Score(*found) for found in checks.values()), key=lambda score: score.unusual)

    def at(self, place: Place) -> Score | None:
        """The most unusual score at a place; None where it was not profiled."""
        known = self._of.get(place.node)
        if not known:
            return None
        if place.column is None:
            return max(known.values(), key=lambda score: score.unusual)
        return known.get(place.column)

    def forget(self, known: Mapping[Node, int] | set[Node]) -> None:
        """Keep only these versions."""
        self._of = {node: scores for node, scores in self._of.items() if node in known}


@dataclass(slots=True)
class Run:
    """What is known of a run, from all its uses."""

    run_id: bytes
    event_time: int
    job: Job
    state: str = ""
    #: Event time and id of the end that stands: of several the earliest, as in stitching. Spark tells a query that
    #: failed as failed, and then as complete.
    ended: tuple[int, bytes] | None = None
    code: str | None = None
    parameters: str | None = None
    reads: set[Node] = field(default_factory=set[Node])
    writes: set[Node] = field(default_factory=set[Node])

    @property
    def key(self) -> RunKey:
        return self.run_id, self.job


class Runs:
    """Runs by id and by job, who wrote a version, who owns a dataset."""

    def __init__(self) -> None:
        self._runs: dict[RunKey, Run] = {}
        #: The jobs of each run id.
        self._jobs: dict[bytes, tuple[Job, ...]] = {}
        self._of_job: dict[Job, list[tuple[int, bytes]]] = defaultdict(list)
        self._writers: dict[Node, RunKey] = {}
        self._readers: dict[Node, set[RunKey]] = defaultdict(set)
        self._owners: dict[Dataset, tuple[tuple[int, bytes], list[dict[str, Any]]]] = {}
        self._decided: Latest[Dataset, list[dict[str, Any]]] = Latest()

    def add(self, use: Mapping[str, Any]) -> None:
        """One message of `lineage.uses`."""
        node = Node(use["namespace"], use["name"], use["version"])
        if use["owners"]:
            known = self._owners.get(node.dataset)
            said = (use["event_time"], use["source_event_id"])
            if known is None or known[0] <= said:
                self._owners[node.dataset] = (said, list(use["owners"]))
        if use["run_id"] is None:
            return
        run = self._run(use)
        run.code = run.code or _code(use["code"])
        run.parameters = run.parameters or use["parameters_digest"]
        end = (use["event_time"], use["source_event_id"])
        if use["run_state"] in {"COMPLETE", "FAIL", "ABORT"}:
            if run.ended is None or end < run.ended:
                run.state, run.ended = use["run_state"], end
        elif not run.state:
            run.state = use["run_state"]
        if use["access"] == "write":
            run.writes.add(node)
            self._writers.setdefault(node, run.key)
        elif use["access"] == "read":
            run.reads.add(node)
            self._readers[node].add(run.key)

    def decide_owners(self, decision: Mapping[str, Any]) -> None:
        """A person's word on who owns a dataset, or that an earlier one is lifted: it stands over what events say, the
        last one by event time; one that names nobody says nothing, as in the history.
        """
        if decision["kind"] == "lift":
            self._decided.lift(decision)
        else:
            self._decided.add((decision["namespace"], decision["name"]), decision, list(decision["owners"]))

    def writer(self, node: Node) -> Run | None:
        """The run that wrote a version first."""
        key = self._writers.get(node)
        return self._runs.get(key) if key is not None else None

    def readers(self, node: Node) -> set[bytes]:
        """The ids of the runs that read a version."""
        return {run_id for run_id, _ in self._readers.get(node, ())}

    def first_reader(self, node: Node) -> Run | None:
        """The run that read a version first."""
        known = [self._runs[key] for key in self._readers.get(node, ()) if key in self._runs]
        return min(known, key=lambda run: (run.event_time, run.key), default=None)

    def reads_of(self, run_id: bytes, job: Job) -> set[Node]:
        """What a run read; where it is not known of this job, what all with its id read."""
        jobs = (job,) if (run_id, job) in self._runs else self._jobs.get(run_id, ())
        return {node for one in jobs for node in self._runs[run_id, one].reads}

    def is_well(self, verdict: Mapping[str, Any]) -> bool:
        """Whether the run that a verdict is about had ended well before: Dagster tells an asset that was made as failed
        too when a later one fails.
        """
        run = self._runs.get((verdict["run_id"], (verdict["job_namespace"], verdict["job_name"])))
        return run is not None and run.state == "COMPLETE"

    def written_after(self, dataset: Dataset, time: int, times: int) -> int | None:
        """When a dataset had been written so many times after `time`; None where it was not yet."""
        written = sorted(
            run.event_time
            for run in self._runs.values()
            if run.event_time > time and any(node.dataset == dataset for node in run.writes)
        )
        return written[times - 1] if len(written) >= times else None

    def before(self, run: Run, most: int) -> list[Run]:
        """The last runs of the same job before this one, the newest first."""
        runs = self._of_job[run.job]
        index = bisect_left(runs, (run.event_time, run.run_id))
        return [self._runs[run_id, run.job] for _, run_id in reversed(runs[max(0, index - most) : index])]

    def completed_after(self, job: Job, time: int) -> int | None:
        """When a run of the job ended well after `time`; None where none did."""
        for event_time, run_id in self._of_job.get(job, ()):
            if event_time > time and self._runs[run_id, job].state == "COMPLETE":
                return event_time
        return None

    def owners(self, dataset: Dataset) -> list[dict[str, Any]]:
        """Who to tell of a dataset."""
        declared = self._owners.get(dataset)
        return self._decided.of(dataset) or (declared[1] if declared is not None else [])

    def forget(self, oldest: int) -> None:
        """Drop runs that began before `oldest`."""
        for key in [key for key, run in self._runs.items() if run.event_time < oldest]:
            run = self._runs.pop(key)
            self._of_job[run.job].remove((run.event_time, run.run_id))
            if left := tuple(job for job in self._jobs.pop(run.run_id) if job != run.job):
                self._jobs[run.run_id] = left
            for node in run.writes:
                if self._writers.get(node) == key:
                    del self._writers[node]
            for node in run.reads:
                self._readers[node].discard(key)
                if not self._readers[node]:
                    del self._readers[node]

    def _run(self, use: Mapping[str, Any]) -> Run:
        job = (use["job_namespace"], use["job_name"])
        run = self._runs.get((use["run_id"], job))
        if run is None:
            run = self._runs[use["run_id"], job] = Run(use["run_id"], use["event_time"], job)
            self._jobs[run.run_id] = (*self._jobs.get(run.run_id, ()), job)
            insort(self._of_job[job], (run.event_time, run.run_id))
        elif use["event_time"] < run.event_time:
            self._of_job[job].remove((run.event_time, run.run_id))
            run.event_time = use["event_time"]
            insort(self._of_job[job], (run.event_time, run.run_id))
        return run


def _code(code: Mapping[str, Any] | None) -> str | None:
    """What tells one state of the code from another: the digest, else the commit (with a mark where it was changed)."""
    if code is None:
        return None
    if code["digest"]:
        return str(code["digest"])
    return f"{code['commit']}{'+' if code['dirty'] else ''}" if code["commit"] else None


def named_owners(owners: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each owner once."""
    unique = {(owner["name"], owner["type"]): {"name": owner["name"], "type": owner["type"]} for owner in owners}
    return list(unique.values())
