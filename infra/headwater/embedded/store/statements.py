"""Where an INSERT ends and its data begin, and which FORMAT a statement asks for.

Only a writer's statements come here, so this decides how bytes travel and never what is allowed.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_SKIPPED = re.compile(rb"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/|#[ !][^\n]*(?:\n|$))+", re.DOTALL)
_QUOTED = re.compile(rb"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"|`(?:[^`\\]|\\.|``)*`", re.DOTALL)
_WORD = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")
_AFTER_FORMAT = re.compile(rb"[ \t\f]*(?:\r?\n)?")


class Insert(NamedTuple):
    """The head of an INSERT that carries data."""

    #: Up to where SETTINGS, FORMAT or VALUES begins.
    statement: str
    #: The SETTINGS clause, or nothing.
    settings: str
    format: str
    #: Where the data begin.
    data: int


class NeedMore(Exception):
    """The head goes on beyond what has been read."""


def insert_head(text: bytes, *, whole: bool) -> Insert | None:
    """The head of an INSERT with data; None for any other statement, INSERT … SELECT among them.

    `whole`: nothing follows `text`; else raises NeedMore where the head is not complete.
    """
    words = 0
    depth = 0
    settings: int | None = None
    position = 0
    while position < len(text):
        if skipped := _SKIPPED.match(text, position):
            position = skipped.end()
            continue
        if quoted := _QUOTED.match(text, position):
            position = quoted.end()
            words += 1
            continue
        word = _WORD.match(text, position)
        if not whole and text[position] in b"'\"`":
            raise NeedMore
        if word is None:
            depth += {0x28: 1, 0x29: -1}.get(text[position], 0)
            position += 1
            continue
        if not whole and word.end() == len(text):
            raise NeedMore
        name = word[0].upper()
        if words == 0 and name != b"INSERT":
            return None
        if words == 1 and name != b"INTO":
            words = 2  # INTO may be left out
        # The word after INTO (and TABLE or FUNCTION) is the target, whatever it is called.
        if words >= 3 and depth == 0 and text[position - 1 : position] != b".":
            if name in (b"SELECT", b"WITH", b"INFILE"):
                return None
            if name == b"SETTINGS" and settings is None:
                settings = word.start()
            if name == b"VALUES":
                return _insert(text, settings, word.start(), "Values", word.end())
            if name == b"FORMAT":
                return _format(text, settings, word.start(), word.end(), whole=whole)
        if not (words == 2 and name in (b"TABLE", b"FUNCTION")):
            words += 1
        position = word.end()
    if not whole:
        raise NeedMore
    return None


def _format(text: bytes, settings: int | None, start: int, end: int, *, whole: bool) -> Insert | None:
    skipped = _SKIPPED.match(text, end)
    name = _WORD.match(text, skipped.end() if skipped else end)
    if name is None or (not whole and name.end() + 2 > len(text)):
        if not whole:
            raise NeedMore
        return None
    after = _AFTER_FORMAT.match(text, name.end())
    return _insert(text, settings, start, name[0].decode(), after.end() if after else name.end())


def _insert(text: bytes, settings: int | None, end: int, form: str, data: int) -> Insert:
    clause = end if settings is None else settings
    return Insert(text[:clause].decode(), text[clause:end].decode(), form, data)


_HEREDOC = re.compile(rb"(?<![\w$])\$(?P<tag>\w*)\$.*?\$(?P=tag)\$", re.DOTALL)
_APART = re.compile(b"|".join(b"(?:%b)" % one.pattern for one in (_SKIPPED, _QUOTED, _HEREDOC)), re.DOTALL)
_CHANGES = frozenset({b"CREATE", b"ALTER", b"DROP", b"RENAME", b"TRUNCATE", b"EXCHANGE", b"INSERT"})
#: What may end one statement, say how its result is formatted, or begin a text that is not found above.
_SAYS_MORE = re.compile(rb"[;'\"`$]|\bFORMAT\b", re.IGNORECASE)


def only_changes(text: str) -> bool:
    """Whether this is surely one statement that changes something and asks for no FORMAT: for all that it decides, the
    parser need not be asked, which for the history's own tables and views takes as long as making them does.
    """
    rest = _APART.sub(b" ", text.encode())
    first = _WORD.match(rest.lstrip())
    return first is not None and first[0].upper() in _CHANGES and not _SAYS_MORE.search(rest)


_FORMAT_CLAUSE = re.compile(r"\bFORMAT (\w+)(?: SETTINGS .*)?$", re.DOTALL)


def format_clause(canonical: str) -> str | None:
    """The FORMAT clause of a statement in the engine's own spelling on one line."""
    match = _FORMAT_CLAUSE.search(canonical.strip())
    return match[1] if match else None
