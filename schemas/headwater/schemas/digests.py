"""Ids and digests: of 16 bytes, as the contract's `Id`."""

from __future__ import annotations

from hashlib import blake2b

ID_BYTES = 16


def content_digest(body: bytes | memoryview) -> bytes:
    """Digest of what a message says: its body without emit_time, producer_id and sequence.

    `body`: proved whole, of any record of the contract (each begins with those three: a number of at most 10
    bytes, 16 bytes, a number). The same for a client's retry; another for other content under one id.
    """
    at = _after_number(body, 0) + ID_BYTES
    return blake2b(body[_after_number(body, at) :], digest_size=ID_BYTES).digest()


def _after_number(body: bytes | memoryview, at: int) -> int:
    while body[at] >= 0x80:
        at += 1
    return at + 1


def identity(*parts: str | bytes | None) -> bytes:
    """The deterministic id of what the parts say. Parts do not run into one another; None is not empty."""
    digest = blake2b(digest_size=ID_BYTES)
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(b"\xff" * 8 if content is None else len(content).to_bytes(8, "little"))
        digest.update(content or b"")
    return digest.digest()
