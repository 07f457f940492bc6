"""Why an incident was told: each gate with its number, both distributions, the baseline, the path to the root."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headwater.audit.incident_lines import gates, heading, since, surroundings
from headwater.audit.incidents import incident
from headwater.audit.model import Incident
from headwater.audit.render import printable
from headwater.audit.rows import select
from headwater.audit.shapes import Shapes, shapes, svg, text
from headwater.audit.store import Client
from headwater.errors import NotFound

_LEADING = """
SELECT baseline_kind AS kind, baseline_runs AS runs, baseline_rows AS rows, baseline_from_time AS from_time,
    baseline_until_time AS until_time
FROM verdicts WHERE event_id IN {ids:Array(UUID)} AND baseline_kind != '' AND check = {check:String}
ORDER BY outcome = 'alarm' DESC, event_time, event_id LIMIT 1
"""


@dataclass(frozen=True)
class Explanation:
    """An incident, and what its check compared. `baseline`: kind, runs, rows, from and until; None where not kept."""

    incident: Incident
    baseline: Mapping[str, Any] | None
    shapes: Shapes | None

    def lines(self) -> list[str]:
        """For a terminal."""
        found = self.incident
        lines = [*heading(found), "", f"check     {found.check}, since {since(found)}", *gates(found)]
        lines += [f"baseline  {_baseline(self.baseline)}"] if self.baseline else []
        if "rule" in found.evidence:
            lines.append(f"rule      {_plain(found.evidence['rule'])}")
        if self.shapes is not None:
            lines += ["", *(f"  {line}" for line in text(self.shapes)), ""]
        lines += surroundings(found)
        return [printable(line) for line in lines]

    def svg(self) -> str:
        """Both distributions as a picture. Raises NotFound where the alert carries none."""
        if self.shapes is None:
            raise NotFound(f"incident {self.incident.incident_id.hex} compares no distributions")
        return svg(self.shapes, self.incident.title)


def explain(client: Client, begins: str) -> Explanation:
    """The explanation of an incident, which `begins` names as in `incident`. Raises what that raises."""
    found = incident(client, begins)
    rows = select(client, _LEADING, {"ids": list(found.verdicts), "check": found.check})
    return Explanation(found, rows[0] if rows else None, shapes(found.evidence))


def _baseline(baseline: Mapping[str, Any]) -> str:
    rows = f", {baseline['rows']:,} rows" if baseline["rows"] else ""
    when = ""
    if baseline["from_time"] is not None and baseline["until_time"] is not None:
        when = f", {baseline['from_time']:%Y-%m-%d} to {baseline['until_time']:%Y-%m-%d}"
    return f"{baseline['kind']}, {baseline['runs']} runs{rows}{when}"


def _plain(text: str) -> str:
    found = json.loads(text)
    return found if isinstance(found, str) else json.dumps(found)
