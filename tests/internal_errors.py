"""Errors that production code logs and survives fail the test in which they happen.

The producer and the workers never let an internal error out into their host; they log it with its traceback
under the logger `headwater` and go on. Here that is raised again, so that no test passes over it.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Generator

import pytest


class _Collector(logging.Handler):
    """Keeps the exceptions that are logged as errors."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self.found.append(record.exc_info[1])


@contextlib.contextmanager
def raised_again(*, expected: bool = False) -> Generator[list[BaseException]]:
    """Collect what is swallowed in the block; raise it at the block's end, unless it was expected."""
    collector = _Collector()
    logger = logging.getLogger("headwater")
    logger.addHandler(collector)
    try:
        yield collector.found
    finally:
        logger.removeHandler(collector)
    if collector.found and not expected:
        errors = [error if isinstance(error, Exception) else RuntimeError(repr(error)) for error in collector.found]
        raise ExceptionGroup("errors that our code swallowed", errors)


@pytest.fixture
def internal_errors(_internal_errors_come_up: list[BaseException]) -> list[BaseException]:
    """The errors that code of ours swallowed in this test; a test that asks for them expects them."""
    return _internal_errors_come_up


@pytest.fixture(autouse=True)
def _internal_errors_come_up(request: pytest.FixtureRequest) -> Generator[list[BaseException]]:
    with raised_again(expected="internal_errors" in request.fixturenames) as found:
        yield found
