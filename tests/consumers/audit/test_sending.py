"""What goes to the store is what clickhouse-connect would send, and its verdicts are its own."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from clickhouse_connect.driver import binding
from hypothesis import given
from hypothesis import strategies as st

from headwater.audit import verdicts
from headwater.audit.questions import questions
from headwater.audit.sending import Written, sent

_client: Any = binding
_judge: Any = _client._query_is_read_only
_VALUES: tuple[st.SearchStrategy[object], ...] = (st.integers(0, 2**64 - 1), st.text(), st.uuids())


def _bound(value: object) -> str:
    return str(_client.bind_query("SELECT {a:Array(String)}", {"a": value})[1]["param_a"])


@given(st.one_of([st.lists(st.none() | values) for values in _VALUES]))
def test_lists_are_written_as_the_client_writes_them(values: list[object]) -> None:
    """But for the blanks between the values."""
    _, told = sent("", {"a": values})
    written = told["a"]
    assert isinstance(written, Written)
    # A value in quotes keeps its blanks, so each is compared by itself.
    assert str(written) == f"[{','.join(_bound([value])[1:-1] for value in values)}]"
    assert _bound(written) == str(written)


def test_all_else_is_left_to_the_client() -> None:
    """Single values, and lists of what has more than one form."""
    given: dict[str, Any] = {
        "text": "a'b",
        "none": None,
        "pairs": [("a", uuid.UUID(int=1))],
        "times": [datetime(2026, 11, 29, tzinfo=UTC)],
        "flags": [True],
        "lists": [[1], [2]],
    }
    _, told = sent("", given)
    assert all(told[name] is value for name, value in given.items())


@given(st.one_of([st.lists(st.none() | values) for values in _VALUES]), st.integers(1, 60))
def test_long_lists_go_in_several_fields(values: list[object], field: int) -> None:
    """None longer than it may be, but for a value that is; together they are the list, and so the statement says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headwater.audit.sending.FIELD", field)
        sql, told = sent("SELECT {other:Array(String)}, {a:Array(Nullable(String))}", {"a": values, "other": [1]})
    names = [name for name in told if name != "other"]
    pieces = [str(told[name])[1:-1] for name in names]
    assert all(len(piece.encode()) <= field or _bound([piece]) for piece in pieces)
    assert ",".join(pieces) == str(sent("", {"a": values})[1]["a"])[1:-1]
    places = ", ".join(f"{{{name}:Array(Nullable(String))}}" for name in names)
    assert sql == f"SELECT {{other:Array(String)}}, {f'arrayConcat({places})' if names[1:] else places}"


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("WITH a AS (SELECT 1) SELECT * FROM a", True),
        ("WITH a AS (SELECT 1) SELECT * FROM a; DROP TABLE b", False),
        ("INSERT INTO t SELECT 1", False),
        ("SELECT 1" + " " * 40_000, True),
    ],
)
def test_verdicts_are_the_clients(text: str, again: bool) -> None:
    """Kept or not, asked once or twice, as text or as bytes."""
    judge = verdicts.Kept(_judge)
    for _ in range(2):
        assert judge(text) is judge(text.encode()) is _judge(text) is again


def test_the_client_that_is_installed_keeps_them() -> None:
    """In both places where it judges, and once only."""
    assert verdicts.keep() == verdicts.keep() == 2


def test_no_question_holds_what_may_end_it() -> None:
    """Because of a `;`, in a comment too, the client goes through the text once more, to find where it ends."""
    assert [name for name, question in questions().items() if ";" in question.sql] == []
