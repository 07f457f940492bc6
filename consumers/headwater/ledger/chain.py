r"""An entry of the ledger, and the rule by which it is chained to the one before.

An entry covers some messages of one partition, in order of offset. Its chain digest is the SHA-256 of

    "headwater-ledger-1\n", previous (32 bytes), topic, generation (each: length as 8 bytes, then UTF-8),
    partition (8), count (8), the offsets (8 each), the body digests (16 each), the content digests (16 each)

where numbers are big-endian and signed. A body digest is the first 16 bytes of the SHA-256 of the body as it was
received, behind its framing. Whoever alters an entry must alter every later one of the partition; a copy of a
later chain digest, held by somebody else (`checkpoints.py`), then convicts them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Offsets = npt.NDArray[np.int64]

DIGEST_BYTES: Final = 16
CHAIN_BYTES: Final = 32
#: What the first entry of a partition is chained to.
GENESIS: Final = bytes(CHAIN_BYTES)
_DOMAIN: Final = b"headwater-ledger-1\n"


class Lane(NamedTuple):
    """A partition whose messages form one chain. `topic` without the prefix."""

    topic: str
    generation: str
    partition: int

    def __str__(self) -> str:
        life = f" (broker {self.generation})" if self.generation else ""
        return f"{self.topic}/{self.partition}{life}"


class Message(NamedTuple):
    """What the ledger keeps of a message; digests of 16 bytes."""

    offset: int
    digest: bytes
    content: bytes


@dataclass(frozen=True)
class Entry:
    """Messages of a lane, in order. `digests`, `contents`: 16 bytes a message; `previous`, `chain`: 32."""

    lane: Lane
    offsets: Offsets
    digests: bytes
    contents: bytes
    previous: bytes
    chain: bytes

    @property
    def first(self) -> int:
        return int(self.offsets[0])

    @property
    def last(self) -> int:
        return int(self.offsets[-1])

    def fault(self) -> str:
        """What is wrong with the entry by itself; empty where nothing is."""
        count = len(self.offsets)
        if len(self.digests) != DIGEST_BYTES * count or len(self.contents) != DIGEST_BYTES * count:
            return "it has more or fewer digests than messages"
        if (self.offsets[1:] <= self.offsets[:-1]).any():
            return "its offsets are not in order"
        if link(self.lane, self.previous, self.offsets, self.digests, self.contents) != self.chain:
            return "its chain digest is not that of what it says"
        return ""


def entry(lane: Lane, previous: bytes, messages: Iterable[Message]) -> Entry:
    """The entry of messages in order of offset."""
    every = list(messages)
    offsets = np.array([message.offset for message in every], np.int64)
    digests = b"".join(message.digest for message in every)
    contents = b"".join(message.content for message in every)
    return Entry(lane, offsets, digests, contents, previous, link(lane, previous, offsets, digests, contents))


def link(lane: Lane, previous: bytes, offsets: Offsets, digests: bytes, contents: bytes) -> bytes:
    """The chain digest, by the rule above."""
    hashing = sha256(_DOMAIN)
    hashing.update(previous)
    for text in (lane.topic.encode(), lane.generation.encode()):
        hashing.update(struct.pack(">q", len(text)) + text)
    hashing.update(struct.pack(">qq", lane.partition, len(offsets)))
    hashing.update(offsets.astype(">i8").tobytes())
    hashing.update(digests)
    hashing.update(contents)
    return hashing.digest()


def body_digest(body: bytes) -> bytes:
    """The digest of a body as received, 16 bytes."""
    return sha256(body).digest()[:DIGEST_BYTES]
