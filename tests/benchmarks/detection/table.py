"""One table of all detectors: a row for each thing measured, a column for each detector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

OURS = "Headwater"
ALWAYS, NEVER = "always fires", "never fires"


@dataclass(slots=True)
class Table:
    """Rows as they come, and which bars we reach; a detector's column stands where it first appeared."""

    rows: list[tuple[str, str, dict[str, str]]] = field(default_factory=list[tuple[str, str, dict[str, str]]])
    bars: list[tuple[str, bool]] = field(default_factory=list[tuple[str, bool]])

    def row(self, measured: str, bar: str, found: Mapping[str, float | str], always: float | str) -> None:
        """What each detector reached, and what one that always fires would; one that never fires has 0 of it."""
        shown = {name: value if isinstance(value, str) else f"{value:.3g}" for name, value in found.items()}
        shown[ALWAYS] = always if isinstance(always, str) else f"{always:g}"
        shown[NEVER] = "–" if always == "–" else "0"
        self.rows.append((measured, bar, shown))

    def bar(self, name: str, reached: bool) -> None:
        """Whether we reach it."""
        self.bars.append((name, reached))

    def text(self) -> str:
        """As Markdown."""
        names = dict.fromkeys(name for _, _, shown in self.rows for name in shown if name not in {ALWAYS, NEVER})
        columns = [*names, ALWAYS, NEVER]
        lines = ["| | bar | " + " | ".join(columns) + " |", "|---" * (len(columns) + 2) + "|"]
        for measured, bar, shown in self.rows:
            lines.append(f"| {measured} | {bar} | " + " | ".join(shown.get(name, "–") for name in columns) + " |")
        return "\n".join(lines)
