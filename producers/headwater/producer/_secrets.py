"""Which parameters and environment variables look like secrets: they are never recorded, not even their digest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast
from urllib.parse import urlsplit, urlunsplit

_NAME: Final = re.compile(
    r"pass(word|wd|phrase|code)?$|^pw(d)?$|_pw(d)?$|passw|secret|token|credential|api_?key|access_?key|private_?key"
    r"|encryption_?key|signing_?key|account_?key|_key$|^key$|auth|bearer|cookie|session_?id|dsn$|connection_?string"
    r"|conn_?str|sas_?url|signature|salt$|\bpin$|otp",
    re.IGNORECASE,
)
# What looks like a secret by itself, whatever it is called. Repetitions are bounded: a text may be a megabyte long,
# and the search must stay linear in it.
_VALUE: Final = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY|^(AKIA|ASIA)[A-Z0-9]{16}$|^gh[pousr]_[A-Za-z0-9]{30,}"
    r"|^xox[abpr]-|^sk-[A-Za-z0-9_-]{20,}"
    r"|^eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.|\bBearer [A-Za-z0-9._-]{8,}|://[^/\s:@]{0,256}:[^/\s@]{1,256}@"
)
# authors and the like are no secrets, though "auth" begins them.
_INNOCENT: Final = re.compile(
    r"^authors?$|_authors?$|tokeni[sz]|max_(new_)?tokens|n_?tokens|num_tokens|token_count", re.IGNORECASE
)


def looks_secret(name: str, value: object = None) -> bool:
    """Whether a name, or a value that is text, looks like a secret."""
    if _NAME.search(name.replace("-", "_").replace(".", "_")) and not _INNOCENT.search(name):
        return True
    return isinstance(value, str) and bool(_VALUE.search(value))


def without_secrets(value: Any) -> Any:
    """The value, where it is a mapping or list without the entries that look like secrets, at any depth."""
    if isinstance(value, Mapping):
        entries = cast("Mapping[object, object]", value)
        return {str(k): without_secrets(v) for k, v in entries.items() if not looks_secret(str(k), v)}
    if isinstance(value, list | tuple):
        return [without_secrets(entry) for entry in cast("list[Any]", value) if not looks_secret("", entry)]
    return value


_IN_TEXT: Final = (
    (re.compile(r"(?<=://)[^/\s:@]{0,256}:[^/\s@]{1,256}@"), "…@"),
    (
        re.compile(
            r"(?i)\b([a-z_.-]{0,40}(?:passw(?:or)?d|passphrase|pwd|secret|token|api_?key|access_?key|credential)s?[\"']?\s*[=:]\s*)"
            r"(?:\"[^\"]*\"|'[^']*'|[^\s,;)&]+)"
        ),
        r"\1…",
    ),
    (re.compile(r"(?i)\b(Bearer|Basic) [A-Za-z0-9._~+/=-]{8,}"), r"\1 …"),
    (re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(-----END [A-Z ]{0,40}-----|\Z)", re.DOTALL), "…"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_[A-Za-z0-9]{30,}|\bsk-[A-Za-z0-9_-]{20,}"), "…"),
)


def without_secret_texts(text: str) -> str:
    """A message or stack trace with what looks like a secret in it replaced by …"""
    for pattern, instead in _IN_TEXT:
        text = pattern.sub(instead, text)
    return text


def without_credentials(address: str) -> str:
    """A URL (or git's user@host:path) without user, password, query and fragment."""
    if "://" not in address:
        return address.rpartition("@")[2] if re.match(r"[^/\s]+@[^/\s]+:", address) else address
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
