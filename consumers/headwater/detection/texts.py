"""Numbers, times and names as people read them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from headwater.schemas import times


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
    moment = times.nearest(event_time)
    date = f"{moment.year}-{moment.month:02}-{moment.day:02}"
    midnight = (moment.hour, moment.minute, moment.second) == (0, 0, 0)
    return date if midnight else f"{date} {moment.hour:02}:{moment.minute:02}"


def json_within(content: Mapping[str, object], most: int) -> tuple[str, int]:
    """A mapping as JSON of at most so many bytes, its first items; and how many items were left out."""
    whole = json.dumps(content)
    if len(whole) <= most:
        return whole, 0
    kept: list[str] = []
    size = 2
    for key, value in content.items():
        item = f"{json.dumps(key)}: {json.dumps(value)}"
        if size + len(item) + 2 > most:
            break
        size += len(item) + 2
        kept.append(item)
    return f"{{{', '.join(kept)}}}", len(content) - len(kept)


def dataset(namespace: str, name: str, column: str | None = None) -> str:
    """namespace/name, with .column where there is one."""
    return f"{namespace}/{name}" + (f".{column}" if column else "")
