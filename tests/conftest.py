"""What all tests share: backends, seeds, Hypothesis profiles, an environment without the developer's settings."""

from __future__ import annotations

import os
import random

import hypothesis
import pytest

pytest_plugins = ["tests.backends.fixtures", "tests.internal_errors", "tests.scheduling"]

#: HEADWATER_ variables that steer the tests themselves; all others would be settings of the product.
STEERING = ("HEADWATER_SEED", "HEADWATER_TEST_CACHE", "HEADWATER_TEST_BACKENDS")

# Deadlines measure the machine; a failure prints how to run it again.
hypothesis.settings.register_profile("developer", deadline=None, print_blob=True)
hypothesis.settings.register_profile(
    "ci", deadline=None, print_blob=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)


def _seed_of_the_session() -> int:
    named = os.environ.get("HEADWATER_SEED")
    if named is None:
        return random.SystemRandom().getrandbits(32)
    if not named.isdigit():
        raise pytest.UsageError(f"HEADWATER_SEED: {named!r} is not a whole number")
    return int(named)


SEED = _seed_of_the_session()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "developer")
    if config.option.randomly_seed == "default":
        config.option.randomly_seed = SEED  # the order, and `random` in each test
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = SEED


def pytest_report_header() -> str:
    return f"to repeat this session's order and random choices: HEADWATER_SEED={SEED}"


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Where a test's random choices start: HEADWATER_SEED, else drawn; shown where the test fails, or with -s."""
    print(f"{request.node.name}: HEADWATER_SEED={SEED}")  # noqa: T201 — pytest shows it with a failure
    return SEED


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    # Spools of producers that tests leave without a broker; made only where one is written.
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state"))
    for variable in list(os.environ):
        if variable.startswith("HEADWATER_") and variable not in STEERING:
            monkeypatch.delenv(variable)
