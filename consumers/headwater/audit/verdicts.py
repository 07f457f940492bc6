"""Whether a statement may be sent again, judged once a text.

After a lost connection clickhouse-connect sends again what only reads. To know that, it goes through a statement's
text token by token, twice each time that it is asked: for one of ours that begins with WITH up to 10 ms, longer than
most take in the store. The verdict depends on the text alone, and questions say the same texts again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

#: Where clickhouse-connect judges; a version that does it elsewhere, or not at all, is left alone.
_PLACES: Final = ("clickhouse_connect.driver._backendclient", "clickhouse_connect.driver._backend.httpcommon")
_NAME: Final = "_query_is_read_only"
#: Texts whose verdict is kept, and their length at most: what is longer carries data.
_TEXTS, _LENGTH = 128, 32768


class Kept:
    """A judge that remembers."""

    def __init__(self, judge: Callable[[str | bytes], bool]) -> None:
        self._judge = judge
        self._known = lru_cache(_TEXTS)(judge)

    def __call__(self, query: str | bytes) -> bool:
        return self._known(query) if len(query) <= _LENGTH else self._judge(query)


def keep() -> int:
    """Keep verdicts from here on; in how many places they are kept."""
    kept = 0
    for place in _PLACES:
        with suppress(ImportError, AttributeError):
            module: Any = import_module(place)
            judge = getattr(module, _NAME)
            if not isinstance(judge, Kept):
                setattr(module, _NAME, Kept(judge))
            kept += 1
    return kept
