"""Plain HTTP to a store, without any client library between."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit


class Reply(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> int | None:
        """ClickHouse's error code, None where there is none."""
        found = self.headers.get("x-clickhouse-exception-code")
        return int(found) if found else None


def ask(
    url: str,
    body: bytes | str = b"",
    *,
    method: str = "POST",
    headers: Any = None,
    path: str = "/",
    **parameters: str,
) -> Reply:
    """One request. Keywords stand in the address; `headers`: a mapping of texts."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    try:
        target = path + ("?" + urlencode(parameters, quote_via=quote) if parameters else "")
        data = body.encode() if isinstance(body, str) else body
        connection.request(method, target, data or None, dict(headers or {}))
        answer = connection.getresponse()
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()
