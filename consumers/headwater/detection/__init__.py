"""Watches profiles and runs as they pass, and tells what changed, since when, which step made it, whom it reaches.

`steps` holds the three processors: uses, checks, incidents. `policy` holds every threshold and its source.
"""

from headwater.detection.policy import Policy

__all__ = ["Policy"]
