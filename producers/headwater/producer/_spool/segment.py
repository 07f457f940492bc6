"""A segment: one file of one topic's events, appended to by one process, read and removed by it or by its heir.

"HWSPOOL1"; how far the broker has confirmed, with its CRC-32; length and CRC-32 of what follows:
topic, prefix, brokers and the schema of its events as JSON; then blocks
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from zlib import crc32

from headwater.producer._outbox import Message
from headwater.producer._spool import blocks, files

_MAGIC: Final = b"HWSPOOL1"
_CURSOR: Final = struct.Struct("<QI")
_META: Final = struct.Struct("<II")
_META_AT: Final = len(_MAGIC) + _CURSOR.size
_HEAD: Final = _META_AT + _META.size
_MAX_META: Final = 4 * 1024 * 1024


@dataclass(frozen=True)
class Meta:
    """What a segment's events are, and for whom. `schema`: the text of the schema that wrote them."""

    topic: str
    prefix: str
    brokers: str
    schema: str

    @property
    def size(self) -> int:
        """About what it takes at the beginning of a segment, bytes."""
        return len(self.schema) * 5 // 4 + 1024


class Unreadable(Exception):
    """A file that does not begin as a segment does. `torn`: it ends before it began to hold events."""

    def __init__(self, *, torn: bool) -> None:
        super().__init__()
        self.torn = torn


