"""Who may send: holders of a key; without keys, whoever is on this machine and is no web page."""

from __future__ import annotations

import ipaddress
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from headwater.errors import SettingsError, StateError
from headwater.gateway.answers import Refusal
from headwater.gateway.keys import Keys
from headwater.settings import Settings

_BEARER: Final = "bearer "
#: How loopback is called mostly; other names of it are looked at more closely.
_USUAL: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_CHALLENGE: Final = {"www-authenticate": 'Bearer realm="headwater"'}


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Admission:
    """Judges requests by their headers."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError where anybody could send from elsewhere, StateError where there are no keys to read.

        Clients give up after a 401, so a gateway that was given a wrong file would lose all that is sent to it.
        """
        self._keys = Keys(Path(settings.gateway_keys)) if settings.gateway_keys else None
        if self._keys is not None and not self._keys:
            raise StateError(
                f"{settings.gateway_keys} holds no key, so nobody could send. "
                f"Make one with `headwater gateway --new-key NAME --keys {shlex.quote(settings.gateway_keys)}`"
            )
        if self._keys is None and not is_loopback(settings.gateway_host):
            raise SettingsError(
                f"gateway_host {settings.gateway_host} is reached from other machines and gateway_keys names no file: "
                "anybody could send. Make a key with `headwater gateway --new-key NAME --keys FILE`"
            )

    @property
    def guarded(self) -> bool:
        """Whether a key is needed."""
        return self._keys is not None

    def check(self, headers: Mapping[bytes, bytes]) -> str:
        """Whose request it is. Raises Refusal (401, 403)."""
        if self._keys is not None:
            said = headers.get(b"authorization", b"").decode("latin-1")
            key = said[len(_BEARER) :].strip() if said.lower().startswith(_BEARER) else ""
            name = self._keys.name(key) if key else None
            if name is None:
                raise Refusal(401, "Authorization: Bearer with a key of this gateway is needed", _CHALLENGE)
            return name
        # Nobody here needs a key, so a page that somebody looks at must not send for them.
        if b"origin" in headers:
            raise Refusal(403, "web pages may not send here")
        host = headers.get(b"host", b"").decode("latin-1")
        if host and (name := _name(host)) not in _USUAL and not is_loopback(name):
            raise Refusal(403, f"this is not {host[:100]!r}; without keys only loopback names are answered")
        return ""


def _name(host: str) -> str:
    """A Host header without its port."""
    return host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
