"""What stands on the state topic: runs, blocks of finished runs, and the mark up to which they have everything."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from headwater.errors import StateError
from headwater.schemas.topics import STITCHING
from headwater.stitching import parked
from headwater.streams import Output

#: What a key begins with: a run (its identity follows, and the number of a further part), a block, the mark.
RUN, BLOCK, MARK = b"r", b"f", b"w"
_PART = struct.Struct(">H")
_MARK = struct.Struct("<Bxq")
_VERSION = 1


def run(partition: int, identity: bytes, packed: bytes) -> Iterator[Output]:
    """A run that is kept; one record, or several where it is large."""
    for number, part in enumerate(parked.parts(packed)):
        yield Output(STITCHING.name, _key(identity, number), part, partition)


def gone(partition: int, identity: bytes, part: int = 0) -> Output:
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


def _key(identity: bytes, part: int) -> bytes:
    return RUN + identity + (_PART.pack(part) if part else b"")


def part_of(key: bytes) -> tuple[bytes, int]:
    """Of a run's key: its identity and the part's number."""
    return key[1:17], _PART.unpack(key[17:])[0] if len(key) > 17 else 0
