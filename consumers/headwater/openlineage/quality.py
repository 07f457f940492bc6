"""Data quality facets: assertions of a dataset, profiles that detection compares, and verdicts that it acts on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, cast

from headwater.openlineage.fields import Fields, Misshapen, number, text_of
from headwater.openlineage.identity import digest

#: Of so many quantiles within the range (not its ends) a distribution can be told; of fewer it would be guessed.
_FEWEST_QUANTILES: Final = 3
#: The contract's quantiles: 0/128 … 128/128.
_STEPS: Final = 128
_FLOAT_MAX: Final = 3.4e38
_COUNTS: Final = frozenset({"count", "nullCount", "distinctCount"})


def assertions(facet: Fields) -> dict[str, Any]:
    """The assertions; what else the checker said of one is in its details."""
    return {"assertions": list(_assertions(facet, "assertion", ("column",)))}


def expectations(facet: Fields) -> dict[str, Any]:
    """The same of Great Expectations, whose integration has a facet of its own for them and sends no other."""
    # columnId: as it was named before OpenLineage 0.1.
    return {"assertions": list(_assertions(facet, "expectationType", ("column", "columnId")))}


def _assertions(facet: Fields, key: str, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Those that say whether they held. Of others nothing is told, and the facet is kept whole: openlineage-python
    writes numpy's booleans as "<<non-serializable: bool_>>".
    """
    for one in facet.objects("assertions"):
        said = dict(one.left)
        try:
            named = [one.text(name) for name in columns]
            yield _assertion(one, key, next((column for column in named if column is not None), None))
        except Misshapen:
            one.left.update(said)


def _assertion(one: Fields, key: str, column: str | None) -> dict[str, Any]:
    severity, name = one.text("severity"), one.name(key)
    success = one.boolean("success")
    if success is None:
        success = bool(one.name("success"))  # it is missing: this says so
    details = {key: text_of(one.take(key)) for key in list(one.left)}
    return {"assertion": name, "column": column, "success": success, "severity": severity, "details": details}


def severities(facet: Any) -> dict[str, str]:
    """The severity of assertions by name, as Dagster has it in a facet of the run; a misshapen one says nothing."""
    if facet is None:
        return {}
    try:
        checks = Fields(facet, "run.facets.dagster_asset_check").objects("checks")
        return {one.name("assertion"): severity for one in checks if (severity := one.text("severity"))}
    except Misshapen:
        return {}


def rate(dataset: dict[str, Any], severities: Mapping[str, str]) -> None:
    """Give a dataset's assertions the severity that stands elsewhere, where they have none."""
    if severities and dataset.get("assertions"):
        dataset["assertions"] = [
            {**one, "severity": severities.get(one["assertion"]) if one["severity"] is None else one["severity"]}
            for one in dataset["assertions"]
        ]


def without_values(metrics: Any, personal: frozenset[str]) -> Any:
    """Metrics of which no profile was made, with nothing but counts of columns whose values nobody may see."""
    if not personal or not hasattr(metrics, "get"):
        return metrics
    said: dict[str, Any] = metrics
    columns: Any = said.get("columnMetrics")
    if not isinstance(columns, dict):
        # What is no object by column cannot be told apart by column.
        return {name: of for name, of in said.items() if name != "columnMetrics"}
    counted: dict[str, Any] = {}
    for name, of in cast("dict[str, Any]", columns).items():
        if name not in personal:
            counted[name] = of
        elif isinstance(of, dict):
            counted[name] = {key: one for key, one in cast("dict[str, Any]", of).items() if key in _COUNTS}
    return {**said, "columnMetrics": counted}


def profile(facet: Fields, personal: frozenset[str], declared: Mapping[str, str | None]) -> dict[str, Any] | None:
    """What data quality metrics say, as fields of a profile; None where they do not name the rows.

    `personal`: columns whose values nobody may see. `declared`: types by column. Raises Misshapen.
    """
    columns = facet.named("columnMetrics")
    rows = facet.whole("rowCount")
    told = [(name, metrics, _counts(metrics)) for name, metrics in columns]
    if rows is None:
        counted = [count + (nulls or 0) for _, _, (count, nulls) in told if count is not None]
        if not counted:
            return None
        rows = max(counted)
    rest: dict[str, Any] = {}
    found: list[dict[str, Any]] = []
    for name, metrics, (_, nulls) in told:
        hidden = name in personal
        found.append(_column(name, metrics, rows, nulls, declared.get(name), hidden=hidden))
        if metrics.left and not hidden:
            rest[name] = metrics.left
    others = {key: facet.take(key) for key in list(facet.left) if key not in {"_producer", "_schemaURL"}}
    if rest:
        others["columnMetrics"] = rest
    kept = {"dataQualityMetrics": text_of(others)} if others else {}
    return {"rows": rows, "columns_total": max(len(found), len(declared)), "columns": found, "facets": kept}


def _counts(metrics: Fields) -> tuple[int | None, int | None]:
    """Values and nulls of a column. The specification counts values as a number, so it may be 3.0."""
    return Fields(metrics.left, metrics.path).whole("count"), metrics.whole("nullCount")


