"""What infra/README.md says of the gateway."""

from __future__ import annotations

from headwater.gateway.counting import METRICS
from tests.snippets import ROOT


def test_the_readme_lists_its_metrics() -> None:
    """Each metric with its kind, labels and meaning, no others."""
    text = (ROOT / "infra" / "README.md").read_text("utf-8")
    table = text.partition("<!-- gateway metrics -->")[2].partition("<!-- end of gateway metrics -->")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{one.name}` | {one.kind} | {one.labels or '–'} | {one.doc} |" for one in METRICS]
