"""The notebook in consumers/ runs from its first cell to its last."""

from __future__ import annotations

import json

import pytest

from tests.consumers.history.conftest import History
from tests.consumers.history.test_questions import pipeline
from tests.notebooks import code_cells, run_cells
from tests.snippets import ROOT

NOTEBOOK = ROOT / "consumers" / "audit.ipynb"


@pytest.mark.integration
def test_every_cell_runs_and_shows_what_it_says(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a small history: each cell but the first shows something, five of them a picture, the last the gap."""
    for name in ("store_url", "store_user", "store_password", "prefix"):
        monkeypatch.setenv(f"HEADWATER_{name.upper()}", getattr(history.settings, name))
    pipeline(history)
    shown = run_cells(NOTEBOOK)
    assert [number for number, outputs in enumerate(shown, 1) if not outputs] == [1, 5]  # one version: no difference
    pictures = [one for outputs in shown for one in outputs if "<svg" in one.get("data", {}).get("text/html", "")]
    assert len(pictures) == 5
    assert "model" in pictures[0]["data"]["text/html"]
    assert shown[-1][0]["text"] == "1 messages are known to be missing\n"


def test_the_notebook_holds_pictures() -> None:
    """As it is committed, its cells have run: who only reads it sees what it shows."""
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    ran = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(ran) == len(code_cells(NOTEBOOK))
    assert all(cell["execution_count"] for cell in ran)
    assert sum("<svg" in json.dumps(cell["outputs"]) for cell in ran) == 5
