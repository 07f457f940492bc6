"""An event's id, derived from what it says: however often and by whichever way it comes, it is the same event."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

import orjson

from headwater.openlineage.parsing import as_text

#: Where nothing and an empty object or list say the same, wherever it stands; and only in the event itself.
_MAY_BE_EMPTY: Final = frozenset({"facets", "inputFacets", "outputFacets"})
_EMPTY_IN_EVENT: Final = _MAY_BE_EMPTY | {"inputs", "outputs"}
#: Parts of an event that are told by themselves, since they are said again and again.
_APART: Final = ("job", "inputs", "outputs")


def event_id(event: Mapping[str, Any], known: Mapping[str, Any], forms: Mapping[str, bytes | Sequence[bytes]]) -> bytes:
    """16 bytes of what the event says, with `known` (time, state, run) in place of their texts.

    `forms`: those of job, inputs and outputs that are known already (`form`, `listed`), whether the event has them or
    not. Raises what `form` does.
    """
    said = {
        name: value
        for name, value in {**event, **known}.items()
        if value is not None and (value or name not in _EMPTY_IN_EVENT)
    }
    told = [(name, said.pop(name, None)) for name in _APART]
    apart = [forms[name] if name in forms else _form(name, value) for name, value in told]
    return digest(form(said), *apart)


def _form(name: str, value: Any) -> bytes | Sequence[bytes] | None:
    if value is None:
        return None
    if name != "job" and isinstance(value, list):
        return listed([form(one) for one in cast("Iterable[Any]", value)])
    return form(value)


def listed(forms: Sequence[bytes]) -> Sequence[bytes]:
    """The form of a list in pieces, given that of its entries."""
    found = [b"["]
    for one in forms:
        found += (one, b",")
    found[-1] = b"]" if forms else b"[]"
    return found


def form(value: Any) -> bytes:
    """One part of an event in one form: keys sorted, without nulls.

    Raises UnicodeEncodeError, TypeError and ValueError as `as_text`.
    """
    try:
        text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        text = b"null"
    # Without a null in it, it says all of the value (`exact_text`).
    return text if is_final(text) else as_text(_plain(value), sort=True)


def told(known: bytes) -> Any:
    """What has that form already, in place of a value within another one."""
    return orjson.Fragment(known)


def is_final(known: bytes) -> bool:
    """Whether a form stays as it is within another one, which is looked through where one of these stands in it."""
    # One byte is looked for much faster than two, and most forms hold no list.
    return b"null" not in known and b"{}" not in known and (b"[" not in known or b"[]" not in known)


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


def digest(*parts: bytes | str | Sequence[bytes] | None) -> bytes:
    """16 bytes: a digest of the parts with their lengths. A part may be there in pieces."""
    hashed = _NOTHING.copy()
    for part in parts:
        raw = b"\xff" if part is None else part.encode("utf-8", "replace") if isinstance(part, str) else part
        some = (raw,) if isinstance(raw, bytes) else raw
        hashed.update(sum(map(len, some)).to_bytes(4, "little"))
        for one in some:
            if len(one) < _AT_ONCE or len(one) > _FOR_LONG:
                hashed.update(one)
            else:
                for start in range(0, len(one), _AT_ONCE):
                    hashed.update(one[start : start + _AT_ONCE])
    return hashed.digest()


_NOTHING: Final = hashlib.blake2b(digest_size=16, person=b"openlineage")
#: For so many bytes and more hashlib lets other threads run, and whoever hashes waits for its turn again, which may
#: take as long as all else that is done for an event. What takes long by itself may be shared.
_AT_ONCE: Final = 2047
_FOR_LONG: Final = 256 * 1024


def writable(value: Any) -> Any:
    """The value with ? for what UTF-8 cannot hold, which is half of a sign."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {writable(name): writable(of) for name, of in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [writable(of) for of in cast("Iterable[Any]", value)]
    return value
