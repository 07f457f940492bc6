"""What an integration that knows nothing of Headwater says of quality becomes an incident, and ends it."""

from __future__ import annotations

from typing import Any

from tests.consumers.detection.telling import Told
from tests.consumers.openlineage.samples import AIRFLOW, Event, facet
from tests.consumers.openlineage.test_translation import changed, told


def daily(number: int, *, success: bool, **facets: Any) -> Event:
    """The run of a day: it tested one column of what it wrote."""
    test = {"assertion": "not_null", "success": success, "column": "amount"}
    kept = {"dataQualityAssertions": facet("DataQualityAssertionsDatasetFacet", assertions=[test]), **facets}
    return changed(
        AIRFLOW,
        eventType="COMPLETE",
        eventTime=f"2026-11-{number:02}T06:00:00Z",
        run={"runId": f"01890000-0000-7000-8000-0000000000{number:02}"},
        inputs=[],
        outputs=[{"namespace": "shop", "name": "orders", "facets": kept}],
    )


def judge(book: Told, event: Event) -> list[dict[str, Any]]:
    """The messages after all verdicts of an event."""
    for verdict in told(event, "lineage.verdicts"):
        book.book.verdict(verdict, book.now)
    return book.wait(15)


def test_a_failed_assertion_opens_an_incident_that_says_which() -> None:
    """It names the assertion, not a drift, and gives no measure where nothing was measured. It ends when it holds
    again, and a day between that tells nothing of it changes nothing.
    """
    book = Told()
    assert judge(book, daily(1, success=True)) == []
    (opened,) = judge(book, daily(2, success=False))
    assert opened["state"] == "opened"
    assert opened["title"] == "not_null of shop/orders.amount failed"
    assert opened["explanation"].startswith("shop/orders: not_null of amount failed")
    assert opened["root"]["name"] == "orders"
    assert "limit" not in opened["root"]["explanation"]
    assert opened["root"]["explanation"].endswith("1 alarm at or below it")
    assert judge(book, daily(3, success=False)) == []
    assert judge(book, changed(AIRFLOW, eventType="COMPLETE", eventTime="2026-11-04T06:00:00Z")) == []
    held = [message["state"] for number in range(5, 9) for message in judge(book, daily(number, success=True))]
    assert held == ["resolved"]


def test_a_failed_test_of_a_job_is_named_after_the_job() -> None:
    """A test facet is about the run's job: there is no dataset to name."""
    run: dict[str, Any] = {"runId": "01890000-0000-7000-8000-000000000001"}
    run |= {"facets": {"test": facet("TestRunFacet", tests=[{"name": "unique_orders", "status": "fail"}])}}
    event = changed(AIRFLOW, eventType="FAIL", inputs=[], outputs=[], run=run)
    (verdict,) = told(event, "lineage.verdicts")
    assert (verdict["check"], verdict["outcome"]) == ("assertion", "alarm")
    (opened,) = judge(Told(), event)
    assert opened["title"] == f"unique_orders of {AIRFLOW['job']['namespace']}/{AIRFLOW['job']['name']} failed"
