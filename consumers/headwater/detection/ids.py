"""Ids that are digests of what they name, so that a restart or a second worker names it alike."""

from __future__ import annotations

import hashlib


def digest(*parts: str | bytes | int | None) -> bytes:
    """16 bytes, BLAKE2b of the parts with their lengths."""
    hasher = hashlib.blake2b(digest_size=16)
    for part in parts:
        raw = b"\xff" if part is None else part if isinstance(part, bytes) else str(part).encode()
        hasher.update(len(raw).to_bytes(4, "little"))
        hasher.update(raw)
    return hasher.digest()
