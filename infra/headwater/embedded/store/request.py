"""What one HTTP request asks, in ClickHouse's terms, before anything of it is run."""

from __future__ import annotations

import base64
import binascii
import hmac
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from headwater.embedded.home import WRITER
from headwater.embedded.store.engine import Refused
from headwater.embedded.store.faults import AUTHENTICATION_FAILED, BAD_ARGUMENTS, NOT_IMPLEMENTED
from headwater.embedded.store.policy import HTTP_SETTINGS

READER = "default"
#: Names in the address that are neither settings nor parameters.
_OWN = frozenset({
    "query", "user", "password", "database", "default_format", "query_id", "session_id", "session_timeout",
    "session_check", "close_session", "quota_key", "stacktrace", "client_protocol_version", "role", "compress",
    "decompress", "database_override",
})  # fmt: skip


@dataclass(frozen=True)
class Request:
    """One request without its body."""

    writer: bool
    #: The text in the address; the body follows it.
    query: str
    database: str
    #: Of query parameters, in the escaped form in which HTTP carries them.
    parameters: Mapping[str, str]
    #: Settings for the engine, as the client sent them.
    settings: Mapping[str, str]
    default_format: str
    query_id: str
    session_id: str
    session_timeout: int
    session_check: bool
    close_session: bool
    #: Answer only when all of the result is there.
    whole: bool
    #: The client may be answered compressed.
    compress: bool


def read(pairs: Iterable[tuple[str, str]], headers: Mapping[str, str], password: str, *, read_only: bool) -> Request:
    """What the address and the headers say.

    `password` is the writer's; `read_only`: the method is GET or HEAD, which ClickHouse never lets write.
    Raises Refused: wrong user or password, or what this store does not do.
    """
    own: dict[str, str] = {}
    parameters: dict[str, str] = {}
    settings: dict[str, str] = {}
    http: dict[str, str] = {}
    for name, value in pairs:
        if name.startswith("param_"):
            parameters[name.removeprefix("param_")] = value
        elif name in _OWN:
            own[name] = value
        elif name in HTTP_SETTINGS:
            http[name] = value
        else:
            settings[name] = value
    for name in ("compress", "decompress"):
        if own.get(name) in ("1", "true"):
            raise _not_implemented(
                f"{name}=1 (ClickHouse's own block compression); use Content-Encoding and Accept-Encoding"
            )
    writer = _is_writer(own, headers, password)
    return Request(
        writer=writer and not read_only and http.get("readonly", "0") == "0",
        query=own.get("query", ""),
        database=own.get("database") or headers.get("X-ClickHouse-Database", ""),
        parameters=parameters,
        settings=settings,
        default_format=headers.get("X-ClickHouse-Format") or own.get("default_format") or "TabSeparated",
        query_id=own.get("query_id") or str(uuid.uuid4()),
        session_id=own.get("session_id", ""),
        session_timeout=_number(own, "session_timeout", 60, most=3600),
        session_check=own.get("session_check") == "1",
        close_session=own.get("close_session") == "1",
        whole=http.get("wait_end_of_query") in ("1", "true") or http.get("http_wait_end_of_query") in ("1", "true"),
        compress=http.get("enable_http_compression") in ("1", "true"),
    )


def _is_writer(own: Mapping[str, str], headers: Mapping[str, str], password: str) -> bool:
    user, given = READER, ""
    authorization = headers.get("Authorization", "")
    if authorization:
        scheme, _, encoded = authorization.partition(" ")
        try:
            basic = base64.b64decode(encoded if scheme.lower() == "basic" else "?", validate=True).decode()
            user, _, given = basic.partition(":")
        except (binascii.Error, ValueError):
            raise _unknown_user("the Authorization header is not HTTP basic authentication") from None
    elif "X-ClickHouse-User" in headers or "X-ClickHouse-Key" in headers:
        user, given = headers.get("X-ClickHouse-User", READER), headers.get("X-ClickHouse-Key", "")
    elif "user" in own or "password" in own:
        user, given = own.get("user", READER), own.get("password", "")
    user = user or READER
    if user == READER:
        if given:
            raise _unknown_user(f"{READER}: a reader has no password")
        return False
    if not hmac.compare_digest(user.encode(), WRITER.encode()) or not hmac.compare_digest(
        given.encode(), password.encode()
    ):
        raise _unknown_user(f"{user}: Authentication failed: password is incorrect, or there is no user with such name")
    return True


def _number(own: Mapping[str, str], name: str, default: int, *, most: int) -> int:
    text = own.get(name, str(default))
    if not text.isascii() or not text.isdigit() or int(text) > most:
        message = f"{name} is a whole number up to {most}"
        raise Refused(BAD_ARGUMENTS, f"Code: {BAD_ARGUMENTS}. DB::Exception: {message}. (BAD_ARGUMENTS)")
    return int(text)


def _unknown_user(what: str) -> Refused:
    code = AUTHENTICATION_FAILED
    return Refused(code, f"Code: {code}. DB::Exception: {what}. (AUTHENTICATION_FAILED)")


def _not_implemented(what: str) -> Refused:
    return Refused(
        NOT_IMPLEMENTED, f"Code: {NOT_IMPLEMENTED}. DB::Exception: Not done by this store: {what}. (NOT_IMPLEMENTED)"
    )
