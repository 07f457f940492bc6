"""The real flights of 2013, a profile a day as the producer makes it, for tests of what the real year raises."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Any

import polars as pl

from headwater.demo.feeds import read_flights
from headwater.demo.options import Options
from tests.consumers.detection.making import profile_record

COLUMNS = ("carrier", "origin", "dest", "hour", "dep_delay", "arr_delay", "air_time", "distance", "tailnum")


@cache
def days(bad_month: int | None) -> tuple[tuple[date, pl.DataFrame], ...]:
    """Each day's departures, in order: of the whole year, with a bad month of April to August."""
    options = Options() if bad_month is None else Options(first_month=4, last_month=8, bad_month=bad_month)
    frame = read_flights(dataclasses.replace(options, bad_month=bad_month)).sort("day")
    parts: list[tuple[date, pl.DataFrame]] = []
    for key, part in frame.partition_by("day", as_dict=True, include_key=False).items():
        day: Any = key[0]
        parts.append((day, part.select(COLUMNS)))
    return tuple(parts)


@cache
def profiles(bad_month: int | None) -> tuple[dict[str, Any], ...]:
    """A profile record a day."""
    return tuple(profile_record("raw_flights", day, part) for day, part in days(bad_month))


def changed(day: int, change: Callable[[pl.DataFrame], pl.DataFrame]) -> dict[str, Any]:
    """The profile of one day of the year (from 0) after a change."""
    when, part = days(None)[day]
    return profile_record("raw_flights", when, change(part))
