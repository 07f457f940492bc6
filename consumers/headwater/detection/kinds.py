"""A column that holds numbers where it held texts, or the other way round: no distribution can be compared then."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from headwater.detection.gates import Gate
from headwater.detection.policy import Policy
from headwater.detection.series import Series
from headwater.detection.summaries import Summary
from headwater.detection.texts import dataset, day
from headwater.detection.verdicts import Subject, Verdict

_WORDS: Mapping[str, str] = {"numeric": "numbers", "categorical": "texts", "none": "nothing"}


def judge(subject: Subject, summary: Summary, series: Series, policy: Policy) -> list[Verdict]:
    """The alarms on columns of another kind than all profiles before held; asked before the profile is remembered.

    Writers mostly declare no columns, so the schema check cannot see it. A column that came in both kinds before, as
    files read by guess do, is as usual.
    """
    found: list[Verdict] = []
    for name, column in summary.columns.items():
        if column.kind == "none" or column.valued <= 0:
            continue
        held = series.kinds(name, summary.event_time, policy)
        last = next(held, None)
        if last is None or last == column.kind:
            continue
        before = [last, *held]
        if len(before) < policy.persistence_of or column.kind in before:
            continue
        change = {"column": name, "what": f"changed from {_WORDS[before[0]]} to {_WORDS[column.kind]}"}
        found.append(
            Verdict(
                check="schema",
                outcome="alarm",
                subject=replace(subject, column=name),
                explanation=f"{dataset(subject.namespace, subject.name, name)} of {day(subject.event_time)} "
                f"{change['what']}; {len(before)} profiles before held {_WORDS[before[0]]} (breaking)",
                severity=0.9,
                onset=subject.event_time,
                score=2.0,
                gates=[Gate("profiles", len(before), policy.persistence_of, passed=True)],
                based_on=[summary.event_id],
                evidence={"changes": json.dumps([{**change, "level": "breaking"}]), "unusual": json.dumps(2.0)},
                slice=summary.role,
            )
        )
    return found
