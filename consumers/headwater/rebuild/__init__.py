"""Deriving all edges again from the archived events, so that a corrected rule applies to the past."""

from headwater.rebuild.differences import Difference
from headwater.rebuild.rebuild import Outcome, abandon, rebuild

__all__ = ["Difference", "Outcome", "abandon", "rebuild"]
