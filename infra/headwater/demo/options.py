"""What of the demo can be chosen: months, sources, the bad month, a renamed column."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater.errors import SettingsError

SOURCES = ("flights", "weather", "planes")
#: Columns of the flights feed that the pipeline reads; `rename` may give them other names.
FLIGHT_COLUMNS = (
    "time_hour",
    "carrier",
    "flight",
    "tailnum",
    "origin",
    "dest",
    "hour",
    "dep_delay",
    "arr_delay",
    "air_time",
    "distance",
)
YEAR = 2013
#: Kilometres in a mile: what the bad month's distances are multiplied with.
KILOMETRES = 1.609344


@dataclass(frozen=True, kw_only=True)
class Options:
    """One demo's choices. Raises SettingsError where they do not fit one another."""

    first_month: int = 1
    last_month: int = 12
    #: The month whose distances arrive in kilometres; None for no such month.
    bad_month: int | None = 7
    sources: tuple[str, ...] = SOURCES
    #: Other names for columns of the flights feed, the feed's own name first.
    rename: Mapping[str, str] = field(default_factory=dict[str, str])
    #: Every how many flights one is kept; 1 keeps all.
    every: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.first_month < self.last_month <= 12:
            raise SettingsError(
                f"months {self.first_month}-{self.last_month}: at least two months of 1 to 12 are needed"
            )
        if self.bad_month is not None and self.bad_month not in self.scored_months:
            scored = ", ".join(map(str, self.scored_months))
            raise SettingsError(
                f"bad month {self.bad_month}: the model learns from the first months, it scores {scored}"
            )
        unknown = set(self.sources) - set(SOURCES)
        if unknown or "flights" not in self.sources:
            raise SettingsError(
                f"sources {','.join(self.sources)}: flights is needed, and of others there are weather, planes"
            )
        if strange := set(self.rename) - set(FLIGHT_COLUMNS):
            raise SettingsError(f"rename: {', '.join(sorted(strange))} is none of {', '.join(FLIGHT_COLUMNS)}")
        given = [self.column(name) for name in FLIGHT_COLUMNS]
        if len(set(given)) < len(given):
            raise SettingsError("rename: two columns would have the same name")
        if self.every < 1:
            raise SettingsError("every: 1 or more")

    @property
    def months(self) -> range:
        """All months of the demo."""
        return range(self.first_month, self.last_month + 1)

    @property
    def training_months(self) -> range:
        """The first quarter, at least one month: what the first model learns from."""
        return range(self.first_month, self.first_month + max(1, len(self.months) // 4))

    @property
    def scored_months(self) -> range:
        """The months in which the model serves."""
        return range(self.training_months.stop, self.last_month + 1)

    def column(self, name: str) -> str:
        """The name that a column of the flights feed has in this demo."""
        return self.rename.get(name, name)

    def to_json(self) -> str:
        """For the processes of the demo; `from_json` reads it."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Options:
        """The choices that `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        values["sources"] = tuple(values["sources"])
        return cls(**values)
