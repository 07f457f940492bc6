"""Predictions and persons by their plain names: what stands in the history of them may be a keyed digest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from headwater.schemas import digests

A = TypeVar("A")

#: Parameters of questions that may name a person, and what their digests are of.
PERSONAL = {"key": digests.PREDICTION_KEY, "subject": digests.SUBJECT}
_DIGEST = re.compile(f"[0-9a-f]{{{2 * digests.DIGEST_BYTES}}}")


def forms(name: str, value: str, digest_key: str) -> list[str]:
    """What to look for, one after another, where `value` is given for the parameter `name`.

    A key may stand in the history as it is, a subject never does: its plain name does not go to the store, whose log
    would keep it.
    """
    if not digest_key or name not in PERSONAL:
        return [value]
    token = digests.digest(digest_key, PERSONAL[name], value).hex()
    return [token, value] if name == "key" or _DIGEST.fullmatch(value) else [token]


def first_with(answers: Iterable[A], found: Callable[[A], bool]) -> A:
    """The first answer in which something was found, else the last; the others are not asked for."""
    last: A | None = None
    for last in answers:
        if found(last):
            break
    assert last is not None  # noqa: S101 — there is always one form to look for
    return last
