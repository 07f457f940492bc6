"""Long runs: what compiled code takes of them is what the reference says, and what they keep is packed."""

from __future__ import annotations

import copy
import random
import uuid
from itertools import pairwise
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from headwater.schemas import plain
from headwater.schemas.codec import Bodies
from headwater.settings import Settings
from headwater.stitching import StitchingStep, long_runs, retelling, state_records, wide
from headwater.stitching.folding import Folded
from headwater.streams import Batch, Group
from tests.consumers.stitching import reference, worlds
from tests.consumers.stitching.lives import Lives
from tests.consumers.stitching.test_examples import dataset, event
from tests.consumers.stitching.test_rules import cut, history

Event = dict[str, Any]


@pytest.fixture(params=[2, 6, 4096])
def early(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run that is folded is a long one from its second message on; so many pairs make it wide."""
    monkeypatch.setattr(long_runs, "FEWEST", 1)
    monkeypatch.setattr(wide, "WIDE", request.param)


#: What messages say beside their inputs, few kinds, so that most are of one that was said; links keep runs folded.
LINKS = [[{"topic": "t", "partition": 0, "offset": 1}], [{"topic": "t", "partition": 0, "offset": 2}]]
OUTPUTS: list[list[Event]] = [
    [],
    [dataset("out", "1")],
    [dataset("out")],
    [dataset("out", "1", kind="file"), dataset("more", "1")],
    [dataset("out", "1", column_lineage=[dataset("a", column="x", target_column="x")])],
    [dataset("out", "1", edges=[dataset("b", "1")])],
    [dataset("more", "1", edges=[dataset("c")], edges_complete=True)],
    [dataset("d", "1")],
]


def _input(name: str, version: str | None, kind: str) -> Event:
    return dataset(name, version, kind=kind)


inputs = st.lists(
    st.builds(
        _input,
        st.sampled_from("abcdefgh"),
        st.sampled_from([None, "1", "2"]),
        st.sampled_from(["table", "file"]),
    ),
    max_size=3,
)


#: Outputs that say nothing of what they were made from; some are inputs, too.
plain_outputs = st.lists(
    st.builds(
        _input,
        st.sampled_from(["a", "b", "out", "more", "o1", "o2", "o3", "o4"]),
        st.sampled_from([None, None, "1", f"run:{uuid.UUID(bytes=worlds.RUNS[0])}"]),
        st.sampled_from(["table", "file"]),
    ),
    max_size=2,
)


@st.composite
def said(draw: st.DrawFn) -> list[Event]:
    """Events of one run: mostly RUNNING, with inputs or outputs that are new and the rest of one of a few kinds."""
    kinds = draw(st.lists(st.tuples(st.sampled_from(LINKS), st.sampled_from(OUTPUTS)), min_size=1, max_size=3))
    events: list[Event] = []
    for number in range(draw(st.integers(1, 12))):
        links, outputs = draw(st.sampled_from(kinds))
        state = draw(st.sampled_from(["RUNNING"] * 12 + ["START", "OTHER", "COMPLETE", "FAIL"]))
        run = {"run_id": worlds.RUNS[0], "state": state, "links": links}
        job = draw(st.sampled_from(["one"] * 20 + ["two"]))
        further = draw(st.sampled_from(["inputs", "inputs", "outputs", "outputs", "both"]))
        read = draw(inputs) if further != "outputs" else []
        written = [*copy.deepcopy(outputs), *(draw(plain_outputs) if further != "inputs" else [])]
        events.append(event(number, state, read, written, job, run=run))
    return events


@pytest.mark.usefixtures("early")
@given(data=st.data())
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_long_runs_say_is_the_reference_history(data: st.DataObject) -> None:
    """In any cut into chunks, repeated or not, each edge has the events that the reference names."""
    events = data.draw(said())
    chance = data.draw(st.randoms(use_true_random=False))
    events += copy.deepcopy(chance.sample(events, len(events) // 3))
    expected = history(events)
    assert reference.said(worlds.feed(StitchingStep(Settings()), cut(events, chance))) == expected


@pytest.mark.usefixtures("early")
@pytest.mark.parametrize("young", [0, 10_000])
@given(data=st.data())
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_long_run_that_moves_and_whose_worker_dies(young: int, tmp_path: Path, data: st.DataObject) -> None:
    """Packed, put away, read again, restored: the history stays the reference's."""
    events = data.draw(said())
    chance = data.draw(st.randoms(use_true_random=False))
    expected = history(events)
    arrivals = [worlds.ARRIVAL + 20_000 * n for n in range(len(events))]
    with Lives(Settings(stitching_young_seconds=young, stitching_folder=str(tmp_path)), events, arrivals) as lives:
        for _ in range(20):
            match chance.choice(["take", "take", "tick", "commit", "commit", "die", "compact"]):
                case "take":
                    lives.take(chance.randint(1, 5))
                case "tick":
                    lives.tick()
                case "commit":
                    lives.commit()
                case "die":
                    lives.die(chance)
                case _:
                    lives.compact()
        while lives.position < len(events):
            lives.take(chance.randint(1, 5))
        lives.commit()
        assert reference.said(lives.said()) == expected


def long(count: int, outputs: list[Event]) -> list[Event]:
    """RUNNING events, each of which names another input."""
    return [event(n, "RUNNING", [dataset("same"), dataset(f"part-{n}", "1")], outputs) for n in range(1, count + 1)]


def writing(count: int) -> list[Event]:
    """RUNNING events, each of which names another output, every second one without a version."""
    return [
        event(n, "RUNNING", [dataset("same")], [dataset("always"), dataset(f"part-{n}", "1" if n % 2 else None)])
        for n in range(1, count + 1)
    ]


@pytest.mark.parametrize("told", [long(3000, []), writing(3000)], ids=["inputs", "outputs"])
def test_what_a_long_run_keeps_of_a_dataset_is_small(told: list[Event], monkeypatch: pytest.MonkeyPatch) -> None:
    """Below 400 bytes for a dataset and the event that named it; what it is said to take is what it takes."""
    monkeypatch.setattr(wide, "WIDE", 100)
    step = StitchingStep(Settings())
    sets = [one for at in range(0, 3000, 1000) for one in worlds.feed_one(step, told[at : at + 1000], at)]
    assert reference.standing(reference.said(sets)) == reference.current(told)
    [run] = step._partitions[0].kept.values()  # pyright: ignore[reportPrivateUsage]  # nobody else asks
    assert isinstance(run, Folded)
    assert (run.news, len(run.log)) == (3000, 3000 - sum(one.grown.events for one in run.units.values() if one.grown))
    assert len(run.log) < 40
    assert run.size < 400 * 3000


def test_wide_long_runs_stay_below_the_size_of_a_message() -> None:
    """9,000 inputs of 200 bytes, before and after their output is known: messages of at most 256 KB say all pairs."""
    events = [
        *long(4000, []),
        *(event(n, "RUNNING", [dataset(f"{n}-{'x' * 200}", "1")], []) for n in range(4001, 7001)),
    ]
    sink = [dataset("sink", "1")]
    late = [event(n, "RUNNING", [dataset(f"{n}-{'x' * 200}", "1")], sink) for n in range(7001, 9001)]
    step = StitchingStep(Settings())
    made = [output for at, some in ((0, events), (7000, late)) for output in step.process(worlds.batch(some, at))]
    assert max(len(output.value) for output in made) <= 256 * 1024
    told = reference.standing(reference.said(map(worlds.decoded, made)))
    assert len({fact[2] for fact in told}) == len(told) == 9001


def test_equal_names_written_otherwise_are_one_input() -> None:
    """A length with a byte more than it needs: another writer's bytes, the same dataset."""
    events = [event(n, "RUNNING", [dataset("x", "1")], []) for n in range(1, 60)]
    events += [event(60, "RUNNING", [dataset("y", "1")], []), event(61, "RUNNING", [dataset("y", "1")], [])]
    events += [event(62, "COMPLETE", [], [dataset("z", "1")])]
    links = [{"topic": "t", "partition": 0, "offset": 1}]
    for one in events:
        one["run"]["links"] = links
    values = [plain.message(worlds.SCHEMA, worlds.whole(one)) for one in events]
    for place in (59, 60):
        short, longer = b"\x04ns\x02y", b"\x84\x00ns\x02y"
        assert values[place].count(short) == 1
        values[place] = values[place].replace(short, longer) if place == 60 else values[place]
    bodies = Bodies.join(values, 10)
    count = len(values)
    batch = Batch(
        "lineage.runs",
        0,
        [worlds.RUNS[0]] * count,
        np.arange(count, dtype=np.int64),
        np.full(count, worlds.ARRIVAL, np.int64),
        [Group(worlds.SCHEMA, np.arange(count, dtype=np.int64), bodies)],
        values,
    )
    made = map(worlds.decoded, StitchingStep(Settings()).process(batch))
    assert reference.said(made) == reference.history([worlds.whole(one) for one in events])


def test_many_kinds_of_messages_are_looked_at_again_when_they_are_forgotten() -> None:
    """Each message names another column: what tells repeated ones is bounded, and the edges are the reference's."""
    chance = random.Random(5)
    events: list[Event] = []
    for number in range(1, 200):
        row = dataset("a", column=f"c{number}", target_column="x" * 2000)
        events.append(event(number, "RUNNING", [dataset(f"i{number}")], [dataset("out", "1", column_lineage=[row])]))
    chance.shuffle(events)
    step = StitchingStep(Settings())
    sets = worlds.feed(step, [events[:90], events[90:], events])
    assert reference.standing(reference.said(sets)) == reference.current(events)
    assert worlds.feed_one(step, events[:20], 1000) == []


@pytest.mark.parametrize("events", [long(60, []), writing(60)], ids=["inputs", "outputs"])
def test_what_is_kept_of_a_long_run_is_what_it_was_told(events: list[Event]) -> None:
    """Messages put together from bytes say what those that came said first, and read as any other."""
    step = StitchingStep(Settings())
    worlds.feed_one(step, events, 0)
    [run] = step._partitions[0].kept.values()  # pyright: ignore[reportPrivateUsage]  # nobody else asks
    assert isinstance(run, Folded)
    offsets, lengths, said = retelling.messages(run, 50)
    assert offsets.tolist() == list(range(50))
    ends = np.cumsum(lengths).tolist()
    kept = [b"".join(said)[start:end] for start, end in pairwise([0, *ends])]
    for came, message in zip(events[:50], kept, strict=True):
        told = plain.decode(worlds.SCHEMA, message[10:])
        expected = worlds.whole(came)
        for output in expected["outputs"]:
            if output["version"] is None:
                output |= {"version": f"run:{uuid.UUID(bytes=worlds.RUNS[0])}", "version_origin": "run"}
        if came is not events[0]:
            for side in ("inputs", "outputs"):
                expected[side] = [one for one in expected[side] if one["name"] not in {"same", "always"}]
        nobody = {"emit_time": 0, "producer_id": bytes(16), "sequence": 0, "actor": None, "purpose": None}
        plainly = plain.decode(worlds.SCHEMA, plain.encode(worlds.SCHEMA, {**expected, **nobody}))
        wanted = ("event_id", "event_time", "part", "parts", "kind", "run", "inputs", "outputs", *nobody)
        assert {name: told[name] for name in wanted} == {name: plainly[name] for name in wanted}
        assert (told["job"]["namespace"], told["job"]["name"]) == (came["job"]["namespace"], came["job"]["name"])


def test_a_long_run_is_not_put_on_the_state_topic_at_each_tick(tmp_path: Path) -> None:
    """For twelve minutes it says something each two seconds: its state is written twice, not two hundred times."""
    events = long(360, [])
    arrivals = [worlds.ARRIVAL + 2_000 * n for n in range(len(events))]
    with Lives(Settings(stitching_folder=str(tmp_path)), events, arrivals) as lives:
        while lives.position < len(events):
            lives.take(1)
            lives.commit()
            lives.tick()
        lives.commit()
        assert len([key for key, _ in lives.state if key[:1] == state_records.RUN]) == 2


def test_inputs_and_outputs_in_turns_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stretches of events that name one and then the other, in chunks and in one; a wide run's pairs are told once,
    each by the later of the two events.
    """
    monkeypatch.setattr(wide, "WIDE", 300)
    events: list[Event] = []
    for number in range(1, 121):
        is_read = number // 10 % 2 == 1
        mine = [dataset(f"{'i' if is_read else 'o'}{number}", "1" if number % 3 else None)]
        run = {"run_id": worlds.RUNS[0], "state": "RUNNING", "links": LINKS[0]}
        events.append(event(number, "RUNNING", mine if is_read else [], [] if is_read else mine, run=run))
    complete = dataset("o7", "1", edges=[dataset("i11", "1")], edges_complete=True)
    events.append(event(121, "COMPLETE", [], [complete]))
    expected = reference.history([worlds.whole(one) for one in events])
    for size in (7, len(events)):
        step = StitchingStep(Settings())
        sets = worlds.feed(step, [events[at : at + size] for at in range(0, len(events), size)])
        assert reference.said(sets) == expected
        [folded] = step._partitions[0].kept.values()  # pyright: ignore[reportPrivateUsage]  # nobody else asks
        assert isinstance(folded, Folded)
        assert len(folded.log) < 40


@pytest.mark.parametrize(("of_job", "of_output", "of_inputs"), [(195_500, 60_000, 30_000), (262_000, 10, 100)])
def test_names_so_long_that_they_leave_no_room(of_job: int, of_output: int, of_inputs: int) -> None:
    """Events from before names had a bound (a rebuild reads them): a message then takes one input; nothing is lost,
    nothing is written where it does not belong.
    """
    links = [{"topic": "t", "partition": 0, "offset": 1}]

    def told(number: int, state: str, inputs: list[Event], outputs: list[Event]) -> Event:
        run = {"run_id": worlds.RUNS[0], "state": state, "links": links}
        return event(number, state, inputs, outputs, "j" * of_job, run=run)

    outputs = [dataset("o" * of_output, "1"), *(dataset(f"o{n}", "1") for n in range(400))]
    events = [told(1, "START", [dataset("a")], outputs)]
    events += [told(n, "RUNNING", [dataset(f"i{n}", "1")], []) for n in range(2, 40)]
    events += [told(n, "RUNNING", [dataset(f"i{n}-{'x' * of_inputs}", "1")], []) for n in range(40, 50)]
    step = StitchingStep(Settings())
    made = worlds.feed(step, [events[at : at + 20] for at in range(0, len(events), 20)])
    assert reference.standing(reference.said(made)) == reference.current(events)


#: As long as a text of an event may be.
LONG = "x" * (8 * 1024 - 4)


def _longest(name: str, **further: Any) -> Event:
    """A dataset whose texts are all as long as they may be."""
    texts = {"namespace": LONG, "version": LONG, "version_origin": LONG, "kind": LONG}
    return {"name": f"{LONG}{name:>4}", **texts, **further}


@pytest.mark.parametrize("linked", [False, True], ids=["ordinary", "folded"])
@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (9, 3), (5000, 1)])
def test_no_edge_set_is_larger_than_256_kb(linked: bool, inputs: int, outputs: int) -> None:
    """Whatever the events that it is made of: all texts are as long as they may be, or many kinds are."""
    links = [{"topic": LONG, "partition": 0, "offset": 1}] if linked else []
    parent = {"run_id": bytes(16), "job_namespace": LONG, "job_name": LONG}
    row = dict.fromkeys(("column", "target_column", "transformation", "subtype", "description", "captured"), LONG)
    job = {"namespace": LONG, "name": LONG}

    def told(number: int, state: str, read: list[Event], written: list[Event]) -> Event:
        run = {"run_id": worlds.RUNS[0], "state": state, "parent": parent, "root": parent, "links": links}
        return event(number, state, read, written, run=run, job=job)

    if inputs < 100:
        read = [_longest(f"i{n}") for n in range(inputs)]
        made_of = [{"namespace": LONG, "name": one["name"], "version": LONG, **row} for one in read]
        written = [_longest(f"o{n}", column_lineage=made_of) for n in range(outputs)]
    else:
        # Small names with large kinds.
        read = [dataset(f"i{n}", "1", kind="k" * 500) for n in range(inputs)]
        written = [dataset(f"o{n}", "1", kind=LONG) for n in range(outputs)]
    events = (
        [told(n, "START", [one], []) for n, one in enumerate(read, 1)]
        if inputs < 100
        else [told(1, "START", read[:2000], []), told(2, "START", read[2000:], [])]
    )
    events.append(told(len(events) + 1, "COMPLETE", [], written))
    step = StitchingStep(Settings())
    made = [output for at, one in enumerate(events) for output in step.process(worlds.batch([one], at))]
    assert max(len(output.value) for output in made) <= 256 * 1024
    assert reference.standing(reference.said(map(worlds.decoded, made))) == reference.current(events)
