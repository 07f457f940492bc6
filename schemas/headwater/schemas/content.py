"""What a message says, told apart from who sent it and when: the digest that repeated deliveries share."""

from __future__ import annotations

from hashlib import blake2b

#: Bytes of the contract's `Id`.
ID_BYTES = 16


def content_digest(body: bytes | memoryview) -> bytes:
    """Digest of what a message says: its body without emit_time, producer_id and sequence.

    `body`: proved whole, of any record of the contract (each begins with those three: a number of at most 10
    bytes, 16 bytes, a number). The same for a client's retry; another for other content under one id.
    """
    at = _after_number(body, _after_number(body, 0) + ID_BYTES)
    return blake2b(body[at:], digest_size=ID_BYTES).digest()


def _after_number(body: bytes | memoryview, at: int) -> int:
    while body[at] >= 0x80:
        at += 1
    return at + 1
