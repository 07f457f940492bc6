"""The spool as the sending thread uses it: append what cannot be sent, read the oldest first, confirm, take over."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from headwater.producer._outbox import Message
from headwater.producer._spool import blocks, files
from headwater.producer._spool.life import Life, names
from headwater.producer._spool.segment import Meta, Segment
from headwater.schemas import records, topics
from headwater.settings import Settings

_log: Final = logging.getLogger("headwater.producer")
_SEGMENT_BYTES: Final = 16 * 1024 * 1024
#: After a disk that refused, or a spool that was full: when it is tried again, seconds.
_RETRY_SECONDS: Final = 5.0
#: So many lives are taken over at once, for each holds a file open.
_AT_ONCE: Final = 8
#: What the system says where there is no room.
_FULL: Final = frozenset(getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name))
#: So many damaged files are kept.
_KEPT_CORRUPT: Final = 8


class Mark(NamedTuple):
    """How far something read or appended reaches."""

    life: Life
    segment: Segment
    place: int


class Read(NamedTuple):
    """Events from the spool, their bytes. `schema`: the text of the one that wrote them; `own`: of this process."""

    messages: list[Message]
    bytes: int
    schema: str
    mark: Mark
    own: bool


class Appended(NamedTuple):
    """How many events the spool took, their bytes, and how far they reach."""

    events: int
    bytes: int
    mark: Mark | None


class Spool:
    """Used by one thread. Nothing raises: what the disk refuses is told by `error`, once in the log.

    `lose(reason, count, own)` counts what is lost, of this process (own) or of those whose spool it took over.
    """

    def __init__(self, settings: Settings, lose: Callable[[str, int, bool], None]) -> None:
        self._settings = settings
        self._lose = lose
        self._segment_bytes = max(blocks.BLOCK_BYTES, min(_SEGMENT_BYTES, settings.spool_bytes // 8))
        # As much as possible is written at once: a host at full speed gives the interpreter back late after each call.
        self._write_bytes = settings.queue_bytes // 8
        self._own: Life | None = None
        self._taken_over: list[Life] = []
        self._others = 0
        self._retry_at = 0.0
        self._synced_at = 0.0
        self._warned = False
        self._folder: Path | None = None
        #: Why nothing can be spooled; empty where it can.
        self.error = ""
        #: Whether the bound is reached, or the disk is full.
        self.full = False
        #: Whether more waits to be taken over than is taken over at once.
        self.more = False
        if settings.spool_bytes:
            try:
                self._folder = Path(settings.spool_dir) if settings.spool_dir else files.default_folder()
            except RuntimeError as error:
                self._refused(str(error))

    @property
    def usable(self) -> bool:
        """Whether it makes sense to append now."""
        return self._folder is not None and time.monotonic() >= self._retry_at

    @property
    def size(self) -> int:
        """Bytes that wait on the disk to be sent by this process, its own and what it took over."""
        return sum(segment.unconfirmed for life in self._lives() for segment in life.segments())

    def _lives(self) -> list[Life]:
        return [*self._taken_over, self._own] if self._own else [*self._taken_over]

    # Writing.

    def append(self, topic: str, messages: Sequence[Message]) -> Appended:
        """Put events behind all others of their topic."""
        taken = 0
        mark: Mark | None = None
        events = blocks.Columns(messages)
        while taken < len(messages) and self.usable:
            try:
                reached = self._append(topic, events, taken)
            except OSError as error:
                self._refused(error.strerror or str(error), full=error.errno in _FULL)
                break
            if reached is None:
                self.full = True
                self._retry_at = time.monotonic() + _RETRY_SECONDS
                break
            taken, mark = reached
        if taken == len(messages) and taken:
            self.full, self.error = False, ""
        return Appended(taken, events.size(taken), mark)

    def _append(self, topic: str, events: blocks.Columns, start: int) -> tuple[int, Mark] | None:
        """Where it stopped, and the place there; None where there is no room. Raises OSError."""
        folder = self._folder
        if folder is None:
            return None
        life = self._own or self._begin(folder)
        lane = life.lanes.get(topic)
        segment = lane[-1] if lane else None
        if segment is None or segment.finished or segment.end >= self._segment_bytes:
            self._look(folder)
            segment = None
        meta = self._meta(topic)
        ours = sum(segment.end for life in self._lives() for segment in life.segments())
        room = self._settings.spool_bytes - self._others - ours - (0 if segment else meta.size)
        left = self._segment_bytes - (segment.end if segment else 0)
        stop = events.fitting(start, min(self._write_bytes, left, room))
        while 0 < room < (needed := events.needed(start, stop)) and stop > start + 1:
            stop = start + max(1, (stop - start) * room // needed)
        if needed > room:
            return None
        segment = segment or life.new_segment(meta)
        segment.append(events, start, stop)
        return stop, Mark(life, segment, segment.end)

    def _meta(self, topic: str) -> Meta:
        schema = records.current(topics.TOPICS[topic].record or "").text
        return Meta(topic, self._settings.prefix, self._settings.brokers, schema)

    def _begin(self, folder: Path) -> Life:
        files.make_folder(folder)
        self._own = Life.begin(folder)
        return self._own

    def _look(self, folder: Path) -> None:
        """See what others take of the room. Raises OSError."""
        ours = {segment.path.name for life in self._lives() for segment in life.segments()}
        self._others = sum(
            files.size(path)
            for path in folder.iterdir()
            if path.name not in ours and path.suffix in {".spool", ".corrupt"}
        )

    def _refused(self, why: str, *, full: bool = False) -> None:
        self.full = full
        self.error = f"spool {self._folder}: {why}"
        self._retry_at = time.monotonic() + _RETRY_SECONDS
        if not self._warned:
            self._warned = True
            _log.warning("%s; events wait in memory", self.error)

    def try_again(self) -> None:
        """Ask the disk at once, though it refused."""
        self._retry_at = 0.0

    def sync(self) -> None:
        """Force what was appended to the disk, every `spool_sync_seconds`."""
        now = time.monotonic()
        if self._own is not None and now - self._synced_at >= self._settings.spool_sync_seconds:
            self._synced_at = now
            try:
                for segment in self._own.segments():
                    segment.sync()
            except OSError as error:
                self._refused(error.strerror or str(error))

    # Reading.

    def topics(self) -> set[str]:
        """Topics of which something waits here to be read."""
        return {segment.meta.topic for life in self._lives() for segment in life.segments() if segment.unread}

    def unread(self, topic: str) -> bool:
        """Whether events of the topic wait here to be read."""
        return any(segment.unread for life in self._lives() for segment in life.lanes.get(topic, ()))

    def read(self, topic: str, limit: int) -> Read | None:
        """The topic's oldest events that were not read, about `limit` bytes of them."""
        for life in self._lives():
            for segment in list(life.lanes.get(topic, ())):
                while segment.unread:
                    start = segment.place
                    messages, lost = self._read(segment, limit)
                    if lost:
                        self._lose("spool_damaged", lost, life.own)
                        _log.warning("%s is damaged: %d events of it, or more, are lost", segment.path, lost)
                    mark = Mark(life, segment, segment.place)
                    if messages:
                        return Read(messages, segment.place - start, segment.meta.schema, mark, life.own)
                if segment.finished:  # what was read before is confirmed, the rest is damaged
                    self.confirm(Mark(life, segment, segment.end))
        return None

    def _read(self, segment: Segment, limit: int) -> tuple[list[Message], int]:
        try:
            return segment.read(limit)
        except OSError as error:
            self._refused(error.strerror or str(error))
            return [], segment.give_up()

    def confirm(self, mark: Mark) -> None:
        """Everything up to there has been sent, or given up."""
        life, last, place = mark
        try:
            for segment in life.up_to(last):
                segment.confirm(place if segment is last else segment.end)
                if segment.done:
                    life.remove(segment)
                    self._retry_at = 0.0
            if life is not self._own and not life.lanes:
                self._taken_over.remove(life)
                life.end()
        except OSError as error:
            self._refused(error.strerror or str(error))

    @staticmethod
    def passed(mark: Mark) -> None:
        """The caller holds what was appended up to there, and will not read it."""
        for segment in mark.life.up_to(mark.segment):
            segment.skip_to_end()

    # Lives.

    def take_over(self) -> None:
        """Look for what processes left that have died, and take it over."""
        self.more = False
        if self._folder is None:
            return
        try:
            for name in names(self._folder):
                if len(self._taken_over) >= _AT_ONCE:
                    self.more = True
                    break
                if all(life.name != name for life in self._lives()):
                    self._take_over(self._folder, name)
            self._forget_corrupt(self._folder)
        except FileNotFoundError:
            return
        except OSError as error:
            self._refused(error.strerror or str(error))

    def _take_over(self, folder: Path, name: str) -> None:
        try:
            life = Life.take_over(folder, name)
        except OSError as error:  # this one cannot be had; the next one may
            self.error = f"spool {folder}: {name}: {error.strerror or error}"
            return
        if life is None:
            return
        metas = [segment.meta for segment in life.segments()]
        if life.unreadable:
            self._lose("spool_damaged", life.unreadable, False)
            _log.warning("%d files of the spool %s cannot be read", life.unreadable, folder)
        if not metas or not all(self._is_ours(meta) for meta in metas):
            life.end()
        else:
            self._taken_over.append(life)

    def _is_ours(self, meta: Meta) -> bool:
        brokers = [{one.strip() for one in given.split(",")} for given in (meta.brokers, self._settings.brokers)]
        return meta.prefix == self._settings.prefix and bool(brokers[0] & brokers[1])

    def _forget_corrupt(self, folder: Path) -> None:
        kept = sorted(folder.glob("*.corrupt"))
        for path in kept[:-_KEPT_CORRUPT]:
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Leave what is left to the next process."""
        for life in self._lives():
            life.end()
        self._own, self._taken_over = None, []

    def forget(self) -> None:
        """In the child of a fork: all this is the parent's."""
        for life in self._lives():
            life.forget()
        self._own, self._taken_over = None, []
