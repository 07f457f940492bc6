"""Runs that a worker cannot keep as messages alone, for lines that are killed: folded, in parts, long, wide."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

from headwater.schemas import plain, records
from tests.consumers.stitching import worlds

Message = tuple[bytes, bytes]
Event = dict[str, Any]

_NOON = 1_700_000_000_000_000
#: Events of a long run; so many go out first, by which it is a long one, and so many at a time then.
_LONG, _FIRST, _AT_ONCE = 36, 20, 4


def _named(names: Iterable[str], **further: Any) -> list[Event]:
    return [{"namespace": "s3://lake", "name": name, "version": "1", **further} for name in names]


class OddRuns:
    """Every dataset has a version, so the history shows just what was said."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._long_run: list[Message] = []
        self._asked = 0

    def next(self) -> list[Message]:
        """More of a long run; each third time a run with explicit edges and one in parts; first a wide one."""
        count = _AT_ONCE
        if not self._long_run:
            self._long_run, count = self._long(), _FIRST
        made, self._long_run = self._long_run[:count], self._long_run[count:]
        if self._asked == 0:
            made += self._wide()
        if self._asked % 3 == 0:
            made += [*self._stated(), *self._in_parts()]
        self._asked += 1
        return made

    def _stated(self) -> list[Message]:
        """What is complete replaces the product that stood before; a message link keeps it folded."""
        link = {"topic": "orders", "partition": 0, "offset": self._chance.getrandbits(20)}
        complete = _named(["c"], edges=_named(["a"]), edges_complete=True)
        return self._run(
            ("START", _named(["a", "b"]), _named(["c", "d"]), {"links": [link]}),
            ("RUNNING", [], complete, {}),
            ("COMPLETE", _named(["late"]), [], {}),
        )

    def _in_parts(self) -> list[Message]:
        """Its end counts, and its complete list, once all three parts are there."""
        row = {**_named(["b"])[0], "column": "x", "target_column": "y"}
        parts: list[tuple[list[Event], list[Event]]] = [
            (_named(["a"]), _named(["c"], edges=_named(["a"]), edges_complete=True)),
            (_named(["b"]), _named(["d"], column_lineage=[row])),
            (_named(["e"]), []),
        ]
        [start] = self._run(("START", _named(["first"]), [], {}))
        run_id, event_id = start[0], self._chance.randbytes(16)
        ends = [
            self._event(run_id, "COMPLETE", read, written, event_id=event_id, part=number, parts=len(parts))
            for number, (read, written) in enumerate(parts, 1)
        ]
        return [start, *ends]

    def _long(self) -> list[Message]:
        """Each event names another input; an output is known from the middle on."""
        middle, last = _LONG // 2, _LONG - 1
        said: list[tuple[str, list[Event], list[Event], Event]] = [
            (
                "COMPLETE" if number == last else "RUNNING",
                _named(["same", f"part-{number}"]),
                _named(["out"]) if number == middle else [],
                {},
            )
            for number in range(_LONG)
        ]
        return self._run(*said)

    def _wide(self) -> list[Message]:
        """4,900 pairs, of which some are explicit and some of column lineage."""
        rows = [{**one, "column": "x", "target_column": "y"} for one in _named(["i3", "i60"])]
        return self._run(
            ("START", _named(f"i{n}" for n in range(50)), _named(f"o{n}" for n in range(40)), {}),
            ("RUNNING", _named(f"i{n}" for n in range(50, 70)), _named(["o1"], edges=_named(["i5", "i55"])), {}),
            ("COMPLETE", [], _named(f"o{n}" for n in range(30, 69)), {}),
            ("RUNNING", [], _named(["o69"], column_lineage=rows), {}),
            ("RUNNING", [], _named(["o2"], edges=_named(["i7"]), edges_complete=True), {}),
        )

    def _run(self, *said: tuple[str, Sequence[Event], Sequence[Event], Event]) -> list[Message]:
        run_id = self._chance.randbytes(16)
        return [self._event(run_id, state, read, written, run=run) for state, read, written, run in said]

    def _event(
        self, run_id: bytes, state: str, read: Sequence[Event], written: Sequence[Event], **further: Any
    ) -> Message:
        when = _NOON + self._chance.getrandbits(30)
        run = {"run_id": run_id, "state": state, **further.pop("run", {})}
        event = {
            "emit_time": when,
            "producer_id": bytes(16),
            "sequence": 0,
            "event_id": self._chance.randbytes(16),
            "event_time": when,
            "run": run,
            "job": {"namespace": "tests", "name": "odd"},
            "inputs": list(read),
            "outputs": list(written),
            **further,
        }
        return run_id, plain.message(records.current("run_event"), worlds.whole(event))
