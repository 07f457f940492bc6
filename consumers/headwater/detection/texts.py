"""Numbers, times and names as people read them."""

from __future__ import annotations

import math
from datetime import UTC, datetime


def number(value: float) -> str:
    """Three significant digits, thousands in full."""
    if not math.isfinite(value):
        return str(value)
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def percent(share: float) -> str:
    """A share as per cent."""
    return f"{share * 100:.3g} %"


def day(event_time: int) -> str:
    """The date, and the time of day unless it is midnight (UTC)."""
    moment = datetime.fromtimestamp(event_time / 1e6, UTC)
    if (moment.hour, moment.minute, moment.second) == (0, 0, 0):
        return moment.strftime("%Y-%m-%d")
    return moment.strftime("%Y-%m-%d %H:%M")


def dataset(namespace: str, name: str, column: str | None = None) -> str:
    """namespace/name, with .column where there is one."""
    return f"{namespace}/{name}" + (f".{column}" if column else "")
