"""What infra/README.md says of the history: its tables are the live ones, its statements run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headwater.migrations import database_name
from tests.consumers.history.conftest import History
from tests.consumers.history.documented import BEGIN, END, tables
from tests.consumers.history.test_questions import pipeline

pytestmark = pytest.mark.integration

README = Path(__file__).parents[3] / "infra" / "README.md"


def section() -> str:
    text = README.read_text("utf-8")
    return text[text.index("## The history") :]


def test_the_tables_are_the_live_ones(history: History) -> None:
    """Each view and table with its columns, types and sort key stands in the README as the engine has it."""
    text = section()
    written = text[text.index(BEGIN) : text.index(END) + len(END)]
    assert written == tables(history.client, database_name(history.settings)), (
        "write what stands on the right between the two comments of infra/README.md"
    )


def test_every_statement_runs(history: History) -> None:
    """Each SQL block of the section gives rows over the tests' pipeline."""
    pipeline(history)
    blocks = re.findall(r"```sql\n(.*?)```", section(), re.DOTALL)
    assert len(blocks) >= 5
    for block in blocks:
        assert history.rows(block), block
