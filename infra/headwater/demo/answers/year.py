"""What else happened on a day, as far as the profiles of that day's deliveries tell."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headwater.audit.rows import select
from headwater.audit.store import Client
from headwater.demo.catalog import FEEDS
from headwater.demo.options import Options

#: A number is out of the ordinary this many σ from its median over all days.
UNUSUAL = 2.5
#: Facts told of a day, the most unusual first.
MOST = 3


@dataclass(frozen=True)
class Fact:
    """One number of the days asked about, beside what it usually is. `unusual`: distance in σ."""

    text: str
    value: float
    usual: float
    unusual: float


@dataclass(frozen=True)
class _Measure:
    table: str
    column: str
    #: An expression over a row of column_profiles.
    expression: str
    text: str


def _measures(options: Options) -> list[_Measure]:
    flights = [
        _Measure(
            "flights",
            options.column("distance"),
            "toFloat64(rows)",
            "{value:,.0f} flights were planned (usual {usual:,.0f})",
        ),
        _Measure(
            "flights",
            options.column("air_time"),
            "toFloat64(nulls)",
            "{value:,.0f} flights did not arrive (usual {usual:,.0f})",
        ),
        _Measure(
            "flights",
            options.column("dep_delay"),
            "mean",
            "departures {value:,.0f} minutes late (usual {usual:,.0f})",
        ),
    ]
    weather = [
        _Measure("weather", "wind_speed", "mean", "wind {value:.0f} mph (usual {usual:.0f})"),
        _Measure("weather", "precip", "mean * 24", "rain or snow {value:.2f} inches (usual {usual:.2f})"),
        _Measure("weather", "visib", "mean", "visibility {value:.1f} miles (usual {usual:.1f})"),
        _Measure("weather", "temp", "mean", "{value:.0f} °F (usual {usual:.0f})"),
        _Measure("weather", "pressure", "mean", "pressure {value:.0f} hPa (usual {usual:.0f})"),
    ]
    return flights + (weather if "weather" in options.sources else [])


class Year:
    """Every day's numbers, read once."""

    def __init__(self, client: Client, options: Options) -> None:
        self._values: dict[_Measure, Mapping[str, float]] = {}
        for measure in _measures(options):
            rows = select(
                client,
                f"SELECT replaceRegexpOne(partitions[1], '^day=', '') AS day, any({measure.expression}) AS value "
                "FROM column_profiles WHERE namespace = {namespace:String} AND name = {table:String} "
                "AND column = {column:String} GROUP BY day HAVING isNotNull(value) ORDER BY day",
                {"namespace": FEEDS, "table": measure.table, "column": measure.column},
            )
            self._values[measure] = {row["day"]: float(row["value"]) for row in rows}

    def facts(self, days: Sequence[str]) -> list[Fact]:
        """What was out of the ordinary on those days, on average, the most unusual first; empty: nothing we hold."""
        found: list[Fact] = []
        for measure, values in self._values.items():
            here = [values[day] for day in days if day in values]
            if not here or len(values) < 2:
                continue
            usual = statistics.median(values.values())
            away = [abs(value - usual) for value in values.values()]
            # σ as the mean distance gives it, as on most days it does not rain and MAD would be 0.
            scale = 1.2533 * statistics.fmean(away)
            value = statistics.fmean(here)
            unusual = abs(value - usual) / scale if scale else 0.0
            if unusual >= UNUSUAL:
                found.append(Fact(measure.text.format(value=value, usual=usual), value, usual, unusual))
        found.sort(key=lambda fact: -fact.unusual)
        return [*self._not_delivered(days), *found][:MOST]

    def _not_delivered(self, days: Sequence[str]) -> list[Fact]:
        delivered = {day for measure, values in self._values.items() if measure.table == "weather" for day in values}
        missing = [day for day in days if delivered and day not in delivered]
        return [Fact(f"no weather was delivered for {', '.join(missing)}", len(missing), 0, UNUSUAL)] if missing else []
