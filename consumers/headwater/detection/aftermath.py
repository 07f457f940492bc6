"""After an alarm of a check that is silent while all is well, it says for a while that it is."""

from __future__ import annotations

from dataclasses import dataclass

from headwater.detection.gates import Outcome


@dataclass(slots=True)
class Aftermath:
    """Which outcomes of a check are told: every alarm and warning, and so many `ok` after an alarm."""

    left: int = 0

    def is_told(self, outcome: Outcome, oks: int) -> bool:
        """Whether this one is told. `oks`: how many of them end an incident."""
        if outcome == "alarm":
            self.left = oks
        elif outcome == "ok":
            self.left -= 1
            return self.left >= 0
        return outcome != "insufficient"
