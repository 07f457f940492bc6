"""Great Expectations with OpenLineage's validation action, pointed here by nothing but the address and a key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headwater.schemas.topics import PROFILES, VERDICTS
from tests.backends.kinds import Kafka
from tests.backends.processes import wait_until
from tests.benchmarks.peers import run_peer
from tests.infra.gateway.real_clients import environment, line

pytestmark = [pytest.mark.integration, pytest.mark.prove, pytest.mark.timeout(1500)]

#: The newest pair whose action works: since 1.45 it asks for Great Expectations 1.0, which never calls what it has. The
#: others are what that Great Expectations needs and does not say.
GREAT_EXPECTATIONS = (
    "openlineage-integration-common==1.38.0",
    "openlineage-python==1.38.0",
    "openlineage-sql==1.38.0",
    "great_expectations==0.15.34",
    "sqlalchemy<1.5",
    "notebook<7",
    "pandas<2",
    "numpy<1.24",
    "marshmallow<4",
)


@pytest.mark.backends("local")
def test_great_expectations_are_verdicts_and_a_profile(kafka: Kafka, prefix: str, tmp_path: Path) -> None:
    """A checkpoint on a table in SQLite: what it measured is a profile, and each expectation a verdict, two of them
    alarms; but for the one whose outcome the client could not write (a boolean of numpy's), which the facet keeps.
    """
    python = environment("great-expectations", *GREAT_EXPECTATIONS)
    with line(kafka, prefix, tmp_path, workers=()) as found:
        address = {"OPENLINEAGE_URL": found.gateway.url, "OPENLINEAGE_API_KEY": found.key}
        held = run_peer(python, "great_expectations_shop.py", str(tmp_path), environment=address)
        unwritten = held.pop("expect_column_quantile_values_to_be_between")
        wait_until(lambda: len(found.records(VERDICTS.name, "verdict")) >= len(held), 60, "a verdict for each")
        wait_until(lambda: bool(found.records(PROFILES.name, "profile")), 30, "the profile")
        run_events = found.runs()
        verdicts, profiles = found.records(VERDICTS.name, "verdict"), found.records(PROFILES.name, "profile")
    said = {(one["rule"], one["column"], one["outcome"]) for one in verdicts}
    rows = [one["rows"] for one in profiles]
    print(json.dumps({"verdicts": sorted(map(str, said)), "rows": rows}, indent=1))  # noqa: T201 — what the proof shows
    assert unwritten
    assert sum(held.values()) == len(held) - 2 == 4
    assert {rule: outcome for rule, _, outcome in said} == {
        rule: "ok" if success else "alarm" for rule, success in held.items()
    }
    assert {(column, outcome) for _, column, outcome in said if outcome == "alarm"} == {
        ("customer", "alarm"),
        ("amount", "alarm"),
    }
    (event,) = run_events
    assert [(one["name"].rpartition(".")[2], len(one["columns"])) for one in event["inputs"]] == [("orders", 3)]
    assert "non-serializable" in event["inputs"][0]["facets"]["greatExpectations_assertions"]
    (profile,) = profiles
    assert profile["rows"] == 50
    columns = {one["name"]: one for one in profile["columns"]}
    assert (columns["customer"]["nulls"], columns["customer"]["distinct"]) == (5, 7)
    amount = columns["amount"]
    assert (amount["minimum"], amount["maximum"], amount["mean"]) == (1.5, 75.0, 38.25)
    assert len(amount["quantiles"]) == 129
    assert amount["quantiles"][64] == pytest.approx(38.25, rel=0.05)