def _column(
    name: str, metrics: Fields, rows: int, nulls: int | None, declared: str | None, *, hidden: bool
) -> dict[str, Any]:
    distinct = metrics.whole("distinctCount")
    least, most = _taken(metrics, "min"), _taken(metrics, "max")
    points = _quantiles(metrics, least, most)
    nulls = min(nulls or 0, rows)
    if metrics.left.get("count") in {rows, rows - nulls}:
        del metrics.left["count"]
    found: dict[str, Any] = {
        "name": name,
        "type": "other" if least is None and most is None and not points else "numeric",
        "declared_type": declared,
        "count": rows,
        "nulls": nulls,
        "distinct": distinct,
        "personal": hidden,
    }
    if hidden:
        return found
    total = number(metrics.left.get("sum")) if rows > nulls else None
    exact = any(abs(point) > 2**24 for point in points)
    return found | {
        "minimum": least,
        "maximum": most,
        "mean": None if total is None else total / (rows - nulls),
        "quantiles_exact" if exact else "quantiles": points,
    }


def _taken(metrics: Fields, name: str) -> float | None:
    """A number; what is none (a date's text) stays where it is."""
    value = metrics.left.get(name)
    found = number(value) if not isinstance(value, str) else None
    if found is not None:
        del metrics.left[name]
    return found


def _quantiles(metrics: Fields, least: float | None, most: float | None) -> list[float]:
    """129 points through those that are given, straight between two; empty where they are too few."""
    given = metrics.left.get("quantiles")
    if not isinstance(given, dict):
        return []
    points = {float(at): float(of) for at, of in _numbers(given.items()) if 0 <= at <= 1}
    inner = sum(0 < at < 1 for at in points)
    if least is not None:
        points[0.0] = least
    if most is not None:
        points[1.0] = most
    line = sorted(points.items())
    if (
        inner < _FEWEST_QUANTILES
        or line[0][0] > 0
        or line[-1][0] < 1
        or any(b < a for (_, a), (_, b) in pairwise(line))
    ):
        return []
    found: list[float] = []
    at = 0
    for step in range(_STEPS + 1):
        place = step / _STEPS
        while line[at + 1][0] < place:
            at += 1
        (left, low), (right, high) = line[at], line[at + 1]
        share = (place - left) / (right - left)
        found.append(low * (1 - share) + high * share)
    return found if all(abs(point) < _FLOAT_MAX for point in found) else []


def _numbers(entries: Any) -> Iterator[tuple[float, float]]:
    for name, value in entries:
        at, of = number(name), number(value)
        if at is not None and of is not None:
            yield at, of


def verdicts_of(dataset: Mapping[str, Any], about: Mapping[str, Any], event_id: bytes) -> Iterator[dict[str, Any]]:
    """A verdict for each assertion of a dataset: alarm where one failed, warn where it is only to warn, else ok.

    Those that held are told too: by them an incident ends. `about`: the event's time, job and run.
    """
    for position, one in enumerate(dataset.get("assertions", ())):
        name = one["assertion"] + (f" of {one['column']}" if one["column"] else "")
        shown = f"{dataset['namespace']}/{dataset['name']}"
        values = {key: one["details"][key] for key in ("expected", "actual") if key in one["details"]}
        compared = "".join(f", {key} {value}" for key, value in values.items())
        yield {
            **about,
            **{key: dataset.get(key) for key in ("namespace", "name", "version")},
            "column": one["column"],
            "event_id": digest("assertion", event_id, dataset["namespace"], dataset["name"], str(position)),
            **_outcome(one["success"], one["severity"]),
            "rule": one["details"].get("name", text_of(one["assertion"])).strip('"'),
            "explanation": f"{shown}: {name} {'held' if one['success'] else 'failed'}{compared}",
            "evidence": {**one["details"], "assertion": text_of(one["assertion"])},
        }


def verdicts_of_tests(tests: Sequence[Fields], about: Mapping[str, Any], event_id: bytes) -> Iterator[dict[str, Any]]:
    """A verdict on the job for each test that passed or failed. Raises Misshapen."""
    for position, one in enumerate(tests):
        name, status = one.name("name"), (one.text("status") or "").lower()
        if status not in {"pass", "fail"}:
            continue
        yield {
            **about,
            "event_id": digest("test", event_id, str(position)),
            **_outcome(status == "pass", one.text("severity")),
            "rule": name,
            "explanation": f"{about['job_namespace']}/{about['job_name']}: test {name} {status}ed",
            "evidence": {key: text_of(value) for key, value in one.left.items()},
        }


def _outcome(success: bool, severity: str | None) -> dict[str, Any]:
    warns = (severity or "").lower().startswith("warn")
    outcome = "ok" if success else "warn" if warns else "alarm"
    return {
        "check": "assertion",
        "outcome": outcome,
        "severity": {"ok": 0.0, "warn": 0.2, "alarm": 0.5}[outcome],
        "score": 0.0 if success else 1.0,
    }
