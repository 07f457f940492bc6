"""The audit questions: one documented SQL statement each, over the views, with typed parameters.

A question is a file `sql/<name>.sql`: a comment that says what it answers, `-- param name Type: doc` or
`-- param name Type = default: doc` for each parameter, the statement. One that takes `{at:…}` has both clocks,
`at` and `known_at`, without saying so. `-- near VIEW: what` says of a question that walks which rows of a view it uses,
as `headwater.audit.narrow` lists them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from headwater.audit.model import Answer
from headwater.audit.narrow import narrowed
from headwater.audit.plain_names import PERSONAL, first_with, forms
from headwater.audit.rows import table
from headwater.audit.store import Client
from headwater.errors import NotFound, SettingsError

_PARAM = re.compile(r"-- param (\w+) ([^=:]+?(?:\([^)]*\))?)(?: = (.*?))?: (.*)")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a question. `type`: ClickHouse's; `default`: as text, None where it must be given."""

    name: str
    type: str
    default: str | None
    doc: str

    def value(self, text: object) -> object:
        """A value as the client sends it. Raises SettingsError where it does not fit the type."""
        if text is None or (text == "null" and self.type.startswith("Nullable")):
            if self.type.startswith("Nullable"):
                return None
            raise SettingsError(f"{self.name} must be given")
        if "DateTime64" in self.type:
            if isinstance(text, datetime) and text.tzinfo is not None:
                return text.astimezone(UTC)
            return parse_time(self.name, str(text))
        if "Int" in self.type:
            return _whole(self.name, text)
        return str(text)


@dataclass(frozen=True)
class Question:
    """A question: `doc` says what it answers, `sql` takes the parameters as `{name:Type}`.

    `near`: by view, which of its rows belong to what the question walks to.
    """

    name: str
    doc: str
    parameters: tuple[Parameter, ...]
    sql: str
    near: Mapping[str, str] = field(default_factory=dict[str, str])


_NEAR = re.compile(r"-- near (\w+): (\w+)")
_MOMENT = "DateTime64(6, 'UTC')"
_ALL_TIME = "2299-12-31T23:59:59.999999Z"
_CLOCKS = (
    Parameter("at", _MOMENT, _ALL_TIME, "As it was true then: what happened by this time."),
    Parameter("known_at", _MOMENT, _ALL_TIME, "As it was known then: what had arrived by this time."),
)


@cache
def questions() -> Mapping[str, Question]:
    """All questions by name."""
    folder = files("headwater.audit") / "sql"
    found = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    return {name.removesuffix(".sql"): _read(name, (folder / name).read_text("utf-8")) for name in found}


def _read(name: str, text: str) -> Question:
    doc: list[str] = []
    parameters: list[Parameter] = []
    near: dict[str, str] = {}
    lines = text.splitlines()
    while lines and lines[0].startswith("-- "):
        line = lines.pop(0)
        match = _PARAM.fullmatch(line)
        if match:
            parameters.append(Parameter(match[1], match[2].strip(), match[3], match[4]))
        elif match := _NEAR.fullmatch(line):
            near[match[1]] = match[2]
        else:
            doc.append(line.removeprefix("-- "))
    sql = "\n".join(lines).strip()
    clocks = _CLOCKS if "{at:" in sql else ()
    return Question(name.removesuffix(".sql"), " ".join(doc), (*parameters, *clocks), sql, near)


def named(question: str) -> Question:
    """The question of this name. Raises NotFound, with the name that comes nearest."""
    found = questions().get(question)
    if found is None:
        near = difflib.get_close_matches(question, questions(), 1)
        hint = f"did you mean {near[0]}?" if near else "`headwater audit --list` shows all"
        raise NotFound(f"there is no question {question}; {hint}")
    return found


def ask(client: Client, question: str, /, digest_key: str = "", **parameters: object) -> Answer:
    """Ask a question of QUESTIONS.

    `digest_key`: the setting of the services that told; by it predictions and persons are found by their plain names.
    Values are text or the type that they stand for; times are ISO 8601 with an offset, or aware datetimes.
    Raises NotFound for an unknown question, SettingsError for a parameter that is unknown, missing or wrong.
    """
    asked = named(question)
    known = {parameter.name for parameter in asked.parameters}
    if unknown := sorted(parameters.keys() - known):
        raise SettingsError(f"{question} has no parameter {unknown[0]}; it has {', '.join(sorted(known))}")
    values: dict[str, Any] = {}
    for parameter in asked.parameters:
        given = parameters.get(parameter.name, parameter.default)
        if given is None and parameter.name not in parameters:
            raise SettingsError(f"{question} needs {parameter.name}: {parameter.doc}")
        values[parameter.name] = parameter.value(given)
    personal = next((name for name in PERSONAL if name in values), None)
    if personal is None:
        return _answer(client, asked, values)
    return first_with(
        (_answer(client, asked, {**values, personal: form}) for form in forms(personal, values[personal], digest_key)),
        lambda answer: bool(answer.rows),
    )


def _answer(client: Client, asked: Question, values: dict[str, Any]) -> Answer:
    columns, rows = table(client, *narrowed(client, asked.sql, values, asked.near))
    return Answer(asked.name, columns, tuple(rows), asked.sql, values)


def parse_time(name: str, text: str) -> datetime:
    """A time from ISO 8601 text. Raises SettingsError where it is none or has no offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"{name}: {text!r} is no ISO 8601 time such as 2026-11-21T08:00:00Z") from None
    if moment.tzinfo is None:
        raise SettingsError(f"{name}: {text!r} has no offset; write Z for UTC, as in {text}Z")
    return moment.astimezone(UTC)


def _whole(name: str, text: object) -> int:
    try:
        value = int(str(text))
    except ValueError:
        raise SettingsError(f"{name}: {text!r} is no whole number") from None
    if not 0 <= value < 2**32:
        raise SettingsError(f"{name}: {value} is out of range")
    return value
