"""The producer for tests: what a service told, to be asserted on."""

from __future__ import annotations

import sys
import types

import pytest

from headwater.producer import InMemoryProducer
from headwater.producer._fields import RunFields
from headwater.settings import Settings


def test_a_run_as_all_its_events_tell_it() -> None:
    """Datasets, parameters, metrics, lineage, error and parent, each once, whichever event told it."""
    producer = InMemoryProducer(Settings())
    raw, clean = producer.dataset("lake", "raw", version="1"), producer.dataset("lake", "clean")

    def broken() -> None:
        given: RunFields = {"inputs": [raw], "parameters": {"a": [1, "x"]}, "facets": {"f": {"b": None}}}
        with producer.run(producer.job("shop", "outer")), producer.run(producer.job("shop", "inner"), **given) as run:
            run.output(clean)
            run.lineage(clean, "total", raw, "amount")
            run.metric("rows", 3)
            run.report()
            run.input(raw)
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        broken()
    (outer,), (told,) = producer.runs("outer"), producer.runs("inner")
    assert (told.namespace, told.job, told.parent) == ("shop", "inner", outer.run_id)
    assert (told.states, told.state) == (["START", "RUNNING", "FAIL"], "FAIL")
    assert (told.inputs, told.outputs) == (["lake/raw@1"], ["lake/clean"])
    assert (told.parameters, told.metrics, told.facets) == ({"a": [1, "x"]}, {"rows": 3.0}, {"f": {"b": None}})
    assert told.lineage == [("lake/clean", "total", "lake/raw@1", "amount")]
    assert told.error == "ValueError: broken"
    assert [one.job for one in producer.runs()] == ["outer", "inner"]
    producer.clear()
    assert producer.runs() == []


def test_it_reads_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test is the same on every machine, also where producers are switched off."""
    monkeypatch.setenv("HEADWATER_ACTOR", "somebody")
    monkeypatch.setenv("HEADWATER_DISABLED", "1")
    producer = InMemoryProducer()
    producer.reads(producer.job("a", "b"), producer.dataset("a", "c"))
    (event,) = producer.events
    assert event["actor"] is None


def test_an_error_while_another_thread_loads_asyncio_is_told_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The module is there, and nothing is in it yet: the run fails with the host's error, and so does the host."""
    producer = InMemoryProducer()
    monkeypatch.setitem(sys.modules, "asyncio", types.ModuleType("asyncio"))
    with pytest.raises(ValueError, match="the host's own"), producer.run(producer.job("ns", "job")):
        raise ValueError("the host's own")
    assert producer.runs()[0].states == ["START", "FAIL"]
