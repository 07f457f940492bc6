"""JSON taken apart only as deep as it is looked at: objects whose fields are still text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
import orjson

#: An object: JSON text by field. Of a name that is there twice the last one counts, as where all is parsed. What stands
#: within a text is JSON in its form, but may hold what is no UTF-8, or half of a sign.
Taken = Mapping[str, msgspec.Raw]

_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_objects: Final = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


def an_object(text: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """An object. Raises msgspec.MsgspecError, and UnicodeDecodeError for a name that is no UTF-8."""
    return _object.decode(text)


def objects(text: bytes | msgspec.Raw) -> list[dict[str, msgspec.Raw]]:
    """A list of objects. Raises as `an_object`."""
    return _objects.decode(text)


def joined(taken: Mapping[str, msgspec.Raw | bytes]) -> bytes:
    """The JSON text of an object, without what stands between its fields."""
    return b"{%b}" % b",".join([b"%b:%b" % (orjson.dumps(name), text) for name, text in taken.items()])


def plain_text(text: bytes) -> str:
    """A JSON string that holds no escapes. Raises ValueError for others."""
    if text[:1] != b'"' or b"\\" in text:
        raise ValueError("not a plain text")
    return text[1:-1].decode()
