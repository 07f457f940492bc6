"""What the answers are put together from: statements that can be typed, lines that say how far it is."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from headwater.demo.answers.questions import literal
from headwater.demo.progress import Progress


def test_a_statement_is_given_with_its_values() -> None:
    """Texts are quoted whatever they hold, times and missing values as the engine takes them."""
    sql = "SELECT {name:String}, {version:Nullable(String)}, {depth:UInt32}, {since:DateTime64(6, 'UTC')}"
    values = {"name": "it's \\ ok", "version": None, "depth": 3, "since": datetime(2013, 7, 1, tzinfo=UTC)}
    assert literal(sql, values) == (
        "SELECT 'it\\'s \\\\ ok', NULL, 3, parseDateTime64BestEffort('2013-07-01T00:00:00Z', 6, 'UTC')"
    )


def test_without_a_terminal_progress_is_one_plain_line_a_step() -> None:
    """No control characters, and nothing between the beginning and the end of a step."""
    stream = io.StringIO()
    progress = Progress(stream)
    progress.begin("July 2013", 31)
    for night in range(31):
        progress.update(night)
    progress.end("31 nights")
    assert stream.getvalue().count("\n") == 1
    assert "July 2013" in stream.getvalue()
    assert "31 nights" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_on_a_terminal_a_bar_grows_in_place() -> None:
    """One line is drawn over and over, and stays with what came of it."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    progress = Progress(stream)
    progress.begin("July 2013", 4)
    progress.update(2, "2013-07-02")
    assert "[############............] 2/4 2013-07-02" in stream.getvalue()
    progress.end("4 nights")
    assert stream.getvalue().count("\n") == 1
