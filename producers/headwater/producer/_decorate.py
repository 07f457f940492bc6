"""A run around each call of a function, of whatever kind the function is."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import AbstractContextManager
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")


def decorated(function: Callable[P, R], again: Callable[[], AbstractContextManager[Any]]) -> Callable[P, R]:
    """The function, each call within a new `again()`; generators from their first step to their end."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def coroutine(*args: P.args, **kwargs: P.kwargs) -> Any:
            with again():
                return await function(*args, **kwargs)

        return cast("Callable[P, R]", coroutine)
    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def async_generator(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[Any]:
            with again():
                async for value in function(*args, **kwargs):
                    yield value

        return cast("Callable[P, R]", async_generator)
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generator(*args: P.args, **kwargs: P.kwargs) -> Generator[Any, Any, Any]:
            with again():
                steps: Generator[Any, Any, Any] = cast("Any", function)(*args, **kwargs)
                return (yield from steps)

        return cast("Callable[P, R]", generator)

    @functools.wraps(function)
    def plain(*args: P.args, **kwargs: P.kwargs) -> R:
        with again():
            return function(*args, **kwargs)

    return plain