class Segment:
    """One segment. Its file is open while it is written or read."""

    def __init__(self, path: Path, file: int, meta: Meta, data: int, end: int) -> None:
        self.path = path
        self.meta = meta
        self._file: int | None = file
        #: Where the file stands, if that is known.
        self._place: int | None = None
        #: Where the next block is read, what the broker has confirmed, where the next block is written.
        self._next = self._confirmed = data
        self.end = end
        self._number = 0  # of the next event that is written
        self._expected = 0  # of the next event that is read
        #: Nothing is appended any more.
        self.finished = False
        self.damaged = False
        self._unsynced = False
        self._named = False

    @staticmethod
    def create(path: Path, meta: Meta) -> Segment:
        """A new one. Raises OSError."""
        text = json.dumps(asdict(meta)).encode()
        head = b"".join((_MAGIC, bytes(_CURSOR.size), _META.pack(len(text), crc32(text)), text))
        file = files.create(path)
        try:
            files.write_all(file, head)
        except OSError:
            files.close(file)
            with contextlib.suppress(OSError):
                path.unlink()
            raise
        return Segment(path, file, meta, len(head), len(head))

    @staticmethod
    def open(path: Path) -> Segment:
        """One that another process left. Raises Unreadable, OSError."""
        file = files.reopen(path)
        try:
            meta, data = _read_meta(file)
            segment = Segment(path, file, meta, data, os.fstat(file).st_size)
            os.lseek(file, len(_MAGIC), os.SEEK_SET)
            confirmed, checksum = _CURSOR.unpack(os.read(file, _CURSOR.size))
        except (Unreadable, OSError):
            files.close(file)
            raise
        segment.finished = True
        segment.close()
        # Torn or never written: from the beginning, for what is sent twice is one event in the history.
        if data < confirmed <= segment.end and crc32(confirmed.to_bytes(8, "little")) == checksum:
            segment._next = segment._confirmed = confirmed
            segment._expected = -1
        return segment

    @property
    def unread(self) -> int:
        """Bytes that are still to be read."""
        return self.end - self._next

    @property
    def unconfirmed(self) -> int:
        """Bytes that the broker has not confirmed."""
        return self.end - self._confirmed

    @property
    def done(self) -> bool:
        """Whether the broker has confirmed all that stands here."""
        return self._confirmed >= self.end

    def append(self, events: blocks.Columns, start: int, stop: int) -> None:
        """Write events, from `start` to `stop`. Raises OSError; then nothing of it stands here."""
        data = b"".join(events.encode(self._number, start, stop))
        file = self._at(self.end)
        try:
            files.write_all(file, data)
        except OSError:
            self._place = None
            # What was written of it would be found to be torn: better that it is not there at all.
            with contextlib.suppress(OSError):
                os.ftruncate(file, self.end)
            raise
        self.end = self._place = self.end + len(data)
        self._number += stop - start
        self._unsynced = True

    def read(self, limit: int) -> tuple[list[Message], int]:
        """Events of the next blocks, about `limit` bytes of them and at least one block; and how many were lost."""
        messages: list[Message] = []
        lost = 0
        wanted = limit
        while self.unread and not messages:
            data = self._bytes(wanted)
            start = 0
            whole = len(data) >= self.unread
            while start < len(data):
                try:
                    block = blocks.decode(data, start, last=whole)
                except blocks.Incomplete as more:
                    wanted = max(limit, more.needed) if not start else limit
                    break
                except blocks.Damaged:
                    self.damaged = True
                    skipped, start = self._skip(data, start)
                    lost += skipped
                    continue
                lost += block.lost + self._missing(block)
                self.damaged = self.damaged or bool(block.lost)
                self._expected = block.following
                messages += block.messages
                start = block.end
                if start >= limit:
                    break
            self._next += start
        return messages, lost

    def _missing(self, block: blocks.Block) -> int:
        """Events between this block and the one before: those of damaged blocks."""
        first = block.following - len(block.messages) - block.lost
        return first - self._expected if 0 <= self._expected < first else 0

    def _skip(self, data: bytes, start: int) -> tuple[int, int]:
        """Where the next block may begin, from which its number will tell what is missing; or the end: at least one."""
        found = blocks.next_marker(data, start + 1)
        if found >= 0:
            return 0, found
        if len(data) < self.unread:  # it may begin in the last bytes
            return 0, max(start + 1, len(data) - len(blocks.MARKER) + 1)
        return 1, len(data)

    def _bytes(self, count: int) -> bytes:
        file = self._at(self._next)
        wanted = min(count, self.unread)
        parts: list[bytes] = []
        while wanted > 0 and (part := os.read(file, wanted)):
            parts.append(part)
            wanted -= len(part)
        if wanted > 0:  # it is shorter than it was
            self.end = self._next + sum(map(len, parts))
        return b"".join(parts)

    def give_up(self) -> int:
        """The disk does not give it back: at least one event is lost."""
        self.damaged = True
        self._next = self.end
        return 1

    @property
    def place(self) -> int:
        """Where the next block is read; to be handed to `confirm`."""
        return self._next

    def skip_to_end(self) -> int:
        """Count what was appended as read, for the caller has it; returns the place."""
        self._next = self.end
        self._expected = self._number
        return self.end

    def confirm(self, place: int) -> None:
        """Note that the broker has everything up to that place. Raises OSError."""
        self._confirmed = place
        if not (self.finished and self.done):
            files.write_all(self._at(len(_MAGIC)), _CURSOR.pack(place, crc32(place.to_bytes(8, "little"))))

    def sync(self) -> None:
        """Force what was appended to the disk. Raises OSError."""
        if self._unsynced:
            self._unsynced = False
            files.sync(self._at(self.end), None if self._named else self.path.parent)
            self._named = True

    def finish(self) -> None:
        """Append no more. Raises OSError."""
        self.finished = True
        self.sync()
        self.close()

    def _at(self, place: int) -> int:
        """The file, open, at that place."""
        if self._file is None:
            self._file, self._place = files.reopen(self.path), None
        if self._place != place:  # a call to the system lets go of the interpreter
            os.lseek(self._file, place, os.SEEK_SET)
        self._place = None
        return self._file

    def close(self) -> None:
        """Close the file; what is read or appended next opens it again."""
        file, self._file = self._file, None
        if file is not None:
            files.close(file)

    def remove(self) -> None:
        """Done with it: removed, or kept aside where it was damaged. Raises OSError."""
        self.close()
        if self.damaged:
            self.path.replace(self.path.with_name(self.path.name + ".corrupt"))
        else:
            self.path.unlink(missing_ok=True)


def _read_meta(file: int) -> tuple[Meta, int]:
    head = os.read(file, _HEAD)
    if len(head) < _HEAD:
        raise Unreadable(torn=True)
    length, checksum = _META.unpack_from(head, _META_AT)
    if not head.startswith(_MAGIC) or length > _MAX_META:
        raise Unreadable(torn=False)
    text = os.read(file, length)
    if len(text) < length:  # or the length is wrong, and events stand behind it
        raise Unreadable(torn=blocks.next_marker(text, 0) < 0)
    if crc32(text) != checksum:
        raise Unreadable(torn=False)
    return Meta(**json.loads(text)), _HEAD + length
