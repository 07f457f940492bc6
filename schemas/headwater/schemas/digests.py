"""Keyed digests: how a value leaves a process without being told, and is found again by who has the key.

The key is the setting `digest_key`, shared by a team's services and by whoever asks for a key or subject by its
plain name. Digests are BLAKE2b of 16 bytes; what they are of is mixed in, so that a subject's token and a
prediction's key do not show that they are the same person's.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any, Final

PREDICTION_KEY: Final = b"hw-prediction-ke"
SUBJECT: Final = b"hw-subject-token"
VALUE: Final = b"hw-feature-value"

DIGEST_BYTES: Final = 16


@lru_cache(maxsize=64)
def keyed(digest_key: str, purpose: bytes) -> Any:
    """A BLAKE2b object to copy and feed: the key and the purpose (16 bytes) are in it already."""
    key = digest_key.encode()
    if len(key) > hashlib.blake2b.MAX_KEY_SIZE:
        key = hashlib.blake2b(key).digest()
    return hashlib.blake2b(key=key, person=purpose, digest_size=DIGEST_BYTES)


def digest(digest_key: str, purpose: bytes, text: str) -> bytes:
    """The keyed digest of a text, 16 bytes."""
    hashing = keyed(digest_key, purpose).copy()
    hashing.update(text.encode("utf-8", "replace"))
    result: bytes = hashing.digest()
    return result


def key_id(digest_key: str) -> str:
    """A name for a key that does not give it away: 8 hex digits of its digest under its own purpose."""
    return digest(digest_key, b"hw-name-of-a-key", "").hex()[:8]
