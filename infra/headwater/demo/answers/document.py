"""All of the demo's answers as one document: what is printed for a person and what --json gives."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from headwater.audit import Explanation, explain_prediction
from headwater.audit.model import plain
from headwater.audit.rows import select
from headwater.audit.store import Client
from headwater.demo.answers.questions import Asked, asked
from headwater.demo.answers.told import Told, told
from headwater.demo.answers.tree import Branch, fold
from headwater.demo.answers.year import Fact, Year
from headwater.demo.options import Options
from headwater.errors import StateError

_LONGEST = """
SELECT key
FROM predictions
ORDER BY toDate(event_time) DESC, toFloat64OrZero(outputs['air_time']) DESC, key
LIMIT 1
"""
_COUNT = """
SELECT
    (SELECT uniqExact(run_id) FROM runs) AS runs,
    (SELECT count() FROM datasets) AS datasets,
    (SELECT count() FROM dataset_versions) AS versions,
    (SELECT count() FROM edges) AS edges,
    (SELECT uniqExact(event_id) FROM profile_events) AS profiles,
    (SELECT count() FROM predictions) AS predictions
"""


@dataclass(frozen=True)
class Other:
    """An incident beside the gravest one, and what was out of the ordinary on its days."""

    incident: Told
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Counted:
    """How much the history holds."""

    runs: int
    datasets: int
    versions: int
    edges: int
    profiles: int
    predictions: int


@dataclass(frozen=True)
class Document:
    """The answers. `incident`: the one that reaches most predictions by the largest effect; None: there was none."""

    counted: Counted
    explanation: Explanation
    tree: tuple[Branch, ...]
    incident: Told | None
    others: tuple[Other, ...]
    questions: tuple[Asked, ...]

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON values; of the explanation what the tree does not hold."""
        explanation = self.explanation
        return {
            "history": plain(self.counted),
            "prediction": plain(explanation.prediction),
            "tree": plain(self.tree),
            "raw_sources": plain(explanation.raw_sources),
            "truncated": explanation.walk.truncated,
            "incident": plain(self.incident),
            "other_incidents": plain(self.others),
            "questions": plain(self.questions),
        }


def document(client: Client, options: Options, key: str | None = None) -> Document:
    """Ask the history everything. `key`: the prediction to explain, else one that the gravest incident reached.

    Raises NotFound where no prediction has that key.
    """
    every = told(client)
    # An incident that reaches no prediction may be grave, but it is not what went wrong with the model.
    first = every[0] if every and every[0].predictions else None
    others = sorted((one for one in every if one is not first), key=lambda one: (one.days, one.title))
    year = Year(client, options)
    # None needs what another says, and the engine works on one statement with one core.
    with ThreadPoolExecutor(4) as side:
        explained = side.submit(explain_prediction, client, key or (first.example if first else _longest(client)))
        questions = side.submit(asked, client, first)
        counted = side.submit(_count, client)
        facts = side.submit(lambda: [tuple(year.facts(one.days)) for one in others])
        explanation = explained.result()
        return Document(
            counted=counted.result(),
            explanation=explanation,
            tree=fold(explanation),
            incident=first,
            others=tuple(Other(one, found) for one, found in zip(others, facts.result(), strict=True)),
            questions=tuple(questions.result()),
        )


def _longest(client: Client) -> str:
    """The longest flight, as predicted, of the last day."""
    rows = select(client, _LONGEST)
    if not rows:
        raise StateError("the history holds no prediction: `headwater demo` makes a new one")
    return str(rows[0]["key"])


def _count(client: Client) -> Counted:
    row = select(client, _COUNT)[0]
    return Counted(**{name: int(value) for name, value in row.items()})
