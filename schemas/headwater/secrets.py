"""What looks like a secret: by its name or its form it is never recorded, not even its digest.

Names of parameters, facets and variables; values that are secrets by themselves; secrets within longer texts;
credentials within addresses. What the settings hold as secret, and what the environment holds under a secret's name,
is known by its value and taken out of errors and logs wherever it stands.
"""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, cast

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


# What may hold a secret at all: most values do not, and are told apart by one search.
_HINT: Final = re.compile(
    r"passw|passphrase|pwd|secret|token|api_?key|access_?key|credential|bearer |basic |private key|://[^\s/]{0,512}@"
    r"|AKIA|ASIA|gh[pousr]_|xox|sk-|eyJ",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def _secret_name(name: str) -> bool:
    return bool(_NAME.search(_INNOCENT.sub("", name.replace("-", "_").replace(".", "_"))))


def looks_secret(name: str, value: object = None) -> bool:
    """Whether a name, or a value that is text, looks like a secret."""
    return _secret_name(name) or (
        isinstance(value, str) and _HINT.search(value) is not None and _VALUE.search(value) is not None
    )


def without_secrets(value: Any) -> Any:
    """The value without what looks like a secret: entries of mappings and lists at any depth, parts of texts."""
    if isinstance(value, str):
        return _by_form(value) if _HINT.search(value) else value
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, Mapping):
        return dict(recordable(cast("Mapping[object, object]", value)))
    if isinstance(value, list | tuple | set | frozenset):
        return [without_secrets(entry) for entry in cast("Iterable[Any]", value) if not looks_secret("", entry)]
    if hasattr(value, "tolist"):  # numpy's and others' numbers
        return value
    # JSON has no form for it; its text may show what it holds.
    try:
        return without_secrets(str(value))
    except Exception:  # a host's object may raise anything
        return value


def recordable(values: Mapping[Any, Any]) -> list[tuple[str, Any]]:
    """Names and values without those that look like a secret."""
    kept: list[tuple[str, Any]] = []
    for given, value in values.items():
        name = str(given)
        if _secret_name(name):
            continue
        # Most are so; booleans are integers here too.
        if isinstance(value, int | float) or (isinstance(value, str) and _HINT.search(value) is None):
            kept.append((name, value))
        elif not looks_secret(name, value):
            kept.append((name, without_secrets(value)))
    return kept


# Values known to be secret: shorter ones would be found in innocent words, and so would plain words.
_KNOWN: Final = re.compile(r"(?=.*[\W\d_]).{8,}|.{16,}", re.DOTALL)
_known: Final[set[str]] = set()


def remember(*secrets: str) -> None:
    """Take these out of every error and log line from now on."""
    _known.update(filter(_KNOWN.fullmatch, secrets))


def _known_values() -> list[str]:
    """The longest first, for one may hold another."""
    named = (value for name, value in os.environ.items() if _secret_name(name))
    # The path of a file that holds a secret is none.
    found = {value for value in named if _KNOWN.fullmatch(value) and not (value[0] in "/~" and Path(value).exists())}
    return sorted(_known | found, key=len, reverse=True)


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


def _by_form(text: str) -> str:
    for pattern, instead in _IN_TEXT:
        text = pattern.sub(instead, text)
    return text


def without_secret_texts(text: str) -> str:
    """A message or stack trace with what looks like a secret in it, or is known to be one, replaced by …"""
    text = _by_form(text)
    for value in _known_values():
        text = text.replace(value, "…")
    return text


def loggable(error: BaseException) -> BaseException:
    """The error, or where its text or that of its causes holds a secret another with the same traceback."""
    whole = "".join(traceback.format_exception(error))
    if without_secret_texts(whole) == whole:
        return error
    return RuntimeError(f"{type(error).__name__}: {without_secret_texts(str(error))}").with_traceback(
        error.__traceback__
    )


# Parameters within an address: ;password=… as JDBC drivers and ODBC take them.
_IN_ADDRESS: Final = re.compile(
    r"(?i)[;&][\w. -]{0,40}(?:passw(?:or)?d|pwd|secret|token|key|sig(?:nature)?|credential)[\w. -]{0,40}=[^;&]*"
)
_ORACLE: Final = re.compile(r"(?i)^(jdbc:oracle:\w+:)[^/@\s]*/.*@")
_SCP: Final = re.compile(r"[^/\s]+@[^/\s]+:")


def without_credentials(address: str) -> str:
    """A URL (or git's user@host:path, or a driver's address) without user, password, query and fragment."""
    scheme, found, rest = address.partition("://")
    if not found:
        address = _IN_ADDRESS.sub("", _ORACLE.sub(r"\1", address))
        return address.rpartition("@")[2] if _SCP.match(address) else address
    rest = _IN_ADDRESS.sub("", re.split(r"[?#]", rest, maxsplit=1)[0])
    host, slash, path = rest.partition("/")
    if "@" in host:
        host = host.rpartition("@")[2]
    elif "@" in path and not re.fullmatch(r"[^:]*(?::\d*)?|\[[\da-fA-F:.]*\](?::\d*)?", host):
        host, slash, path = rest.rpartition("@")[2].partition("/")  # a password may hold a slash
    if scheme.isalnum():
        scheme = scheme.lower()
    return f"{scheme}://{host}{slash}{path}"


def without_user(name: str) -> str:
    """A name that holds an address: without user and password, else as it is."""
    return re.sub(r"(?<=://)[^/\s@]*@", "", name) if "://" in name else name
