"""An event's id, derived from what it says: however often and by whichever way it comes, it is the same event."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

#: Where nothing and an empty object or list say the same, wherever it stands; and only in the event itself.
_MAY_BE_EMPTY: Final = frozenset({"facets", "inputFacets", "outputFacets"})
_EMPTY_IN_EVENT: Final = frozenset({"inputs", "outputs"})


def canonical(event: Mapping[str, Any], known: Mapping[str, Any]) -> bytes:
    """The event in one form: keys sorted, without nulls, and with `known` (time, state, run) in place of their texts.

    Raises UnicodeEncodeError for text that UTF-8 cannot hold, TypeError and ValueError for what JSON cannot.
    """
    said = {
        name: _plain(value)
        for name, value in event.items()
        if value is not None and not (name in _EMPTY_IN_EVENT | _MAY_BE_EMPTY and not value)
    }
    return json.dumps({**said, **known}, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    # Most of what an event holds are texts and numbers: these are left without a call.
    if isinstance(value, list):
        return [_plain(of) if type(of) is dict or type(of) is list else of for of in cast("Iterable[Any]", value)]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for name, of in cast("dict[str, Any]", value).items():
        if type(of) is dict or type(of) is list:
            if of or name not in _MAY_BE_EMPTY:
                found[name] = _plain(of)
        elif of is not None:
            found[name] = of
    return found


def digest(*parts: bytes | str | None) -> bytes:
    """16 bytes: a digest of the parts with their lengths."""
    hasher = hashlib.blake2b(digest_size=16, person=b"openlineage")
    for part in parts:
        raw = b"\xff" if part is None else part.encode("utf-8", "replace") if isinstance(part, str) else part
        hasher.update(len(raw).to_bytes(4, "little"))
        hasher.update(raw)
    return hasher.digest()


def writable(value: Any) -> Any:
    """The value with ? for what UTF-8 cannot hold, which is half of a sign."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {writable(name): writable(of) for name, of in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [writable(of) for of in cast("Iterable[Any]", value)]
    return value
