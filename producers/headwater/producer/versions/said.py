"""What a version's finder gives, and how it fails."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Concatenate, Final, ParamSpec, TypedDict, TypeVar

P = ParamSpec("P")
Given = TypeVar("Given")

_log: Final = logging.getLogger("headwater.producer")


class Said(TypedDict, total=False):
    """Fields of `Dataset.at`; none where there is no version to tell.

    `version_origin` is store (the store's own word) or digest (of the content), `bytes` the size where it is known.
    """

    version: str
    version_origin: str
    bytes: int


class NoVersion(Exception):
    """There is none to tell; one line that says why."""


def stored_as(version: object) -> Said:
    """The store's own version."""
    return {"version": str(version), "version_origin": "store"}


def digested(algorithm: str, digest: str, size: int) -> Said:
    """A digest of the content."""
    return {"version": f"{algorithm}:{digest}", "version_origin": "digest", "bytes": size}


def quiet(
    find: Callable[Concatenate[Given, P], Said],
) -> Callable[Concatenate[Given, P], Said]:
    """Let nothing out into the host: what fails is logged, and nothing is said."""

    @functools.wraps(find)
    def found(given: Given, /, *args: P.args, **kwargs: P.kwargs) -> Said:
        try:
            return find(given, *args, **kwargs)
        except NoVersion as reason:
            _log.warning("no version of %s: %s", type(given).__name__, reason)
        except Exception as error:  # a host's object may raise anything
            _log.warning("no version of %s: %s", type(given).__name__, type(error).__name__, exc_info=error)
        return {}

    return found
