"""What a person writes behind a question's name: what it is about, and parameters."""

from __future__ import annotations

from collections.abc import Iterable

from headwater.audit.lookup import resolve
from headwater.audit.questions import Question
from headwater.audit.store import Client
from headwater.errors import NotFound, SettingsError

_NODE = frozenset({"namespace", "name"})
#: What a word alone stands for where a question is about no node.
_SUBJECTS = ("key", "subject", "service", "name")


def parameters_of(client: Client, question: Question, words: Iterable[str]) -> dict[str, str]:
    """The parameters that words stand for: `NAME=VALUE`, and one alone that says what the question is about.

    That is a node as `headwater.audit.resolve` takes it (with its version and column, where the question has such),
    else a prediction's key, a person, a service, a part of a name. Raises NotFound for a node that is not there or
    is not the only one, SettingsError for a parameter that the question has not, or that is given twice.
    """
    known = {parameter.name for parameter in question.parameters}
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        given = {name: value} if equals and name in known else _about(client, question, known, word)
        if twice := sorted(given.keys() & found.keys()):
            raise SettingsError(f"{word}: {twice[0]} is given twice")
        found |= given
    return found


def _about(client: Client, question: Question, known: set[str], word: str) -> dict[str, str]:
    name, equals, _ = word.partition("=")
    meant_a_parameter = bool(equals) and name.isidentifier()
    if not known >= _NODE:
        subject = next((one for one in _SUBJECTS if one in known), None)
        if subject is None or meant_a_parameter:
            raise _unknown(question, name)
        return {subject: word}
    try:
        node = resolve(client, word)
    except NotFound:
        if meant_a_parameter:
            raise _unknown(question, name) from None
        raise
    parts = {"version": node.version, "column": node.column}
    given = {part: value for part, value in parts.items() if value is not None}
    if further := sorted(given.keys() - known):
        raise SettingsError(f"{word}: {question.name} takes no {further[0]}; it has {_listed(question)}")
    return {"namespace": node.namespace, "name": node.name, **given}


def _unknown(question: Question, name: str) -> SettingsError:
    return SettingsError(f"{question.name} has no parameter {name}; it has {_listed(question)}")


def _listed(question: Question) -> str:
    return ", ".join(sorted(parameter.name for parameter in question.parameters))
