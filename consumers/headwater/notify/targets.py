"""Whom to tell: a TOML file of [[notify]] tables. Secrets stand in the environment, the file names the variables."""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from headwater.alerts.subscription import STATES
from headwater.errors import SettingsError

KINDS = ("webhook", "slack", "pagerduty", "alertmanager", "email")
PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"


@dataclass(frozen=True, kw_only=True)
class Target:
    """One receiver. Times in seconds."""

    #: Names the consumer group, and the file of what was not delivered.
    name: str
    kind: str
    #: Where to post; of e-mail smtp://host:port, or smtps:// for TLS from the start.
    url: str = ""
    #: The key of webhook signatures, the routing key of PagerDuty, the password of SMTP.
    secret: str = ""
    user: str = ""
    sender: str = ""
    to: tuple[str, ...] = ()
    #: STARTTLS before anything is said; refuse a server that does not offer it.
    starttls: bool = False
    severity: float = 0.0
    states: tuple[str, ...] = STATES
    pages_only: bool = False
    namespace: str | None = None
    dataset: str | None = None
    #: One delivery takes at most so long …
    timeout: float = 10.0
    #: … and is tried again for so long, then the alert goes to the undelivered ones.
    give_up: float = 900.0

    def __repr__(self) -> str:
        return f"Target({self.name!r}, {self.kind!r}, {urlsplit(self.url).hostname!r})"


#: In the file these name a variable of the environment that holds the value.
_FROM_ENVIRONMENT = {"secret_env": "secret", "url_env": "url"}
_KEYS = tuple(field.name for field in fields(Target) if field.name != "secret") + tuple(_FROM_ENVIRONMENT)
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "severity": (int, float), "timeout": (int, float), "give_up": (int, float), "pages_only": bool, "starttls": bool,
    "to": list, "states": list,
}  # fmt: skip


def load(path: str, environment: Mapping[str, str] | None = None) -> list[Target]:
    """The targets of a file. Raises SettingsError with the line of what is wrong, and what was perhaps meant."""
    environment = os.environ if environment is None else environment
    try:
        text = Path(path).read_text("utf-8")
        content = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"notify file {path} cannot be read: {error}") from None
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines, 1) if re.match(r"\s*\[\[\s*notify\s*\]\]", line)]
    tables = content.get("notify")
    if not isinstance(tables, list) or set(content) != {"notify"}:
        raise SettingsError(f"notify file {path} must hold [[notify]] tables, and nothing else")
    found = [
        _target(cast("dict[str, Any]", table), path, lines, start, environment)
        for table, start in zip(cast("list[object]", tables), starts, strict=True)
    ]
    names = [target.name for target in found]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise SettingsError(f"notify file {path}: two targets are named {doubled[0]}")
    return found


def _target(table: dict[str, Any], path: str, lines: list[str], start: int, environment: Mapping[str, str]) -> Target:
    def wrong(key: str, text: str) -> SettingsError:
        pattern = re.compile(rf"\s*{re.escape(key)}\s*=")
        line = next((n for n, line in enumerate(lines[start - 1 :], start) if pattern.match(line)), start)
        return SettingsError(f"notify file {path}, line {line}: {text}")

    for key, value in table.items():
        if key not in _KEYS:
            close = difflib.get_close_matches(key, _KEYS, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(_KEYS)}"
            if key == "secret":
                hint = "a secret does not stand in a file; secret_env names the variable that holds it"
            raise wrong(key, f"there is no {key}; {hint}")
        kind = _TYPES.get(key, str)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise wrong(key, f"{key}: {value!r} is of the wrong type")
    values: dict[str, Any] = {
        key: tuple(cast("list[object]", value)) if isinstance(value, list) else value for key, value in table.items()
    }
    for key, instead in _FROM_ENVIRONMENT.items():
        if key in values:
            variable = str(values.pop(key))
            if not environment.get(variable):
                raise wrong(key, f"the environment has no {variable}")
            values[instead] = environment[variable]
    for key in ("name", "kind"):
        if not values.get(key):
            raise wrong(key, f"a target needs a {key}")
    if values["kind"] not in KINDS:
        close = difflib.get_close_matches(str(values["kind"]), KINDS, n=1)
        raise wrong(
            "kind", f"there is no kind {values['kind']}; did you mean {close[0] if close else '/'.join(KINDS)}?"
        )
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", values["name"]):
        raise wrong("name", "a name is of letters, digits, dots, dashes and underscores, at most 64")
    if unknown := set(values.get("states", ())) - set(STATES):
        raise wrong("states", f"states: {', '.join(sorted(map(str, unknown)))}: an incident is {', '.join(STATES)}")
    target = Target(**values)
    if target.kind == "pagerduty" and not target.url:
        target = dataclasses.replace(target, url=PAGERDUTY)
    if lacking := _lacking(target):
        raise wrong("kind", f"a target of kind {target.kind} needs {lacking}")
    return target


def _lacking(target: Target) -> str:
    schemes = ("smtp", "smtps") if target.kind == "email" else ("http", "https")
    if urlsplit(target.url).scheme not in schemes or not urlsplit(target.url).hostname:
        return f"a url ({' or '.join(schemes)}), or url_env"
    if target.kind in {"webhook", "pagerduty"} and not target.secret:
        return "secret_env: its key"
    if target.kind == "email" and not (target.sender and target.to):
        return "sender and to"
    return ""
