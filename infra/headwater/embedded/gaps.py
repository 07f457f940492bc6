"""What the embedded broker took with it: each life that ended before all of it was in the history."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, cast

from headwater.embedded.home import Home, write_private


@dataclass(frozen=True)
class Gap:
    """One life of the broker that lost messages, or may have."""

    generation: str
    #: What ended it.
    cause: str
    #: When that was noticed, ISO 8601 UTC.
    noticed: str
    #: When the archive's lag was last looked at, "" where it never was; what was sent later is not known.
    looked: str
    #: Messages that were not archived at that time, by topic.
    behind: Mapping[str, int]

    def __str__(self) -> str:
        lost = ", ".join(f"{count} on {topic}" for topic, count in sorted(self.behind.items()) if count)
        known = (
            f"not archived were {lost or 'none'} at {self.looked}"
            if self.looked
            else "nothing is known of its last messages"
        )
        after = ", and what was sent after that" if self.looked else ""
        return (
            f"gap: broker life {self.generation} ended ({self.cause}, noticed {self.noticed}); {known}{after}. "
            "Producers number their events: `headwater audit gaps` names the missing ones"
        )


def gaps(home: Home) -> list[Gap]:
    """All that were recorded, the oldest first."""
    try:
        recorded = json.loads((home.path / "gaps.json").read_text("utf-8"))
    except (OSError, ValueError):
        return []
    return [Gap(**cast("dict[str, Any]", gap)) for gap in cast("list[object]", recorded)]


def record(home: Home, cause: str) -> Gap | None:
    """Record the end of the broker's life that `run/` tells of; None where it tells of none."""
    broker = home.state("broker")
    if broker is None:
        return None
    look = home.state("progress") or {}
    same_life = look.get("generation") == broker.get("generation")
    gap = Gap(
        str(broker.get("generation")),
        cause,
        now(),
        str(look.get("looked", "")) if same_life else "",
        cast("dict[str, int]", look.get("behind", {})) if same_life else {},
    )
    write_private(home.path / "gaps.json", json.dumps([asdict(one) for one in [*gaps(home), gap]], indent=2) + "\n")
    home.forget_state("broker")
    home.forget_state("progress")
    return gap


def now() -> str:
    """The time as ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
