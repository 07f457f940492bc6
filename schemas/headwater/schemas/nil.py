"""Ids that name nothing: all zeros, the nil UUID of RFC 9562, section 5.9.

The history has zeros for "none" where a column is part of a sort key, which takes no null: for the event that withdrew
an edge that stands, for the run of a job event. So no event and no run may have that id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

#: The nil UUID.
NIL: Final = bytes(16)
#: The ids of a run event that must name something, as the codec names them. A parent or a link without one is a parent
#: or a link of which no run is known.
NAMING: Final = ("event_id", "run.run_id")


def nil_id(event: Mapping[str, Any]) -> str | None:
    """Which id of a run event in its plain form is nil, as a sentence; None where none is."""
    run = event.get("run")
    for path, found in zip(NAMING, (event.get("event_id"), None if run is None else run.get("run_id")), strict=True):
        if found == NIL:
            return f"{path} is all zeros, which stands for none"
    return None
