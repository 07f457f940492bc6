"""What an error of the store means for a batch: one table of server codes, each with its reason."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple


class Fault(Enum):
    """Whose fault an error is."""

    #: The store's, for now: the same batch goes again.
    RETRY = "retry"
    #: The batch's: it is split down to the rows that the store refuses.
    BATCH = "batch"
    #: Not known: counted, told, and tried again; never dropped.
    UNKNOWN = "unknown"


class Code(NamedTuple):
    """One server code."""

    name: str
    fault: Fault
    reason: str


CODES: Mapping[int, Code] = {
    3: Code("UNEXPECTED_END_OF_FILE", Fault.RETRY, "The connection broke while the batch was sent."),
    6: Code("CANNOT_PARSE_TEXT", Fault.BATCH, "A value is not what its column takes."),
    8: Code("THERE_IS_NO_COLUMN", Fault.BATCH, "The writer's schema lacks a column, or has one that the table lacks."),
    16: Code("NO_SUCH_COLUMN_IN_TABLE", Fault.RETRY, "The table has not migrated yet."),
    32: Code("ATTEMPT_TO_READ_AFTER_EOF", Fault.BATCH, "A row ended within a field."),
    33: Code("CANNOT_READ_ALL_DATA", Fault.BATCH, "A row ended within a field."),
    41: Code("CANNOT_PARSE_DATETIME", Fault.BATCH, "A time is out of range."),
    44: Code("ILLEGAL_COLUMN", Fault.BATCH, "A column's data do not fit its type."),
    53: Code("TYPE_MISMATCH", Fault.BATCH, "A value is not of its column's type."),
    60: Code("UNKNOWN_TABLE", Fault.RETRY, "The history is not migrated, or is being rebuilt; an operator must act."),
    69: Code("ARGUMENT_OUT_OF_BOUND", Fault.BATCH, "A value is out of range."),
    70: Code("CANNOT_CONVERT_TYPE", Fault.BATCH, "A value cannot become its column's type."),
    72: Code("CANNOT_PARSE_NUMBER", Fault.BATCH, "A number is malformed."),
    74: Code("CANNOT_READ_FROM_FILE_DESCRIPTOR", Fault.RETRY, "A disk or connection fault of the server."),
    75: Code("CANNOT_WRITE_TO_FILE_DESCRIPTOR", Fault.RETRY, "A disk fault of the server."),
    76: Code("CANNOT_OPEN_FILE", Fault.RETRY, "A disk fault of the server."),
    81: Code("UNKNOWN_DATABASE", Fault.RETRY, "The history is not migrated; an operator must act."),
    117: Code("INCORRECT_DATA", Fault.BATCH, "The bytes are not what the schema says."),
    131: Code("TOO_LARGE_STRING_SIZE", Fault.BATCH, "A text has not the length of its fixed column."),
    159: Code("TIMEOUT_EXCEEDED", Fault.RETRY, "The insert took too long; the server is busy."),
    164: Code("READONLY", Fault.RETRY, "The archive's user may not write; an operator must act."),
    192: Code("UNKNOWN_USER", Fault.RETRY, "The archive's user is not there; an operator must act."),
    198: Code("DNS_ERROR", Fault.RETRY, "A name did not resolve."),
    201: Code("QUOTA_EXCEEDED", Fault.RETRY, "The user's quota is used up for now."),
    202: Code("TOO_MANY_SIMULTANEOUS_QUERIES", Fault.RETRY, "The server is busy."),
    203: Code("NO_FREE_CONNECTION", Fault.RETRY, "The server is busy."),
    209: Code("SOCKET_TIMEOUT", Fault.RETRY, "The network."),
    210: Code("NETWORK_ERROR", Fault.RETRY, "The network."),
    216: Code("QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING", Fault.RETRY, "The first try is still running."),
    236: Code("ABORTED", Fault.RETRY, "The server is shutting down."),
    241: Code("MEMORY_LIMIT_EXCEEDED", Fault.RETRY, "The server is short of memory."),
    242: Code("TABLE_IS_READ_ONLY", Fault.RETRY, "The replica lost its keeper for now."),
    243: Code("NOT_ENOUGH_SPACE", Fault.RETRY, "The server's disk is full; an operator must act."),
    252: Code("TOO_MANY_PARTS", Fault.RETRY, "Merges lag behind. Not when it speaks of partitions in one block."),
    279: Code("ALL_CONNECTION_TRIES_FAILED", Fault.RETRY, "The network."),
    285: Code("TOO_FEW_LIVE_REPLICAS", Fault.RETRY, "Replicas are away."),
    286: Code("UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE", Fault.RETRY, "Replicas are away."),
    319: Code("UNKNOWN_STATUS_OF_INSERT", Fault.RETRY, "It may be stored; inserting it again doubles nothing."),
    321: Code("VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE", Fault.BATCH, "A value is out of range."),
    349: Code("CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN", Fault.BATCH, "Null where the table wants a value."),
    394: Code("QUERY_WAS_CANCELLED", Fault.RETRY, "Somebody cancelled it, or the server is shutting down."),
    395: Code("FUNCTION_THROW_IF_VALUE_IS_NON_ZERO", Fault.BATCH, "The store read a body otherwise than it was sent."),
    425: Code("SYSTEM_ERROR", Fault.RETRY, "A fault of the server's machine."),
    497: Code("ACCESS_DENIED", Fault.RETRY, "The archive's user may not write; an operator must act."),
    516: Code("AUTHENTICATION_FAILED", Fault.RETRY, "Wrong user or password; an operator must act."),
    636: Code("CANNOT_EXTRACT_TABLE_STRUCTURE", Fault.BATCH, "The schema sent cannot be read."),
    999: Code("KEEPER_EXCEPTION", Fault.RETRY, "The keeper is away."),
}

_CODE = re.compile(r"[Cc]ode: ?(\d+)")
#: The reader of Avro says what is wrong with the bytes under the codes of any C++ exception (1001, 1002).
_AVRO = "avro::Exception"
_TOO_MANY_PARTITIONS = "partitions for single INSERT block"


def code_of(message: str) -> int | None:
    """The server's code in an error's text, None where it has none (a network fault)."""
    match = _CODE.search(message)
    return int(match[1]) if match else None


def fault_of(message: str) -> Fault:
    """Whose fault an error with this text is. Without a server code it is the network's: RETRY."""
    code = code_of(message)
    if code is None:
        return Fault.RETRY
    if (code == 252 and _TOO_MANY_PARTITIONS in message) or _AVRO in message:
        return Fault.BATCH
    known = CODES.get(code)
    return known.fault if known else Fault.UNKNOWN
