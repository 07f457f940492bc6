"""What stands on the state topic: runs, blocks of finished runs, and the mark up to which they have everything."""

from __future__ import annotations

import struct
from typing import NamedTuple

from headwater.errors import StateError
from headwater.schemas.topics import STITCHING
from headwater.stitching.hashing import IDENTITY
from headwater.streams import Output

#: What a key begins with: a run (its identity follows, and of one in several records the part), a block, the mark.
RUN, BLOCK, MARK = b"r", b"f", b"w"
_PART = struct.Struct(">8sH")
_IN_ONE = len(RUN) + IDENTITY
_IN_PARTS = _IN_ONE + _PART.size
_MARK = struct.Struct("<Bxq")
_VERSION = 1


class Part(NamedTuple):
    """Of a run in several records: 8 bytes that name the write, so that no write takes the place of another's records,
    which may be all that stands; the record's number, from 0.
    """

    write: bytes
    number: int


def run(partition: int, identity: bytes, record: bytes, part: Part | None = None) -> Output:
    """A run that is kept, or a part of it."""
    return Output(STITCHING.name, _key(identity, part), record, partition)


def gone(partition: int, identity: bytes, part: Part | None = None) -> Output:
    """A run, or a part of it, that is not kept there any more."""
    return Output(STITCHING.name, _key(identity, part), b"", partition)


def block(partition: int, name: bytes, value: bytes) -> Output:
    """A block of finished runs; empty: it is not kept any more."""
    return Output(STITCHING.name, BLOCK + name, value, partition)


def mark(partition: int, offset: int) -> Output:
    """Of each run, every message before this offset that counts is on the state topic."""
    return Output(STITCHING.name, MARK, _MARK.pack(_VERSION, offset), partition)


def no_mark(partition: int) -> Output:
    """Takes back what `mark` said."""
    return Output(STITCHING.name, MARK, b"", partition)


def read_mark(value: bytes) -> int:
    """The offset that `mark` wrote. Raises StateError for another version."""
    version, offset = _MARK.unpack(value)
    if version != _VERSION:
        raise StateError(
            f"the state topic is written in version {version}, this worker knows {_VERSION}: "
            "run the version that wrote it, or a newer one"
        )
    return int(offset)


def _key(identity: bytes, part: Part | None) -> bytes:
    return RUN + identity + (b"" if part is None else _PART.pack(*part))


def run_of(key: bytes) -> tuple[bytes, Part | None] | None:
    """Of a run's key: its identity and, of one in several records, the part. None where it is no such key."""
    if len(key) == _IN_ONE:
        return key[1:], None
    return (key[1:_IN_ONE], Part(*_PART.unpack_from(key, _IN_ONE))) if len(key) == _IN_PARTS else None
