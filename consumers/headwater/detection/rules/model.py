"""What a rules file says, typed. Patterns are namespace/name, `*` for anything."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from headwater.detection.policy import DAY_US, Policy

#: Checks that a dataset may be judged by.
CHECKS = (
    "drift", "nulls", "values", "volume", "schema", "metric", "freshness", "corruption", "duplication", "upstream",
    "reference", "skew",
)  # fmt: skip
#: Thresholds of the policy that a dataset may have of its own: those of its checks, none of incidents.
THRESHOLDS = (
    "least_rows", "family_alpha", "least_distance", "least_shift", "least_variation", "least_nulls", "unusual_mads",
    "persistence", "persistence_of", "at_once", "reference_times", "volume_mads", "least_volume", "alarm_volume",
    "metric_mads", "least_metric", "least_copies",
)  # fmt: skip
#: What a model may have to have.
NEEDS = ("owner", "code", "metric")


def matches(pattern: str, namespace: str, name: str) -> bool:
    """Whether a pattern names a dataset or job."""
    return fnmatchcase(f"{namespace}/{name}", pattern)


@dataclass(frozen=True, kw_only=True)
class DatasetRule:
    """Settings of the datasets that a pattern names; of several the later one in the file stands."""

    name: str
    #: Only these checks are told; None: all.
    checks: tuple[str, ...] | None = None
    ignore_columns: tuple[str, ...] = ()
    max_age_hours: float | None = None
    #: A version of the dataset that all later ones are held against.
    reference: str | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict[str, float])

    def wants(self, check: str) -> bool:
        """Whether a check is told."""
        return self.checks is None or check in self.checks


@dataclass(frozen=True, kw_only=True)
class PolicyRule:
    """One policy. `kind` says which of the fields count."""

    name: str
    kind: str
    #: tags: datasets in which no column may have this tag, unless it was masked on the way.
    tag: str = ""
    into: str = ""
    #: purpose, model, writers, retention: the datasets that it is about.
    datasets: str = "*"
    needs: tuple[str, ...] = NEEDS
    #: model: what a version needs may come so long after its run; 0: 10 s.
    hours: float = 0.0
    #: writers: the jobs that may write.
    jobs: tuple[str, ...] = ()
    #: flow: the job, and all that it may read and write.
    job: str = ""
    reads: tuple[str, ...] | None = None
    writes: tuple[str, ...] | None = None
    #: retention: a version that was first seen so many days ago may not be read.
    days: float = 0.0
    severity: float = 0.7


#: Kind -> the fields that it needs, and those that it may have.
KINDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "tags": (("tag", "into"), ()),
    "purpose": (("datasets",), ()),
    "model": ((), ("datasets", "needs", "hours")),
    "writers": (("datasets", "jobs"), ()),
    "flow": (("job",), ("reads", "writes")),
    "retention": (("datasets", "days"), ()),
}


@dataclass(frozen=True, kw_only=True)
class Rules:
    """A whole file; without one nothing is set and nothing is forbidden."""

    datasets: tuple[DatasetRule, ...] = ()
    policies: tuple[PolicyRule, ...] = ()

    def of(self, namespace: str, name: str, policy: Policy) -> tuple[Policy, DatasetRule]:
        """The policy of a dataset, and its other settings, of all rules that name it together."""
        found: dict[str, Any] = {}
        thresholds: dict[str, Any] = {}
        for rule in self.datasets:
            if matches(rule.name, namespace, name):
                found |= {
                    item.name: getattr(rule, item.name)
                    for item in dataclasses.fields(rule)
                    if item.name not in {"name", "thresholds"} and getattr(rule, item.name) not in (None, ())
                }
                thresholds |= rule.thresholds
        typed = {key: type(getattr(policy, key))(value) for key, value in thresholds.items()}
        return dataclasses.replace(policy, **typed), DatasetRule(name=f"{namespace}/{name}", **found)

    @property
    def references(self) -> dict[str, str]:
        """The version that is pinned, by namespace/name."""
        return {rule.name: rule.reference for rule in self.datasets if rule.reference is not None}

    @property
    def looks_back_us(self) -> int:
        """How old a version may have to be known, µs."""
        return int(max((rule.days for rule in self.policies if rule.kind == "retention"), default=0.0) * DAY_US)
