"""Workers for the tests here that need real ones."""

from __future__ import annotations

from tests.consumers.crashes.conftest import make_line, nursery

__all__ = ["make_line", "nursery"]
