"""ClickHouse's error codes as the HTTP statuses that a ClickHouse server answers with."""

from __future__ import annotations

from collections.abc import Mapping

BAD_ARGUMENTS = 36
READONLY = 164
AUTHENTICATION_FAILED = 516
NOT_IMPLEMENTED = 48
TOO_LARGE = 223
BUSY = 202

STATUS: Mapping[int, int] = {
    # cannot be read
    **dict.fromkeys((6, 26, 27, 38, 41, 43, 53, 62, 72, 117, 386, 394, 441, 467, 469, 675, 676, 677, 678), 400),
    # not there
    **dict.fromkeys((16, 46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 336, 372), 404),
    # not allowed
    192: 403,
    193: 403,
    194: 401,
    AUTHENTICATION_FAILED: 403,
    # limits
    159: 408,
    BUSY: 503,
    TOO_LARGE: 413,
    NOT_IMPLEMENTED: 501,
    76: 503,
    209: 503,
    439: 503,
}


def status(code: int) -> int:
    """The HTTP status of an error code; 500 where ClickHouse has none of its own (as for READONLY)."""
    return STATUS.get(code, 500)
