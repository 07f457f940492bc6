"""The gateway over HTTP: what is taken, what is refused and how, what a client may ask again."""

from __future__ import annotations

import gzip
import json
import socket
from typing import Any

import httpx
import pytest

from headwater.schemas.topics import VERDICTS
from tests.consumers.openlineage.samples import AIRFLOW, DBT, HAND_WRITTEN, SPARK
from tests.consumers.openlineage.test_translation import changed
from tests.infra.gateway.conftest import Gateway

pytestmark = [pytest.mark.integration, pytest.mark.backends("embedded")]

SINGLE, BATCH = "/api/v1/lineage", "/api/v1/lineage/batch"


def run(number: int) -> dict[str, Any]:
    """An event of a run of its own."""
    return changed(SPARK, run__runId=f"018f30e2-9000-7b3c-8f77-{number:012x}")


def test_an_event_is_on_the_topic_when_it_is_answered(gateway: Gateway) -> None:
    """201, and its messages stand there; gzip as well; the same event again adds the same content."""
    before = len(gateway.sent())
    event = run(1)
    answers = [
        httpx.post(gateway.url + SINGLE, json=event),
        httpx.post(
            gateway.url + SINGLE,
            content=gzip.compress(json.dumps(event).encode()),
            headers={"content-encoding": "gzip", "content-type": "application/json"},
        ),
    ]
    assert [one.status_code for one in answers] == [201, 201]
    found = gateway.sent()[before:]
    assert len(found) == 2
    assert len(set(found)) == 1


def test_what_is_refused_says_where_and_is_not_asked_again(gateway: Gateway) -> None:
    """A wrong event: 422 with its place; no JSON: 400; neither has Retry-After, which clients would obey."""
    wrong = changed(SPARK, inputs__0__namespace="")
    answer = httpx.post(gateway.url + SINGLE, json=wrong)
    assert answer.status_code == 422
    assert "inputs[0].namespace" in answer.json()["message"]
    json_type = {"content-type": "application/json"}
    cases: list[tuple[bytes, dict[str, str], int]] = [
        (b"{", json_type, 400),
        (b"", json_type, 400),
        (b"[" * 100_000, json_type, 400),
        (b"\x1f\x8bno", {**json_type, "content-encoding": "gzip"}, 400),
        (gzip.compress(b"{}")[:-4], {**json_type, "content-encoding": "gzip"}, 400),
        (b"{}", {**json_type, "content-encoding": "br"}, 415),
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"[]", json_type, 422),
        (b"{}", {**json_type, "origin": "https://example.org"}, 403),
        (b"{}", {**json_type, "host": "example.org"}, 403),
        (gzip.compress(bytes(17 * 1024 * 1024)), {**json_type, "content-encoding": "gzip"}, 413),
        (bytes(17 * 1024 * 1024), json_type, 413),
    ]
    for body, headers, status in cases:
        answer = httpx.post(gateway.url + SINGLE, content=body, headers=headers, timeout=30)
        assert answer.status_code == status, answer.text
        assert answer.json()["code"] == status
        assert "retry-after" not in answer.headers
    assert httpx.get(gateway.url + "/nothing").status_code == 404
    answer = httpx.get(gateway.url + SINGLE)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_a_batch_takes_what_it_can_and_names_the_rest(gateway: Gateway) -> None:
    """The good ones are there, with a verdict of dbt's failed test; the wrong one is named; a retry adds nothing."""
    before = len(gateway.sent()), len(gateway.sent(VERDICTS.name))
    events = [*HAND_WRITTEN, {"eventTime": "never"}]
    for _ in range(2):
        answer = httpx.post(gateway.url + BATCH, json=events)
        assert answer.status_code == 200
        told = answer.json()
        assert told["status"] == "partial_success"
        assert told["summary"] == {"received": 4, "successful": 3, "failed": 1, "retriable": 0, "non_retriable": 1}
        assert [(one["index"], one["retriable"]) for one in told["failed_events"]] == [(3, False)]
    runs, verdicts = gateway.sent()[before[0] :], gateway.sent(VERDICTS.name)[before[1] :]
    assert (len(runs), len(set(runs))) == (6, 3)
    assert (len(verdicts), len(set(verdicts))) == (4, 2)
    assert httpx.post(gateway.url + BATCH, json=[AIRFLOW, DBT]).json()["status"] == "success"
    assert httpx.post(gateway.url + BATCH, json=[{}]).status_code == 422
    assert httpx.post(gateway.url + BATCH, json=[]).status_code == 200
    assert httpx.post(gateway.url + BATCH, json=AIRFLOW).status_code == 422


def test_numbers_and_texts_that_json_has_not_are_taken(gateway: Gateway) -> None:
    """Python's clients write NaN, and whole numbers of any length; they are kept as they were said."""
    event = changed(SPARK, run__facets__odd={"nan": float("nan"), "large": 2**70})
    text = json.dumps(event)
    answer = httpx.post(gateway.url + SINGLE, content=text, headers={"content-type": "application/json"})
    assert answer.status_code == 201


def test_its_figures_are_told(gateway: Gateway) -> None:
    """Prometheus finds the requests and events; /ready says that the broker is there; the description is served."""
    assert httpx.post(gateway.url + SINGLE, json=run(2)).status_code == 201
    text = httpx.get(gateway.url + "/metrics").text
    assert "headwater_gateway_broker_up 1" in text
    assert f'headwater_gateway_requests_total{{path="{SINGLE}",status="201"}}' in text
    assert 'headwater_gateway_request_seconds_bucket{le="+Inf"}' in text
    assert httpx.get(gateway.url + "/openapi.json").json()["openapi"] == "3.1.0"


def test_a_client_that_goes_away_harms_nobody(gateway: Gateway) -> None:
    """Half a head, half a body, nothing at all: the next one is answered."""
    host, port = gateway.url.removeprefix("http://").split(":")
    for sent in (
        b"",
        b"POST /api/v1/lin",
        b"POST /api/v1/lineage HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{",
    ):
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(sent)
    assert httpx.post(gateway.url + SINGLE, json=run(3)).status_code == 201
