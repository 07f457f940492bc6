"""The disk spool: where events wait while the broker is away, and after their process has died.

A folder holds *lives*, one for each process that spooled and is not done: a lock file that its process holds locked,
and *segments*, files of one topic's events in *blocks*. A life whose lock nobody holds is taken over by the next.
"""

from headwater.producer._spool.spool import Mark, Read, Spool

__all__ = ["Mark", "Read", "Spool"]
