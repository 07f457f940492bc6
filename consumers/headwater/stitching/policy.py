"""How long stitching keeps what, and where."""

from __future__ import annotations

from dataclasses import dataclass

from headwater.settings import Settings


@dataclass(frozen=True)
class Policy:
    """How long what is kept, ms, and where."""

    young: int
    ended: int
    open: int
    folder: str

    @classmethod
    def of(cls, settings: Settings) -> Policy:
        """As set."""
        ended = int(settings.stitching_horizon_seconds * 1000)
        return cls(
            min(int(settings.stitching_young_seconds * 1000), ended),
            ended,
            max(ended, int(settings.stitching_open_seconds * 1000)),
            settings.stitching_folder,
        )
