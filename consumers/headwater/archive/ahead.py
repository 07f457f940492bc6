"""Frozen batches on their way to the store: inserted in order on a thread of their own, while the next are packed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from headwater.archive.inserting import Frozen, Refusal, insert
from headwater.audit.store import Client


@dataclass
class Waiting:
    """A batch that is not known to be stored. `lost`: partitions that others read since it was frozen."""

    frozen: Frozen
    under_way: Future[list[Refusal]] | None = None
    lost: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])


class _Behind(Exception):
    """The batch before it failed, so this one was not tried."""


class Ahead:
    """All but `_try` runs on the step's thread; a client is never used by two threads at once.

    Between `begin` and `finish` the client belongs to the inserting thread.
    """

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self._thread = ThreadPoolExecutor(1, "archive-insert")
        self._failed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, batch: Frozen) -> None:
        """Take a batch; nothing is inserted before `begin` or `finish`."""
        self._waiting.append(Waiting(batch))

    def begin(self, client: Client) -> None:
        """Insert what waits without waiting for it."""
        for one in self._waiting:
            if one.under_way is None:
                one.under_way = self._thread.submit(self._try, client, one.frozen)

    def finish(self, client: Client) -> Iterator[tuple[Waiting, list[Refusal]]]:
        """Each batch once it is stored, with the rows that the store refuses.

        Raises Failed where one is not; it and those behind it are kept as they are for the next call.
        """
        wait([one.under_way for one in self._waiting if one.under_way is not None])
        try:
            while self._waiting:
                one = self._waiting[0]
                refusals = insert(client, one.frozen) if one.under_way is None else one.under_way.result()
                self._waiting.popleft()
                yield one, refusals
        finally:
            self._failed = False
            for one in self._waiting:
                one.under_way = None

    def lose(self, partitions: set[tuple[str, int]]) -> None:
        """Others read these partitions now: what is stored of them here is no longer for our ledger."""
        for one in self._waiting:
            one.lost |= partitions

    def _try(self, client: Client, frozen: Frozen) -> list[Refusal]:
        if self._failed:
            raise _Behind
        try:
            return insert(client, frozen)
        except BaseException:
            self._failed = True
            raise
