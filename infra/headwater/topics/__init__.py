"""Topics on a broker: created as the contract declares them, and checked, never changed or deleted."""

from headwater.topics.layout import Difference, check, create

__all__ = ["Difference", "check", "create"]
