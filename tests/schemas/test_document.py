"""schemas/README.md says what the schemas say, and its example runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.errors import StateError
from headwater.schemas import document
from headwater.schemas.reasons import REASONS
from headwater.schemas.records import RECORDS, current
from headwater.schemas.types import Types
from tests.snippets import run, snippet


def test_the_tables_are_the_schemas() -> None:
    """The README holds every field and every reason as they are; `python -m headwater.schemas.document` writes it."""
    text = document.README.read_text("utf-8")
    assert text == document.written(text)


def test_nothing_is_left_out() -> None:
    """Every field of every type stands in the tables with its doc, and every reason."""
    table = document.records_table()
    for record in RECORDS:
        for definition in Types(current(record)).named.values():
            for one in definition.get("fields", ()):
                assert f"| `{one['name']}` |" in table
                assert one["doc"].replace("|", "\\|") in table
    assert all(f"`{reason}`" in document.reasons_table() for reason in REASONS)


def test_a_readme_without_marks_is_refused(tmp_path: Path) -> None:
    """The command says which marks are missing instead of writing elsewhere."""
    path = tmp_path / "README.md"
    path.write_text("# Nothing here\n", "utf-8")
    with pytest.raises(StateError, match="records: written by"):
        document.main(path)
    path.write_text(
        "<!-- records: written by headwater.schemas.document -->\n<!-- records ends -->\n"
        "<!-- reasons: written by headwater.schemas.document -->\nold\n<!-- reasons ends -->\n",
        "utf-8",
    )
    assert document.main(path) == 0
    assert "\nold\n" not in path.read_text("utf-8")
    assert "| `truncated` |" in path.read_text("utf-8")


def test_the_example_runs(tmp_path: Path) -> None:
    """What the README shows of reading and writing does what it says."""
    assert "known, see the ticket" in run(snippet("schemas/README.md", "read and write"), {}, tmp_path)
