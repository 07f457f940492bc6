"""What a person accepted as the new normal: of which dataset, column, checks and metric, and since when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: Checks of a profile's columns: they share a baseline, so that drift stands for all of them.
_OF_COLUMNS = frozenset({"drift", "nulls", "values"})
#: Checks that a whole dataset has, no single column.
_OF_DATASETS = frozenset({"volume", "metric"})


@dataclass(frozen=True, slots=True)
class Accept:
    """A decision of kind accept."""

    dataset: tuple[str, str]
    column: str | None
    #: Only this check, only this metric; None: all.
    check: str | None
    metric: str | None
    #: Since when (event time, µs); None: since the alarm that lasts.
    since: int | None
    #: When it was decided and sent, µs.
    at: int
    sent: int
    actor: str

    def covers(self, check: str) -> bool:
        """Whether it is about this check."""
        if self.column is not None and check in _OF_DATASETS:
            return False
        if self.metric is not None:
            return check == "metric"
        return self.check in {None, check} or (self.check in _OF_COLUMNS and check in _OF_COLUMNS)

    @property
    def until(self) -> int:
        """What was pinned or trained before this time is held against no more (event time, µs)."""
        return self.at if self.since is None else self.since


def accept_of(decision: Mapping[str, Any]) -> Accept | None:
    """The decision as that; None for one of another kind, or about no dataset."""
    if decision["kind"] != "accept" or not decision["name"]:
        return None
    details: Mapping[str, str] = decision["details"]
    return Accept(
        dataset=(decision["namespace"], decision["name"]),
        column=decision["column"],
        check=_text(details.get("check")),
        metric=_text(details.get("metric")),
        since=decision["from_time"],
        at=decision["event_time"],
        sent=decision["emit_time"],
        actor=decision["actor"],
    )


def _text(value: str | None) -> str | None:
    """A text that stands as JSON; None for anything else that somebody may have written there."""
    try:
        found = None if value is None else json.loads(value)
    except ValueError:
        return None
    return found if isinstance(found, str) else None
