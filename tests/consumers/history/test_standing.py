"""Which verdicts stand, by the statement that consumers/README.md gives."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headwater.detection.verdicts import Subject, Verdict, known_from
from headwater.schemas.topics import VERDICTS
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import at, batch, head

pytestmark = pytest.mark.integration

README = Path(__file__).parents[3] / "consumers" / "README.md"


def test_those_with_the_most_known_stand(history: History) -> None:
    """Of a profile that was judged again what was said last, though it came first; and what is judged once."""
    (statement,) = re.findall(r"What stands, in SQL:\n\n```sql\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    profile, other = b"p" * 16, b"q" * 16
    less, more = (known_from(at(9), profile, before) for before in ([at(1)], [at(1), at(2)]))
    subject = Subject(at(9), "lake", "t", "9")
    column = Subject(at(9), "lake", "t", "9", "amount")
    said = [
        Verdict("drift", "ok", subject, "whole, again", judged=profile, known=more),
        Verdict("drift", "alarm", column, "column", judged=profile, known=less),
        Verdict("drift", "alarm", subject, "whole", judged=profile, known=less),
        Verdict("volume", "ok", subject, "rows", judged=other, known=known_from(at(9), other, [])),
        Verdict("run", "alarm", subject, "failed"),
        Verdict("metric", "ok", subject, "measured"),
    ]
    values = [{**head("verdict", at(9)), **verdict.fields()} for verdict in said]
    history.keep(batch(VERDICTS.name, values), batch(VERDICTS.name, values[:1], 10))
    asked = history.client.query(statement)
    told = asked.column_names.index("explanation")
    assert sorted(row[told] for row in asked.result_rows) == ["failed", "measured", "rows", "whole, again"]
