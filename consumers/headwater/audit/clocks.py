"""The two clocks of a question: what was true at one time, as far as it was known at another."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, NamedTuple

#: Later than any time that the store holds.
END: Final = datetime(2299, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
_AT, _KNOWN = "{at:DateTime64(6, 'UTC')}", "{known_at:DateTime64(6, 'UTC')}"
_UNKNOWN: Final = f"(SELECT event_id FROM unknown_events(known_at = {_KNOWN}))"


class Clocks(NamedTuple):
    """`at`: what had happened by then; `known_at`: what had arrived by then. None: everything."""

    at: datetime | None = None
    known_at: datetime | None = None

    @property
    def set(self) -> bool:
        """Whether either is given."""
        return self != (None, None)

    def view(self, name: str) -> str:
        """A view of the history, as of the clocks."""
        return f"{name}_at(at = {_AT}, known_at = {_KNOWN})" if self.set else name

    def events(self) -> str:
        """A condition on a table of events."""
        return f"event_time <= {_AT} AND arrival <= {_KNOWN}" if self.set else "true"

    def known(self) -> str:
        """A condition on rows of the edge tables: the event that made them known was known."""
        return f"known_at <= {_AT} AND known_by NOT IN {_UNKNOWN}" if self.set else "true"

    def withdrawn(self) -> str:
        """Whether a row of the edge tables was withdrawn, as far as was known."""
        gone = "withdrawn_by != toUUID('00000000-0000-0000-0000-000000000000')"
        return f"{gone} AND withdrawn_at <= {_AT} AND withdrawn_by NOT IN {_UNKNOWN}" if self.set else gone

    def values(self) -> dict[str, object]:
        """The parameters of all of these."""
        return {"at": self.at or END, "known_at": self.known_at or END} if self.set else {}


NOW: Final = Clocks()
