"""An object of an event, taken apart field by field: what has the wrong type is named, what is left is known."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, cast

from headwater.openlineage.parsing import exact_text
from headwater.schemas import times
from headwater.secrets import looks_secret, without_credentials, without_secrets, without_user

#: Largest text of one facet, parameter or code; a longer one is replaced by its length and digest, as producers do.
LARGEST_TEXT: Final = 64 * 1024

#: A UUID, but not the nil one.
_UUID: Final = re.compile(r"(?![0-]+$)[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}")
#: Java writes the zone's name behind its offset.
_ZONE_NAME: Final = re.compile(r"\[[^\]]*\]$")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:?\d\d.*")
#: What every facet has, and what says nothing.
_OF_EVERY_FACET: Final = frozenset({"_producer", "_schemaURL"})
#: Names of columns that hold keys, as data facets are full of; looks_secret is made for a service's own variables.
_DATA_KEY: Final = re.compile(
    r"(?i)(?!.*(?:api|access|private|encryption|signing|account|secret|auth|token|passw)).*key"
)
#: One of these stands in every name or text that `harmless` changes; most facets hold none and are not looked through.
_HINTS: Final = (
    "pass pw secret token credential key auth bearer basic cookie session dsn conn sas signature salt pin otp @ "
    "akia asia ghp_ gho_ ghu_ ghs_ ghr_ xox sk- eyj nan infinity"
)
_MAY_BE_SECRET: Final = tuple(_HINTS.split())
#: Longest text that is worth remembering.
_OFTEN: Final = 2048


_exactly: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Misshapen(Exception):
    """Something has not the type that the specification gives it. `path`: where, as in inputs[0].namespace."""

    def __init__(self, path: str, wanted: str, value: object) -> None:
        super().__init__(f"{path} must be {wanted}, it is {_kind(value)}")


def _kind(value: object) -> str:
    match value:
        case None:
            return "missing"
        case dict():
            return "an object"
        case list():
            return "a list"
        case str():
            return "an empty text" if not value else f"the text {value[:40]!r}"
        case _:
            return f"{value!r:.40}"


class Fields:
    """An object whose fields are taken one by one; what is null is not there."""

    __slots__ = ("_children", "left", "path")

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise Misshapen(path, "an object", value)
        self.path = path
        self.left = {name: of for name, of in cast("dict[str, Any]", value).items() if of is not None}
        self._children: list[Fields] = []

    def take(self, name: str) -> Any:
        """Whatever it is; None where there is none."""
        return self.left.pop(name, None)

    def text(self, name: str) -> str | None:
        """A text."""
        value = self.left.pop(name, None)
        if value is None or type(value) is str:
            return value
        raise self._wrong(name, "a text", value)

    def word(self, name: str) -> str | None:
        """A text, or a number or boolean that a sloppy producer did not quote."""
        value = self.left.pop(name, None)
        if value is None or type(value) is str:
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return text_of(value)
        raise self._wrong(name, "a text", value)

    def name(self, name: str) -> str:
        """A text that names something: there, and not empty."""
        value = self.left.pop(name, None)
        if type(value) is str and value:
            return value
        raise self._wrong(name, "a text that is not empty", value)

    def whole(self, name: str) -> int | None:
        """A whole number that a long holds, not negative; also as 3.0 or "3"."""
        value = self.left.pop(name, None)
        if value is None:
            return None
        found = number(value)
        if found is None or not 0 <= found < 2**63 or found != int(found):
            raise self._wrong(name, "a whole number", value)
        # Beyond 2^53 only the number itself is exact.
        return value if type(value) is int else int(found)

    def boolean(self, name: str) -> bool | None:
        """A boolean."""
        value = self.left.pop(name, None)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            return value.lower() == "true"
        raise self._wrong(name, "true or false", value)

    def time(self, name: str) -> int | None:
        """A time, µs since 1970 UTC."""
        value = self.left.pop(name, None)
        if value is None:
            return None
        found = micros(value) if isinstance(value, str) else None
        if found is None:
            raise self._wrong(name, "a time as ISO 8601 has it", value)
        return found

    def inner(self, name: str) -> Fields | None:
        """An object."""
        value = self.left.pop(name, None)
        return None if value is None else self._child(value, f"{self.path}.{name}")

    def objects(self, name: str) -> list[Fields]:
        """A list of objects; nulls in it say nothing."""
        value = self.left.pop(name, None)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(name, "a list", value)
        items = cast("list[object]", value)
        return [self._child(one, f"{self.path}.{name}[{i}]") for i, one in enumerate(items) if one is not None]

    def named(self, name: str) -> list[tuple[str, Fields]]:
        """An object of objects, by name."""
        value = self.left.pop(name, None)
        if value is None:
            return []
        if not isinstance(value, dict):
            raise self._wrong(name, "an object", value)
        entries = cast("dict[str, object]", value).items()
        return [(key, self._child(one, f"{self.path}.{name}.{key}")) for key, one in entries if one is not None]

    def exhausted(self) -> bool:
        """Whether all that it says was taken, at any depth; an empty object or list says nothing."""
        left = any(of not in ({}, []) for name, of in self.left.items() if name not in _OF_EVERY_FACET)
        return not left and all(child.exhausted() for child in self._children)

    def _child(self, value: object, path: str) -> Fields:
        child = Fields(value, path.removeprefix("."))
        self._children.append(child)
        return child

    def _wrong(self, name: str, wanted: str, value: object) -> Misshapen:
        return Misshapen(f"{self.path}.{name}".removeprefix("."), wanted, value)


def number(value: object) -> float | None:
    """A finite number, also as text; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def micros(text: str) -> int | None:
    """µs since 1970 UTC of an ISO 8601 time: without a zone UTC, what is finer than µs cut; None where it is none."""
    if not _TIME.fullmatch(text):
        return None
    try:
        bare = _ZONE_NAME.sub("", text) if text[-1] == "]" else text
        return times.micros(datetime.fromisoformat(bare.upper()))
    except (ValueError, OverflowError):
        return None


