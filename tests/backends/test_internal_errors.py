"""Errors that our code swallows come up in tests."""

from __future__ import annotations

import logging

import pytest

from tests.internal_errors import raised_again

_logger = logging.getLogger("headwater.some.part")


def _swallow(error: Exception) -> None:
    try:
        raise error
    except type(error):
        _logger.exception("survived")


def test_a_test_that_expects_them_gets_them(internal_errors: list[BaseException]) -> None:
    """A test that asks for the swallowed errors has them, and does not fail."""
    _swallow(ValueError("inner"))
    assert [str(error) for error in internal_errors] == ["inner"]


def test_others_fail(internal_errors: list[BaseException]) -> None:
    """What is around every test raises what was swallowed."""
    with pytest.raises(ExceptionGroup, match="swallowed"), raised_again():
        _swallow(ValueError("inner"))
    assert len(internal_errors) == 1
