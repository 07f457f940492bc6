"""The history's fixtures, for what of an event stands there."""

from tests.consumers.history.conftest import history, migrated

__all__ = ["history", "migrated"]
