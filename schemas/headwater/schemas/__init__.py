"""The contract: what each message holds, how it is framed, encoded, decoded, and how it may change.

`records` has the schemas, `topics` what stands where, `framing` the bytes before a body, `plain` fastavro's way,
`codec` (with Numba) many bodies at once, `proof` what a whole body is, `evolution` and `rules` what a schema may
become, `reasons` why a message is a dead letter. schemas/README.md tells it in one piece.
"""

from typing import TYPE_CHECKING, Any

from headwater.schemas.framing import read_header
from headwater.schemas.records import RECORDS, Schema, current, parse, released

if TYPE_CHECKING:
    from headwater.schemas.plain import decode, encode, message

__all__ = [
    "RECORDS",
    "Schema",
    "current",
    "decode",
    "encode",
    "message",
    "parse",
    "read_header",
    "released",
]


def __getattr__(name: str) -> Any:
    """What needs fastavro, once it is asked for: a host that only emits does not, and waits for our imports."""
    if name not in {"decode", "encode", "message"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from headwater.schemas import plain  # noqa: PLC0415 — as said

    return getattr(plain, name)
