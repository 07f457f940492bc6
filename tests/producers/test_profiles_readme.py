"""The README's snippets of profiles and versions run as they stand there."""

from __future__ import annotations

import hashlib
import inspect
import re
from pathlib import Path

from headwater.producer import versions
from tests.snippets import ROOT, run, snippet


def test_the_stream_of_the_readme(tmp_path: Path) -> None:
    """It needs no broker."""
    output = run(snippet("producers/README.md", "stream"), {}, tmp_path)
    assert output.endswith(" 24001 rows\n")


def test_the_predictions_of_the_readme(tmp_path: Path) -> None:
    """What was answered and what was asked, in one window or, about the full hour, in two."""
    output = run(snippet("producers/README.md", "answers"), {}, tmp_path)
    rows = [line.rsplit(" ", 2)[1:] for line in output.splitlines()]
    for role in ("output", "serving"):
        assert sum(int(count) for told, count in rows if told == role) == 1000


def test_the_version_of_the_readme(tmp_path: Path) -> None:
    """The file's digest, as `sha256sum` writes it."""
    output = run(snippet("producers/README.md", "versions"), {}, tmp_path)
    content = (tmp_path / "prices.csv").read_bytes()
    assert output == f"digest sha256:{hashlib.sha256(content).hexdigest()} {len(content)}\n"


def test_the_table_of_versions_names_them_all() -> None:
    """Each function of `versions`, and no other."""
    text = (ROOT / "producers/README.md").read_text("utf-8")
    table = text.partition("| function of `versions` |")[2].partition("\n\n")[0]
    named = {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)\(", row.split("|")[1])}
    assert named == {name for name in versions.__all__ if inspect.isfunction(getattr(versions, name))}
