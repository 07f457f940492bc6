"""Events damaged at random, fast enough for a million: values and bytes of real ones, and none of Hypothesis's care."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator, Sequence, Sized
from typing import Any, cast

from tests.consumers.openlineage.samples import Event

_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**63, 2**64, 10**40, 1.5, -0.0, 1e308, float("nan"), float("inf"), "", " ", "NaN",
    "null", "\x00", "\u2028", "\ud800", "9" * 400, "2020-02-30T00:00:00Z", "9999-12-31T23:59:59Z",
    "RunEvent", "x" * 70_000,
    "postgres://u:pw@h/d", [], {}, [[]], [{}], [None], {"": None}, {"_deleted": True},
)  # fmt: skip


def events(originals: Sequence[Event], chance: random.Random) -> Iterator[Event]:
    """Events with up to three values removed, replaced, exchanged with others, or added; without end."""
    places = [list(_places(one, ())) for one in originals]
    while True:
        which = chance.randrange(len(originals))
        event = copy.deepcopy(originals[which])
        for _ in range(chance.randint(1, 3)):
            _damage(event, chance.choice(places[which]), chance)
        yield event


def bodies(originals: Sequence[Event], chance: random.Random) -> Iterator[bytes]:
    """The same as JSON; of every fourth the text itself is damaged: bytes changed, cut out, doubled."""
    for number, event in enumerate(events(originals, chance)):
        text = json.dumps(event, ensure_ascii=number % 3 == 0).encode("utf-8", "surrogatepass")
        if number % 4 == 0:
            start = chance.randrange(len(text))
            end = min(len(text), start + chance.choice((1, 1, 1, 2, 8, 64)))
            instead = chance.choice((b"", chance.randbytes(end - start), 2 * text[start:end], b'"', b"{", b"]", b"0"))
            text = text[:start] + instead + text[end:]
        yield text


def _places(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    keys: Any = ()
    if isinstance(value, dict):
        keys = list(cast("dict[str, Any]", value))
    elif isinstance(value, list):
        keys = range(len(cast("Sized", value)))
    for key in keys:
        yield (*path, key)
        yield from _places(value[key], (*path, key))


def _damage(event: Any, path: tuple[Any, ...], chance: random.Random) -> None:
    holder: Any = event
    try:
        for key in path[:-1]:
            holder = holder[key]
        what = chance.randrange(4)
        if not isinstance(holder, dict | list):
            return
        if what == 0:
            del holder[path[-1]]
        elif what == 1:
            holder[path[-1]] = copy.deepcopy(chance.choice(_VALUES))
        elif what == 2:
            other = chance.choice([*event])
            holder[path[-1]] = copy.deepcopy(event[other])
        elif isinstance(holder, dict):
            holder[chance.choice(("facets", "name", "_deleted", "extra", "\ud800", ""))] = copy.deepcopy(
                chance.choice(_VALUES)
            )
        else:
            cast("list[Any]", cast("object", holder)).append(copy.deepcopy(chance.choice(_VALUES)))
    except (KeyError, IndexError, TypeError):
        return  # an earlier damage took the place away
