"""Hostile values in every parameter of every question, walk and export: compared, never run, and nothing is changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from headwater.audit import QUESTIONS, ask, explain_prediction, resolve
from headwater.errors import NotFound, SettingsError
from headwater.export import Wanted, export
from headwater.schemas.topics import PREDICTIONS, RUNS
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import at, batch, dataset, prediction, run_event

pytestmark = pytest.mark.integration

#: What breaks out of a literal, an identifier, a parameter or a statement, where one is built from text.
PIECES = (
    "'", "\\", "\\'", '"', "`", ";", "--", "/*", "*/", "\n", "\r", "\t", "\0", "{x:String}", "${database}", "%s",
    "%(x)s", "{", "}", "(", ")", "')) OR 1 = 1 --", "; DROP TABLE nodes", "' UNION ALL SELECT * FROM nodes --",
    "file('/etc/passwd')", "\\N", "null", "\x1b[2J", "\u202e", "🛩", "é", "\ud7ff", "@", "[", "]", "/", "x" * 10_000,
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join)
_KEPT = "SELECT name, total_rows FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"


def told(history: History) -> list[tuple[Any, ...]]:
    """A little history, and how many rows each table keeps."""
    a, b = dataset("a", "1"), dataset("b", "1")
    history.keep(
        batch(RUNS.name, [run_event("r 1", "COMPLETE", at(1), inputs=[a], outputs=[b])]),
        batch(PREDICTIONS.name, [prediction("p", at(2), "b", "1")]),
    )
    return history.rows(f"{_KEPT} ORDER BY name")


def asked(history: History, text: str) -> None:
    for question in QUESTIONS.values():
        values: dict[str, Any] = {"depth": 1}
        for one in question.parameters:
            if "String" in one.type:
                values[one.name] = text
            elif one.default is None:
                values[one.name] = "2026-03-01T08:00:00Z" if "DateTime" in one.type else "1"
        values = {name: value for name, value in values.items() if name in {one.name for one in question.parameters}}
        try:
            answer = ask(history.client, question.name, **values)
        except SettingsError:
            continue
        # Whoever names nothing that is there is told nothing, but for what is asked of all.
        assert not answer.rows or not any("String" in one.type for one in question.parameters), (question.name, text)


def named(history: History, text: str, folder: Path) -> None:
    with pytest.raises((NotFound, SettingsError)):
        resolve(history.client, text)
    with pytest.raises((NotFound, SettingsError)):
        explain_prediction(history.client, text)
    with pytest.raises((NotFound, SettingsError)):
        export(history.client, Wanted(node=text), folder / "out")


def hostile(history: History, folder: Path, examples: int) -> None:
    before = told(history)

    @settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(TEXTS)
    @example("".join(PIECES))
    def check(text: str) -> None:
        named(history, text, folder)
        asked(history, text)

    check()
    assert history.rows(f"{_KEPT} ORDER BY name") == before


def test_hostile_values_are_values(history: History, tmp_path: Path) -> None:
    """Quotes, backslashes, semicolons, newlines, NUL, emoji, 10 kB: in all text parameters at once."""
    hostile(history, tmp_path, 1)


@pytest.mark.prove
def test_many_hostile_values_are_values(history: History, tmp_path: Path) -> None:
    """The same with many."""
    hostile(history, tmp_path, 12)
