"""What is remembered of late: so many entries, of which the oldest go first."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any


def forget(known: OrderedDict[Any, Any], most: int) -> None:
    """Forget the oldest entries beyond `most`. A plain dict would look through all that it forgot each time."""
    while len(known) > most:
        known.popitem(last=False)
