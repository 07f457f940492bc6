"""Times of the contract: µs since 1970 UTC. In whole numbers, since a float of seconds has no µs left far from 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_HOUR: Final = 60 * 60 * 1_000_000


def micros(moment: datetime) -> int:
    """µs since 1970 of a time; without a zone it is UTC."""
    return ((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND


def moment(micros: int) -> datetime:
    """The time, in UTC. Raises OverflowError for one that no calendar has."""
    return _EPOCH + timedelta(microseconds=micros)


def nearest(micros: int) -> datetime:
    """The nearest time that a calendar has: a sender's clock may say anything."""
    try:
        return moment(micros)
    except OverflowError:
        return (datetime.max if micros > 0 else datetime.min).replace(tzinfo=UTC)


def hour_of_week(micros: int) -> int:
    """0 (Monday, from midnight UTC) to 167, of any time."""
    # 1970 began on a Thursday.
    return (micros // _HOUR + 3 * 24) % (7 * 24)


def weekday(micros: int) -> int:
    """0 (Monday) to 6, in UTC, of any time."""
    return hour_of_week(micros) // 24
