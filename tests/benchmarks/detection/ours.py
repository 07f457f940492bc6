"""Our detector, and the plain rules, on the batches and streams that the peers judge."""

from __future__ import annotations

import copy
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from importlib import import_module
from typing import Any

import numpy as np

from headwater.detection import gates
from headwater.detection.checker import Checker
from headwater.detection.policy import Policy
from headwater.detection.series import Series
from headwater.detection.summaries import Summary, summarize
from tests.benchmarks.peers import SCRIPTS
from tests.consumers.detection.making import an_id, profile_record

#: Stand in the peers' folder, since their environments import them too; untyped for that.
sys.path.insert(0, str(SCRIPTS))
drift_data: Any = import_module("drift_data")
real_streams: Any = import_module("real_streams")
stats: Any = import_module("scipy.stats")

Table = Mapping[str, Any]
START = date(2013, 1, 1)
POLICY = Policy()


def texts(table: Table) -> dict[str, Any]:
    """The table as a service would profile it: categories are texts."""
    return {name: values.astype(str) if name.startswith("category") else values for name, values in table.items()}


def summary(number: int, table: Table) -> Summary:
    """The profile that a producer makes of a table, as detection reads it."""
    record = profile_record("table", START + timedelta(days=number % 3_000), texts(table))
    return replace(summarize([record]), event_id=an_id(number))


def batch_judge() -> Callable[[Table], set[str]]:
    """Gates 1 to 3 against the reference: a dataset without history, so that a finding is told at once."""
    series = Series()
    for number, part in enumerate(drift_data.reference()):
        gates.judge(summary(number, part), series, POLICY)
    series.signals.clear()
    series.entries = [replace(entry, season=-1, found=frozenset()) for entry in series.entries]
    numbers = iter(range(100, sys.maxsize))

    def judge(table: Table) -> set[str]:
        number = next(numbers)
        before = list(series.entries)
        found = gates.judge(replace(summary(number, table), event_time=before[-1].event_time + 1), series, POLICY)
        series.entries[:] = before
        series.signals.clear()
        return {finding.column for finding in found if finding.outcome in {"warn", "alarm"}}

    return judge


def p_values(before: Table, now: Table) -> set[str]:
    """Plain p < 0.05: Kolmogorov-Smirnov on numbers, χ² on categories, each column by itself."""
    found: set[str] = set()
    for name, values in now.items():
        first, second = np.asarray(before[name]), np.asarray(values)
        if name.startswith("category") or first.dtype.kind in "OUS":
            counted: list[Counter[str]] = [Counter(side.astype(str).tolist()) for side in (first, second)]
            kinds = sorted({*counted[0], *counted[1]})
            chance = stats.chi2_contingency([[side[kind] for kind in kinds] for side in counted]).pvalue
        else:
            chance = stats.ks_2samp(first[np.isfinite(first)], second[np.isfinite(second)]).pvalue
        if chance < 0.05:
            found.add(name)
    return found


def together(parts: Sequence[Table]) -> dict[str, Any]:
    """Parts as one table."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def stream(
    parts: Sequence[Table], faults: Mapping[str, Any], first: int, every: int, step_hours: int
) -> dict[str, Any]:
    """All gates with the default policy: alarmed parts, and faults of two parts that were found within them."""
    checker = Checker(POLICY)
    alarmed: list[int] = []
    caught = {name: [0, 0] for name in faults}
    told: list[str] = []
    for index, part in enumerate(parts):
        if index >= first and index % every == 0 and index + 1 < len(parts):
            for name, (column, change) in faults.items():
                trial = copy.deepcopy(checker)
                seen = False
                for later in (0, 1):
                    hits = _alarms(trial, index + later, change(parts[index + later]), step_hours)
                    seen = seen or column in hits
                caught[name][0] += seen
                caught[name][1] += 1
        hits = _alarms(checker, index, part, step_hours)
        if index >= first and hits:
            alarmed.append(index)
            told.append(f"{index}: {', '.join(sorted(hits))}")
    return {"alarmed": alarmed, "caught": caught, "judged": len(parts) - first, "stride": 1, "told": told}


def _alarms(checker: Checker, index: int, part: Table, step_hours: int) -> set[str]:
    hours = index * step_hours
    record = profile_record("stream", START, dict(part))
    at = record["event_time"] + hours * 3_600_000_000
    record |= {"event_id": an_id("stream", index), "event_time": at, "partitions": list[str](), "version": str(index)}
    found = checker.profile(record)
    return {v.subject.column for v in found if v.outcome == "alarm" and v.subject.column is not None}


def streams(folder: str) -> dict[str, Any]:
    """Every real stream: name -> what was found."""
    found: dict[str, Any] = {}
    for name, (parts, faults, first, every) in real_streams.streams(folder).items():
        found[name] = stream(parts, faults, first, every, 24 if name in {"flights", "randhie"} else 24 * 7)
    return found
