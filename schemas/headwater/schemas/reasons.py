"""Why a message became a dead letter: the reasons, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

EMPTY = "empty"
WRONG_MAGIC = "wrong_magic"
UNKNOWN_SCHEMA = "unknown_schema"
REFUSED_SCHEMA = "refused_schema"
WRONG_RECORD = "wrong_record"
TRUNCATED = "truncated"
SURPLUS_BYTES = "surplus_bytes"
INVALID_VALUE = "invalid_value"
TOO_LARGE = "too_large"
TOO_LONG = "too_long"
NIL_ID = "nil_id"
REFUSED_BY_STORE = "refused_by_store"

REASONS: Mapping[str, str] = {
    EMPTY: "The message has no value.",
    WRONG_MAGIC: "It begins with neither C3 01 (single-object encoding) nor 00 (Confluent), or ends within its header.",
    UNKNOWN_SCHEMA: "Neither the schema topic nor the registry has its schema.",
    REFUSED_SCHEMA: "Its schema is of a form that is never read: it holds itself, or lists of what takes no bytes.",
    WRONG_RECORD: "Its schema is of another record than the topic carries.",
    TRUNCATED: "The body ends before its schema does.",
    SURPLUS_BYTES: "Bytes are left after the body, or it holds two bodies.",
    INVALID_VALUE: "A field holds what its type forbids: a union branch or length out of range, text not in UTF-8.",
    TOO_LARGE: "It is larger than the topic allows; only its coordinates and digest are kept.",
    TOO_LONG: "A name, version, kind, key or other text that edges copy has more than 8 KB (`bounds.py` lists them).",
    NIL_ID: "Its event id or its run id is all zeros: the nil UUID, which stands for none.",
    REFUSED_BY_STORE: "The store refused this row by itself, without its neighbours.",
}
