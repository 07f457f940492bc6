"""Whether columns and derived tables say what the archived bytes say.

`headwater.ledger` proves the bytes. Here they are archived a second time, into an empty history, by the same migrations
and the same code; every row of every table must then be there as well. Nothing is trusted that the history derived.

deriving.py archives the bodies again; comparing.py compares the two histories; differing.py names what differs.
"""

from headwater.recheck.comparing import Columns, recheck
from headwater.recheck.differing import Difference

__all__ = ["Columns", "Difference", "recheck"]
