"""A rules file read and checked: whatever is wrong is told with its line, and what was perhaps meant."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from headwater.detection.rules.model import CHECKS, KINDS, NEEDS, THRESHOLDS, DatasetRule, PolicyRule, Rules
from headwater.errors import SettingsError

_TABLES = ("dataset", "rule")
_OF_DATASET = ("name", "checks", "ignore_columns", "max_age_hours", "reference", *THRESHOLDS)
_OF_RULE = ("name", "kind", "severity")
_HEADER = re.compile(r"^\s*\[\[?\s*([\w.-]+)\s*\]\]?")


@dataclass(frozen=True)
class Problem:
    """What is wrong on a line of the file, from 1."""

    line: int
    text: str


def load(path: str) -> Rules:
    """The rules of a file; none for an empty path. Raises SettingsError with line and suggestion where it is wrong."""
    if not path:
        return Rules()
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"rules file {path} cannot be read: {error}") from None
    rules, problems = check(text)
    if problems:
        told = "; ".join(f"line {problem.line}: {problem.text}" for problem in problems[:5])
        raise SettingsError(f"rules file {path}: {told} (`headwater rules check` tells all)")
    return rules


def check(text: str) -> tuple[Rules, list[Problem]]:
    """The rules of a text, and all that is wrong with it, by line."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        return Rules(), [Problem(int(line[1]) if line else 1, f"this is not TOML: {error}")]
    lines = text.splitlines()
    problems = [
        Problem(_line_of(lines, name), f"there is no table {name}{_meant(name, _TABLES)}")
        for name in found
        if name not in _TABLES
    ]
    starts = _starts(lines)
    datasets: list[DatasetRule] = []
    policies: list[PolicyRule] = []
    for place, content in enumerate(_listed(found.get("dataset"))):
        dataset = _dataset(content, _Place(lines, starts.get(("dataset", place), 1), problems))
        datasets += [dataset] if dataset else []
    for place, content in enumerate(_listed(found.get("rule"))):
        policy = _policy(content, _Place(lines, starts.get(("rule", place), 1), problems))
        policies += [policy] if policy else []
    names = [policy.name for policy in policies]
    problems += [
        Problem(starts.get(("rule", names.index(name)), 1), f"two rules are named {name!r}")
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    return Rules(datasets=tuple(datasets), policies=tuple(policies)), sorted(problems, key=lambda one: one.line)


@dataclass(frozen=True)
class _Place:
    """One table in the file: where it begins, and where to note what is wrong."""

    lines: Sequence[str]
    start: int
    problems: list[Problem]

    def wrong(self, key: str, text: str) -> None:
        for number, line in enumerate(self.lines[self.start - 1 :], self.start):
            if number > self.start and _HEADER.match(line):
                break
            if re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
                self.problems.append(Problem(number, text))
                return
        self.problems.append(Problem(self.start, text))

    def unknown(self, content: Mapping[str, Any], known: Sequence[str], what: str) -> None:
        for key in content:
            if key not in known:
                self.wrong(key, f"{what} has no {key}{_meant(key, known)}")

    def texts(self, content: Mapping[str, Any], key: str, allowed: Sequence[str] = ()) -> tuple[str, ...]:
        """A list of texts, each of `allowed` where that is given."""
        value = content[key]
        if not isinstance(value, list) or not all(isinstance(one, str) for one in cast("list[object]", value)):
            self.wrong(key, f"{key} must be a list of texts")
            return ()
        texts = tuple(cast("list[str]", value))
        for one in texts:
            if allowed and one not in allowed:
                self.wrong(key, f"{key}: there is no {one}{_meant(one, allowed)}")
        return texts

    def text(self, content: Mapping[str, Any], key: str) -> str:
        """A text that is not empty."""
        value = content[key]
        if not isinstance(value, str) or not value:
            self.wrong(key, f"{key} must be a text that is not empty")
            return ""
        return value

    def pattern(self, content: Mapping[str, Any], key: str) -> str:
        """A pattern namespace/name."""
        value = self.text(content, key)
        if value and value != "*" and "/" not in value:
            self.wrong(key, f"{key}: {value!r} names no dataset or job; it must be namespace/name, * for anything")
        return value

    def number(self, content: Mapping[str, Any], key: str) -> float:
        """A number above 0."""
        value = content[key]
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            self.wrong(key, f"{key} must be a number above 0")
            return 1.0
        return float(value)


def _dataset(content: Mapping[str, Any], at: _Place) -> DatasetRule | None:
    at.unknown(content, _OF_DATASET, "a dataset")
    if "name" not in content:
        at.wrong("name", "a dataset needs a name, such as lake/*")
        return None
    return DatasetRule(
        name=at.pattern(content, "name"),
        checks=at.texts(content, "checks", CHECKS) if "checks" in content else None,
        ignore_columns=at.texts(content, "ignore_columns") if "ignore_columns" in content else (),
        max_age_hours=at.number(content, "max_age_hours") if "max_age_hours" in content else None,
        reference=_reference(content, at) if "reference" in content else None,
        thresholds={key: at.number(content, key) for key in THRESHOLDS if key in content},
    )


def _reference(content: Mapping[str, Any], at: _Place) -> str | None:
    if set(str(content["name"])) & set("*?["):
        at.wrong("reference", "a reference is a version of one dataset; this table names a pattern")
    return at.text(content, "reference") or None


def _policy(content: Mapping[str, Any], at: _Place) -> PolicyRule | None:
    for key in ("name", "kind"):
        if key not in content:
            at.wrong(key, f"a rule needs a {key}")
            return None
    kind = content["kind"]
    if kind not in KINDS:
        at.wrong("kind", f"there is no kind {kind}{_meant(str(kind), KINDS)}")
        return None
    needed, further = KINDS[kind]
    at.unknown(content, (*_OF_RULE, *needed, *further), f"a rule of kind {kind}")
    missing = [key for key in needed if key not in content]
    for key in missing:
        at.wrong("kind", f"a rule of kind {kind} needs {key}")
    if missing:
        return None
    taken: dict[str, Any] = {"name": at.text(content, "name"), "kind": kind}
    taken |= {key: at.text(content, key) for key in ("tag",) if key in content}
    taken |= {key: at.pattern(content, key) for key in ("into", "datasets", "job") if key in content}
    taken |= {key: at.number(content, key) for key in ("days", "hours", "severity") if key in content}
    taken |= {key: at.texts(content, key) for key in ("jobs", "reads", "writes") if key in content}
    if "needs" in content:
        taken["needs"] = at.texts(content, "needs", NEEDS)
    return PolicyRule(**taken)


def _listed(value: object) -> list[dict[str, Any]]:
    """Tables of an array; a single one counts as an array of one."""
    if isinstance(value, dict):
        return [cast("dict[str, Any]", value)]
    return cast("list[dict[str, Any]]", value) if isinstance(value, list) else []


def _starts(lines: Sequence[str]) -> dict[tuple[str, int], int]:
    """Where each table begins: by name and place, the line from 1."""
    found: dict[tuple[str, int], int] = {}
    for number, line in enumerate(lines, 1):
        if header := _HEADER.match(line):
            name = header[1]
            found[name, sum(known == name for known, _ in found)] = number
    return found


def _line_of(lines: Sequence[str], name: str) -> int:
    pattern = re.compile(rf"^\s*(\[\[?\s*{re.escape(name)}\b|{re.escape(name)}\s*=)")
    return next((number for number, line in enumerate(lines, 1) if pattern.match(line)), 1)


def _meant(word: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(word, names, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(names)}"
