"""A form (`multipart/form-data`): a statement and its parameters, as clickhouse-connect and `curl -F` send them.

Read here, whole, and not by aiohttp: its readers take each header of each part through the parser of e-mail, which for
a small statement took longer than the statement.
"""

from __future__ import annotations

import re

from headwater.embedded.store.engine import Refused
from headwater.embedded.store.faults import BAD_ARGUMENTS, NOT_IMPLEMENTED

_TYPE = "multipart/form-data"
_BOUNDARY = re.compile(r'[;\s]boundary=(?:"([^"]+)"|([^\s;"]+))', re.IGNORECASE)
#: A part that carries a text: a name and nothing else, so no file.
_NAMED = re.compile(rb'content-disposition\s*:\s*form-data\s*;\s*name=(?:"([^"\\]+)"|([^\s;"]+))\s*', re.IGNORECASE)


def is_form(content_type: str) -> bool:
    """Whether a body of this type is a form."""
    return content_type.partition(";")[0].strip().lower() == _TYPE


def fields(content_type: str, body: bytes) -> list[tuple[str, str]]:
    """Names and values in the form's order. Raises Refused: a file (external data), or what is no form."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise _damaged("it has no boundary")
    delimiter = b"\r\n--" + (found[1] or found[2]).encode()
    _, *parts = (b"\r\n" + body).split(delimiter)
    if not parts or not parts.pop().startswith(b"--"):
        raise _damaged("its end is missing")
    return [_field(part) for part in parts]


def _field(part: bytes) -> tuple[str, str]:
    head, end, value = part.partition(b"\r\n\r\n")
    if not end:
        raise _damaged("a part has no headers")
    named = next(filter(None, map(_NAMED.fullmatch, head.split(b"\r\n"))), None)
    if named is None:
        raise Refused(
            NOT_IMPLEMENTED,
            f"Code: {NOT_IMPLEMENTED}. DB::Exception: Not done by this store: external data. (NOT_IMPLEMENTED)",
        )
    try:
        return (named[1] or named[2]).decode(), value.decode()
    except UnicodeDecodeError as error:
        raise _damaged(f"it is not UTF-8: {error}") from error


def _damaged(why: str) -> Refused:
    return Refused(BAD_ARGUMENTS, f"Code: {BAD_ARGUMENTS}. DB::Exception: The body is no form: {why}. (BAD_ARGUMENTS)")
