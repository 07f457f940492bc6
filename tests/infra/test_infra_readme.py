"""infra/README.md says what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import headwater.errors
from headwater.settings import documented

README = Path("infra/README.md").read_text("utf-8")


def test_the_settings_table_is_that_of_the_code() -> None:
    """Every setting with its default and meaning, in the code's order, and no other."""
    table = README.partition("## Settings")[2]
    rows = re.findall(r"^\| `(\w+)` \| (?:`(.*?)`|–) \| (.*) \|$", table, re.MULTILINE)
    assert rows == [(one.name, one.default, one.doc) for one in documented()]


def test_every_exit_code_is_documented() -> None:
    """Those of the errors stand in the table."""
    codes = {
        error.exit_code
        for error in vars(headwater.errors).values()
        if isinstance(error, type) and issubclass(error, headwater.errors.HeadwaterError)
    }
    shown = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    assert codes <= shown
