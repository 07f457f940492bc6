"""Run events in, edge sets out: the stitching step."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import repeat
from typing import cast

import numpy as np

from headwater.schemas.codec import Program
from headwater.schemas.records import Schema
from headwater.schemas.topics import EDGES, RUNS, STITCHING
from headwater.settings import Settings
from headwater.stitching import kernel, ordinary
from headwater.stitching.apart import Rest, Rows, in_few, rows_by_key, set_apart, take
from headwater.stitching.chunkwise import keep, touched
from headwater.stitching.folding import said
from headwater.stitching.hashing import Numbers, Words
from headwater.stitching.kept import digests_of
from headwater.stitching.long_runs import fold_all
from headwater.stitching.messages import Long, Plain, Stands
from headwater.stitching.policy import Policy
from headwater.stitching.recalling import Recall, as_folded
from headwater.stitching.restoring import Restoring
from headwater.stitching.room import Room
from headwater.stitching.runs import Runs
from headwater.stitching.together import Together
from headwater.stitching.warming import warm
from headwater.stitching.writers import Writers
from headwater.streams import Batch, Group, Output, Past, Retry, Round, instance_id
from headwater.streams.slices import Slices

_log = logging.getLogger("headwater.stitching")

Place = tuple[str, int]
#: A tick so late means that the process stood still: others may have its partitions, and it does not know yet.
_STOOD_STILL = 5.0
#: So many messages that go by themselves are taken out of a chunk one by one.
_FEW = 64


def _now_us() -> int:
    return time.time_ns() // 1000


class StitchingStep:
    """State: see `runs.py`, and `consumers/README.md` for the horizons."""

    name = "stitching"
    inputs = (RUNS.name,)
    round = Round()
    state_topic = STITCHING.name

    def __init__(self, settings: Settings, now_us: Callable[[], int] = _now_us) -> None:
        self._settings = settings
        self._policy = Policy.of(settings)
        self._room = Room(settings.stitching_memory_bytes)
        self._now_us = now_us
        self.lookback: timedelta | None = timedelta(seconds=settings.stitching_lookback_seconds)
        self._partitions: dict[int, Runs] = {}
        self._restoring: dict[int, Restoring] = {}
        self._writers = Writers()
        self._past: Past | None = None
        self._ticked = time.monotonic()
        self._doubtful = False

    def warm(self) -> None:
        """Compile what it runs compiled, before anything is read."""
        warm(StitchingStep, self._settings)

    def attach(self, past: Past) -> None:
        """Where schemas of kept messages and messages of finished runs are had from."""
        self._past = self._writers.past = past

    def program(self, schema: Schema) -> Program | None:
        """What reads events of a writer schema for the compiled path."""
        return ordinary.program(schema)

    def process(self, batch: Batch) -> Sequence[Output]:
        """Edge sets of what this chunk makes known or withdraws."""
        if not batch.groups:
            return ()
        runs = self._runs(batch.partition)
        if not self._doubtful:
            self._room.make(list(self._partitions.values()))
        slices = Slices.of(batch.values)
        numbers = [self._writers.number(group.schema) for group in batch.groups]
        for number, group in zip(numbers, batch.groups, strict=True):
            self._writers.learn(slices[int(group.rows[0])], number)
        together = Together(batch, numbers, [self._writers.programs[number] for number in numbers], runs)
        keys = list(batch.keys) if sum(map(len, together.left)) > _FEW else batch.keys
        by_schema: list[tuple[int, dict[bytes, Rows]]] = [
            (number, rows_by_key(keys, rows.tolist())) for number, rows in zip(numbers, together.left, strict=True)
        ]
        values = list(slices) if sum(in_few(rows_of) for _, rows_of in by_schema) > _FEW else slices
        runs.by_themselves([key for _, rows_of in by_schema for key in rows_of])
        arrival = self._arrival(batch)
        recall = Recall(runs, self._writers, self._past, batch.topic, arrival)
        for number, rows_of in by_schema:
            recall.keys(number, rows_of, values)
        rest = set_apart(by_schema, batch.groups, runs, self._writers, values)
        self._leave(together, list(rest), runs, rest, numbers, batch, values)
        made = [
            self._stitch(number, group, rows_of, runs, rest, values, batch.offsets)
            for (number, rows_of), group in zip(by_schema, batch.groups, strict=True)
            if rows_of
        ]
        parts = [
            together.stitch(place, batch, program, number, instance_id(), self._now_us())
            for place, number in enumerate(numbers)
            if (program := self._writers.programs[number]) is not None
        ]
        for part in parts:
            if part is not None and (odd := together.odd(part)):
                self._leave(together, odd, runs, rest, numbers, batch, values)
        recall.plain(rest, values)
        # From here on nothing asks to be called again.
        runs.arrive(arrival)
        outputs: list[Output] = []
        ids: list[Words] = []
        for part in parts:
            if part is not None:
                ids.append(together.keep(part, batch, slices))
                outputs += map(Output, repeat(EDGES.name), together.keys_of_messages(part), part.stitched.messages)
        for one in made:
            outputs += one()
        for key, messages in rest.items():
            outputs += self._fold(key, messages, runs, slices, keys, batch.offsets)
        touched_keys = [key for _, rows_of in by_schema for key in rows_of] + list(rest)
        runs.touch(touched_keys, int(batch.offsets[-1]) + 1, ids)
        if batch.replaying:
            return ()
        return outputs + self._state()

    def flush(self) -> None:
        """Nothing is put away elsewhere."""

    def tick(self, now_us: int) -> Sequence[Output]:  # noqa: ARG002 — a step's shape
        """No edges: those follow from events, never from time. State that moves on."""
        now = time.monotonic()
        if now - self._ticked > _STOOD_STILL:
            self._doubtful = True
        self._ticked = now
        if not self._doubtful:
            for runs in self._partitions.values():
                while _done(runs.sweep):
                    pass
                runs.expire()
        return self._state()

    def revoked(self, partitions: set[Place]) -> None:
        """Forget partitions that another worker has now."""
        for _topic, partition in partitions:
            self._restoring.pop(partition, None)
            runs = self._partitions.pop(partition, None)
            if runs is not None:
                runs.close()

    def restore(self, place: Place, committed: int, keys: Sequence[bytes | None], values: Sequence[bytes]) -> None:
        """Take records of the state topic."""
        restoring = self._restoring.get(place[1])
        if restoring is None:
            restoring = self._restoring[place[1]] = Restoring(self._runs(place[1]), committed)
        restoring.take(keys, values)

    def restored(self, place: Place, committed: int, high: int) -> int | None:
        """Begin with the state that was taken."""
        restoring = self._restoring.pop(place[1], None) or Restoring(self._runs(place[1]), committed)
        return restoring.end(high)

    def committed(self, offsets: Mapping[Place, int]) -> None:
        """What lies before is done with: state may move on, up to there."""
        self._doubtful = False
        for (_topic, partition), offset in offsets.items():
            runs = self._partitions.get(partition)
            if runs is not None:
                runs.committed = max(runs.committed, offset)

    def gauges(self) -> Mapping[str, float]:
        """Open runs and all that are remembered."""
        partitions = self._partitions.values()
        return {
            "open_runs": float(sum(runs.open + len(runs.parked) - runs.parked.ended for runs in partitions)),
            "kept_runs": float(sum(map(len, partitions))),
        }

    def _arrival(self, batch: Batch) -> int:
        """When the newest message of a chunk arrived, ms. Where the broker does not stamp messages that is what a
        client's clock says: one that is years ahead would make all runs old at once, and have them forgotten.
        """
        now = self._now_us() // 1000
        return int(batch.timestamps.max(initial=0, where=batch.timestamps <= now)) or now

    def _runs(self, partition: int) -> Runs:
        runs = self._partitions.get(partition)
        if runs is None:
            runs = self._partitions[partition] = Runs(partition, self._policy, self._writers)
        return runs

    def _state(self) -> list[Output]:
        """What is to be put on the state topic."""
        made: list[Output] = []
        for runs in self._partitions.values():
            if runs.outputs:
                made += runs.outputs
                runs.outputs = []
        return made

    def _leave(
        self,
        together: Together,
        keys: list[bytes],
        runs: Runs,
        rest: Rest,
        numbers: list[int],
        batch: Batch,
        values: Sequence[bytes],
    ) -> None:
        """Take runs that were to be stitched together over to the plain path."""
        if not keys:
            return
        runs.by_themselves(keys)
        for place, of_group in together.leave(keys).items():
            rows_of: dict[bytes, Rows] = {**of_group}
            take(rows_of, set(rows_of), numbers[place], batch.groups[place], rest, runs, self._writers, values)

    def _stitch(
        self,
        number: int,
        group: Group,
        rows_of: dict[bytes, Rows],
        runs: Runs,
        rest: Rest,
        values: Sequence[bytes],
        offsets: Numbers,
    ) -> Callable[[], list[Output]]:
        """Stitch ordinary runs together; those that turn out not to be ordinary go to `rest`. Changes nothing: what
        is to be kept is kept when the result is called, which gives the edge sets.
        """
        program = cast("Program", self._writers.programs[number])
        at: list[int] = offsets.tolist()
        one = touched(rows_of, runs, group.rows, len(values))
        told = ordinary.Told.of(program, group)
        stitched = ordinary.stitch(program, told, one.kept, one.order, one.runs, one.old, instance_id(), self._now_us())
        odd = stitched.outcome == kernel.ODD
        if odd.any():
            keys = {one.keys[place] for place in np.flatnonzero(odd).tolist()}
            take(rows_of, keys, number, group, rest, runs, self._writers, values)

        def kept() -> list[Output]:
            keep(one, stitched, runs, number, values, at)
            keys = [one.keys[place] for place in np.flatnonzero(stitched.outcome == kernel.MESSAGE).tolist()]
            return list(map(Output, repeat(EDGES.name), keys, stitched.messages))

        return kept

    def _fold(
        self,
        key: bytes,
        messages: Sequence[Plain],
        runs: Runs,
        slices: Slices,
        keys: Sequence[bytes | None],
        offsets: Numbers,
    ) -> list[Output]:
        """The plain path: the run's events are folded into units, one for each of its jobs."""
        run, size_before = as_folded(runs, key, self._writers)
        runs.open -= bool(run.units) and not run.ended
        run.serial = runs.serial
        if isinstance(messages, Long):
            rows = np.array(messages.rows, np.int64)
            digests = digests_of(slices, self._writers.heads[messages.number], rows)
        else:
            messages = sorted(messages, key=lambda one: one.row)
            rows = np.array([one.row for one in messages], np.int64)
            numbers = np.array([one.number for one in messages])
            digests = np.empty(len(rows), np.uint64)
            for number in {one.number for one in messages}:
                of_schema = numbers == number
                digests[of_schema] = digests_of(slices, self._writers.heads[number], rows[of_schema])
        fold_all(run, messages, Stands(offsets[rows], digests, slices.lengths[rows]), runs.now)
        run.prune(runs.now - self._policy.ended, runs.now - self._policy.open)
        runs.open += not run.ended
        runs.put_folded(key, run, size_before)
        return said(run, keys[int(rows[0])] or b"", instance_id(), self._now_us())


def _done(sweep: Callable[[], bool]) -> bool:
    try:
        return sweep()
    except OSError as error:
        raise Retry(1.0, f"runs are not put on the disk (setting stitching_folder): {error.strerror}") from error
