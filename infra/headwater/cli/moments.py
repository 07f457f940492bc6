"""Times as people write them."""

from __future__ import annotations

from datetime import UTC, datetime

from headwater.errors import SettingsError


def moment(text: str) -> datetime:
    """A time in ISO 8601; without a zone it is UTC. Raises SettingsError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"{text!r} is no time such as 2024-03-01 or 2024-03-01T06:00") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
