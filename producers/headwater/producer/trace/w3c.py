"""The headers `traceparent` and `tracestate` as W3C's Trace Context defines them (level 1; level 2's random flag)."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: The sender may have recorded the trace.
SAMPLED: Final = 0x01
# Sampled, and level 2's random; all others are reserved and must be sent as zero.
_FLAGS: Final = 0x03

# Later versions may append fields after another dash; what they share with version 00 stands first.
_TRACEPARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_MEMBER: Final = re.compile(
    r"(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
_MOST_MEMBERS: Final = 32
_NO_TRACE: Final = bytes(16)
_NO_SPAN: Final = bytes(8)


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A place in a trace: `trace_id` 16 bytes, `span_id` 8, neither all zero; `state` is tracestate as it goes on.

    `local`: the span runs here, in this process (it is OpenTelemetry's); else it is what a sender said.
    """

    trace_id: bytes
    span_id: bytes
    flags: int = 0
    state: str = ""
    local: bool = False

    @property
    def traceparent(self) -> str:
        """The header's value, version 00."""
        return f"00-{self.trace_id.hex()}-{self.span_id.hex()}-{self.flags & _FLAGS:02x}"

    @classmethod
    def parse(cls, traceparent: str, tracestate: Sequence[str] = ()) -> TraceContext | None:
        """The context that the headers tell; None where traceparent is malformed, and tracestate then counts nothing.

        `tracestate`: the values of all its headers, in order; left away as a whole where one is malformed.
        """
        match = _TRACEPARENT.fullmatch(traceparent.strip(" \t"))
        if match is None or match[1] == "ff" or (match[1] == "00" and match[5]):
            return None
        trace_id, span_id = bytes.fromhex(match[2]), bytes.fromhex(match[3])
        if trace_id == _NO_TRACE or span_id == _NO_SPAN:
            return None
        return cls(trace_id, span_id, int(match[4], 16) & _FLAGS, joined(tracestate))

    @classmethod
    def begin(cls) -> TraceContext:
        """A trace that begins here.

        It is marked as sampled: lineage is told of it, and a receiver with OpenTelemetry then records it as it would
        record a trace of its own (its default); unmarked, that receiver would record nothing of it.
        """
        return cls(usable(os.urandom(16)), os.urandom(7) + b"\x01", SAMPLED)


def joined(tracestate: Sequence[str]) -> str:
    """The members of one or several tracestate headers as one; empty where there are none or one is malformed."""
    members = [stripped for value in tracestate for member in value.split(",") if (stripped := member.strip(" \t"))]
    return ",".join(members) if len(members) <= _MOST_MEMBERS and all(map(_MEMBER.fullmatch, members)) else ""


def usable(trace_id: bytes) -> bytes:
    """The id, or where it is all zero, which no trace may be, another."""
    return trace_id if trace_id != _NO_TRACE else bytes(15) + b"\x01"
