"""The contract: what each message holds, how it is framed, encoded, decoded, and how it may change.

`records` has the schemas, `topics` what stands where, `framing` the bytes before a body, `plain` fastavro's way,
`codec` (with Numba) many bodies at once, `proof` what a whole body is, `evolution` and `rules` what a schema may
become, `reasons` why a message is a dead letter. schemas/README.md tells it in one piece.
"""

from headwater.schemas.framing import read_header
from headwater.schemas.plain import decode, encode, message
from headwater.schemas.records import RECORDS, Schema, current, parse, released

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
