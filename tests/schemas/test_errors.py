"""The errors raised on purpose: one tree, an exit code each, and facts in them."""

from __future__ import annotations

import inspect
from pathlib import Path

from headwater import errors
from headwater.errors import ContractError, HeadwaterError, InvalidMessage, MissingExtra
from headwater.schemas.reasons import REASONS

ALL = {
    name: one
    for name, one in vars(errors).items()
    if inspect.isclass(one) and issubclass(one, HeadwaterError) and one is not HeadwaterError
}


def test_exit_codes_tell_the_errors_apart() -> None:
    """Each kind of error has an exit code of its own, from 2 on; an invalid message is a contract's error."""
    codes = {name: one.exit_code for name, one in ALL.items() if one is not InvalidMessage}
    assert len(set(codes.values())) == len(codes)
    assert HeadwaterError.exit_code == 1
    assert min(codes.values()) == 2
    assert InvalidMessage.exit_code == ContractError.exit_code


def test_the_tree_is_drawn() -> None:
    """The module's head draws every error there is."""
    drawn = errors.__doc__ or ""
    assert all(f" {name} " in drawn for name in ALL)


def test_a_missing_extra_says_what_to_type() -> None:
    """The command that installs it, from the clone, with the pinned versions."""
    error = MissingExtra("consumers", "numba")
    assert "pip install -c infra/constraints.txt '.[consumers]'" in str(error)
    assert "numba" in str(error)
    pyproject = (Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8")
    assert "\nconsumers = [" in pyproject


def test_an_invalid_message_carries_its_reason() -> None:
    """The dead letter's reason and what exactly stand apart, and together in the text."""
    error = InvalidMessage("truncated", "ends at byte 7")
    assert (error.reason, error.detail, str(error)) == ("truncated", "ends at byte 7", "truncated: ends at byte 7")


def test_reasons_are_words_with_a_sentence() -> None:
    """Each reason is a word that can stand in a topic, a metric and a query, and says what it means."""
    for reason, doc in REASONS.items():
        assert reason.replace("_", "").isalpha()
        assert reason == reason.lower()
        assert doc.endswith(".")
