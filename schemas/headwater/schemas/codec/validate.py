"""Proving many bodies of any schema: compiled where the codec takes the schema, else one by one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ContractError, InvalidMessage
from headwater.schemas import proof, reasons
from headwater.schemas.codec.bodies import Bodies
from headwater.schemas.codec.program import compile_schema
from headwater.schemas.records import Schema

#: The dead letter's reason for each number in `error`; 0 is a whole body.
ERRORS = ("", reasons.TRUNCATED, reasons.SURPLUS_BYTES, reasons.INVALID_VALUE, reasons.REFUSED_SCHEMA)


def validate(schema: Schema, bodies: Bodies) -> NDArray[np.int64]:
    """int64[N]: 0 where a body is whole, else a number of `ERRORS`. Raises nothing, whatever the schema."""
    try:
        program = compile_schema(schema)
    except ContractError:
        return np.fromiter((_validate(schema, bodies[i]) for i in range(len(bodies))), np.int64, len(bodies))
    return program.decode(bodies).error


def reason(schema: Schema, body: bytes) -> tuple[str, str]:
    """Why a body is refused: the dead letter's reason, and what exactly and where. ("", "") for a whole one."""
    try:
        proof.prove(schema, body)
    except InvalidMessage as error:
        return error.reason, error.detail
    except ContractError as error:
        return reasons.REFUSED_SCHEMA, str(error)
    return "", ""


def _validate(schema: Schema, body: bytes) -> int:
    return ERRORS.index(reason(schema, body)[0])