def run_id_of(text: str) -> bytes:
    """A run's id: the UUID, or of another text a digest, the same for whoever names that run.

    The nil UUID counts as such a text: no run may have its bytes (`headwater.schemas.nil`).
    """
    text = text.strip()
    if is_uuid(text):
        return bytes.fromhex(text.replace("-", ""))
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16, person=b"openlineage-run").digest()


def is_uuid(text: str) -> bool:
    """Whether a run's id is kept as it came."""
    return _UUID.fullmatch(text.strip()) is not None


@lru_cache(maxsize=4096)
def namespace_of(text: str) -> str:
    """A namespace as our own producers name it: without credentials, so that both name one dataset alike."""
    return without_credentials(text) or text


@lru_cache(maxsize=4096)
def name_of(text: str) -> str:
    """A name as our own producers name it."""
    return without_user(text)


def harmless(value: Any) -> Any:
    """The value without secrets: texts by their form, what stands under a secret's name replaced by …"""
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value).items()
        return {name: "…" if is_secret(name, one) else harmless(one) for name, one in entries}
    if isinstance(value, list):
        return [harmless(one) for one in cast("Iterable[Any]", value)]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def is_secret(name: str, value: object) -> bool:
    """Whether what stands under this name is nobody's business."""
    return isinstance(value, str) and value != "" and looks_secret(name) and not _DATA_KEY.fullmatch(name)


def text_of(value: Any) -> str:
    """A value as JSON text, without secrets; one that is too long as its length and digest."""
    return without_secrets_in(exact_text(value), value)


def without_secrets_in(text: bytes | None, value: Any) -> str:
    """The same of a value whose JSON is known, where orjson has one (`exact_text`)."""
    if text is not None and len(text) <= _OFTEN:
        return _known_text(text)
    return shortened(_without_secrets(_exactly(value) if text is None else text.decode(), value))


@lru_cache(maxsize=8192)
def _known_text(text: bytes) -> str:
    """The same, of texts that come again and again."""
    return _without_secrets(text.decode(), None)


def _without_secrets(text: str, value: Any) -> str:
    lower = text.lower()
    for hint in _MAY_BE_SECRET:
        if hint in lower:
            break
    else:
        return text
    without = harmless(json.loads(text) if value is None else value)
    exact = exact_text(without)
    return _exactly(without) if exact is None else exact.decode()


def shortened(text: str) -> str:
    """The text, or where it is too long a JSON object with its length and digest."""
    if len(text) <= LARGEST_TEXT // 4 or len(encoded := text.encode("utf-8", "replace")) <= LARGEST_TEXT:
        return text
    return json.dumps({"cut": len(encoded), "digest": "sha256:" + hashlib.sha256(encoded).hexdigest()})


def cut(text: str, limit: int) -> str:
    """Beginning and end of a text of more than `limit` bytes."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return text
    half = limit // 2 - 8
    return encoded[:half].decode("utf-8", "ignore") + " […] " + encoded[-half:].decode("utf-8", "ignore")
