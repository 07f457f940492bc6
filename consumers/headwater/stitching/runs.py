"""What a worker keeps of the runs of one partition: young ones in memory, older open ones parked, ended ones packed.

    kept      young runs: their messages, or folded                                           memory
    parked    open runs that nothing touched while they were young        state topic and the worker's disk
    finished  ended runs: where their messages stand on lineage.runs      state topic and memory, packed

`sweep` moves runs on, oldest first, up to what is committed. The mark W on the state topic says: of each run, every
message before W that counts is on the state topic. So a worker that starts reads the state topic, then lineage.runs
from W on. What comes after the committed offset is not taken from the state: it comes again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import numpy as np

from headwater.stitching import packing, state_records, young_columns
from headwater.stitching.finished import Ended, Finished
from headwater.stitching.folding import Folded
from headwater.stitching.hashing import Numbers, Words, identities
from headwater.stitching.kept import HEAD, Ordinary, each, has_ended, is_uncovered, size_of, told
from headwater.stitching.on_topic import OnTopic
from headwater.stitching.policy import Policy
from headwater.stitching.spill import Spill
from headwater.stitching.writers import Writers
from headwater.stitching.young import Young
from headwater.streams import Output

#: Ended runs with more messages than this are parked: their coordinates would fill a block.
_MOST_COORDINATES = 4096
#: How many touched keys are swept at once, about: what a sweep does is done for all their runs together.
_AT_ONCE = 8192


class _Touched(NamedTuple):
    """The runs that a chunk touched, by their keys or ids. `end`: the offset after it; `arrival`: of its newest
    message, ms.
    """

    serial: int
    arrival: int
    end: int
    keys: Sequence[bytes]
    ids: Sequence[Words]

    @property
    def many(self) -> int:
        return len(self.keys) + sum(map(len, self.ids))


class Runs:
    """State of one partition. Time is the partition's own: the arrival of its newest message, ms since 1970 UTC."""

    def __init__(self, partition: int, policy: Policy, writers: Writers) -> None:
        self.partition = partition
        #: Ordinary runs that go together, and those that go by themselves. A run is in one of them.
        self.young = Young()
        self.kept: dict[bytes, Ordinary | Folded] = {}
        #: What `kept` takes in memory, about; how many in it are folded, and have not ended.
        self.size = 0
        self.folded = 0
        self.open = 0
        self.finished = Finished()
        self.parked = Spill(policy.folder)
        self.on_topic = OnTopic(partition)
        self.now = 0
        self.serial = 0
        #: Offsets before this one are committed.
        self.committed = 0
        self.mark = -1
        #: Messages of finished runs that were wanted and have left lineage.runs; when that was last said.
        self.lost = 0
        self.lost_said = -1 << 60
        self._policy = policy
        self._writers = writers
        self._touched: deque[_Touched] = deque()
        #: Identities of parked runs by when they were touched: open ones, ended ones.
        self.by_age: tuple[deque[tuple[int, Words]], deque[tuple[int, Words]]] = (deque(), deque())
        #: What is to be put on the state topic.
        self.outputs: list[Output] = []

    @property
    def nbytes(self) -> int:
        """What all of it takes in memory, about."""
        return self.in_memory + self.finished.nbytes + self.parked.nbytes

    @property
    def in_memory(self) -> int:
        """What young runs take, about."""
        return self.size + self.young.nbytes

    def __len__(self) -> int:
        return len(self.young) + len(self.kept) + len(self.parked) + len(self.finished)

    def arrive(self, timestamp_ms: int) -> int:
        """Let a chunk whose newest message has this time arrive; its serial number."""
        self.now = max(self.now, timestamp_ms)
        self.serial += 1
        return self.serial

    def touch(self, keys: Sequence[bytes], end: int, ids: Sequence[Words] = ()) -> None:
        """Note the runs of that chunk."""
        self._touched.append(_Touched(self.serial, self.now, end, keys, ids))

    def by_themselves(self, keys: Sequence[bytes]) -> None:
        """Have the runs of these keys in `kept`, where they are in memory."""
        for key, run in self.young.take(keys):
            self.kept[key] = run
            self.size += size_of(run)

    def put_folded(self, key: bytes, run: Folded, size_before: int) -> None:
        """Keep a folded run that changed."""
        self.size += run.size - size_before
        self.kept[key] = run

    def close(self) -> None:
        """Give back what is on the disk."""
        self.parked.close()

    def sweep(self, *, early: bool = False) -> bool:
        """Move on the runs of the oldest chunks that are not young (`early`: or that are) and are committed; whether
        there were any. Raises OSError where the disk does not take them; then nothing has changed.
        """
        due: list[_Touched] = []
        keys = 0
        young = self.now - self._policy.young
        for entry in self._touched:
            if entry.end > self.committed or keys > _AT_ONCE or not (early or entry.arrival < young):
                break
            due.append(entry)
            keys += entry.many
        if not due:
            return False
        ended: dict[bytes, Ordinary | Folded] = {}
        parked: dict[bytes, int] = {}
        marked: list[bytes] = []
        going = self._judged(due, young)
        # What goes by itself.
        get = cast("Callable[[bytes], tuple[int, ...] | Folded | None]", self.kept.get)
        committed = self.committed
        for entry in due:
            # What ended by its first message will hear of its beginning soon.
            fewest = 2 if entry.arrival >= young else 1
            for key in self._in_kept(entry):
                run = get(key)
                if run is None or key in ended:
                    continue
                if not isinstance(run, Folded) and run[1] & 1:
                    count = (len(run) - HEAD) >> 1
                    if fewest <= count and run[HEAD + count - 1] < committed:
                        ended[key] = run
                        continue
                serial, is_ended, newest, count = told(run)
                is_done = is_ended and newest < self.committed
                if is_done and fewest <= count <= _MOST_COORDINATES:
                    ended[key] = run
                elif serial == entry.serial:
                    parked[key] = entry.arrival
                elif is_uncovered(run, entry.end):
                    marked.append(key)
        parked = {key: arrival for key, arrival in parked.items() if key not in ended}
        ids, slots, verdict, arrivals = going
        apart = np.flatnonzero(verdict >= young_columns.PARKS)
        if len(apart):
            moving = list(each(ids[apart]))
            self.by_themselves(moving)
            for key, what, arrival in zip(moving, verdict[apart].tolist(), arrivals[apart].tolist(), strict=True):
                if what == young_columns.PARKS:
                    parked[key] = arrival
                else:
                    marked.append(key)
        self._park(parked)
        self._mark([key for key in dict.fromkeys(marked) if key not in ended and key not in parked], due[-1].arrival)
        self._finish(ended, due[-1].arrival)
        gone = verdict == young_columns.ENDS
        self._finish_together(ids[gone], slots[gone], due[-1].arrival)
        for _ in due:
            self._touched.popleft()
        self.mark = due[-1].end
        self.outputs.append(state_records.mark(self.partition, self.mark))
        return True

    def _judged(self, due: list[_Touched], young: int) -> tuple[Words, Numbers, Numbers, Numbers]:
        """Of the runs that go together: ids, rows, what becomes of them, the arrival of the chunk."""
        sizes = [sum(map(len, entry.ids)) for entry in due]
        parts = [ids for entry in due for ids in entry.ids]
        ids = np.concatenate(parts) if parts else np.empty((0, 2), np.uint64)
        chunk_of = np.repeat(np.arange(len(due)), sizes)
        slots, verdict = self.young.find(ids), np.empty(len(ids), np.int64)
        arrivals = np.array([entry.arrival for entry in due], np.int64)
        young_columns.judge(
            slots,
            chunk_of,
            np.array([entry.serial for entry in due], np.int64),
            np.array([entry.end for entry in due], np.int64),
            # What ended by its first message will hear of its beginning soon.
            np.where(arrivals >= young, 2, 1),
            self.committed,
            _MOST_COORDINATES,
            self.young.runs,
            self.young.messages,
            verdict,
        )
        return ids, slots, verdict, arrivals[chunk_of]

    def _in_kept(self, entry: _Touched) -> Sequence[bytes]:
        """The keys of a chunk whose runs may go by themselves: those that did, and those that do since."""
        if not self.kept or not entry.ids:
            return entry.keys
        since = self.kept.keys() & {key for ids in entry.ids for key in each(ids)}
        return [*entry.keys, *since]

    def _finish_together(self, ids: Words, slots: Numbers, arrival: int) -> None:
        if not len(ids):
            return
        counts, messages, offsets = self.young.offsets_of(slots)
        heads = np.array(self._writers.heads, np.uint8)[self.young.runs[slots, young_columns.SCHEMA]]
        found = self.young.digests_of(messages, np.repeat(heads, counts))
        covered = self.young.runs[slots, young_columns.STANDING] > 1
        for name, block in self.finished.add(arrival, Ended(ids, counts, offsets, found)):
            self.outputs.append(state_records.block(self.partition, name, block))
        for one in each(ids[covered]):
            self.outputs += self.on_topic.take_back(one)
        self.young.remove(ids, slots)

    def _park(self, keys: dict[bytes, int]) -> None:
        if not keys:
            return
        values = [packing.parked(key, self.kept[key], touched, self.committed) for key, touched in keys.items()]
        ended = [has_ended(self.kept[key]) for key in keys]
        ids = identities(list(keys))
        self.parked.put(ids, values, list(keys.values()), ended)
        for one, value in zip(each(ids), values, strict=True):
            self.outputs += self.on_topic.put(one, value)
        is_ended = np.array(ended)
        for by_age, which in zip(self.by_age, (~is_ended, is_ended), strict=True):
            if which.any():
                by_age.append((max(keys.values()), ids[which]))
        for key in keys:
            self._drop(key)

    def _mark(self, keys: list[bytes], touched: int) -> None:
        """Put runs on the state topic that are young by their newest messages, and stay."""
        for key, one in zip(keys, each(identities(keys)), strict=True):
            run = self.kept[key]
            self.outputs += self.on_topic.put(one, packing.parked(key, run, touched, self.committed))
            if isinstance(run, Folded):
                run.covered = self.committed
            else:
                self.kept[key] = (run[0], 2 * self.committed + (cast("int", run[1]) & 1), *run[2:])

    def _finish(self, runs: dict[bytes, Ordinary | Folded], arrival: int) -> None:
        """Pack runs that ended, those of a writer schema together."""
        for key in runs:
            self._drop(key)
        for ended, covered in packing.ended(runs, self._writers.heads):
            for name, block in self.finished.add(arrival, ended):
                self.outputs.append(state_records.block(self.partition, name, block))
            for one in each(ended.ids[covered]):
                self.outputs += self.on_topic.take_back(one)

    def _drop(self, key: bytes) -> None:
        run = self.kept.pop(key)
        self.size -= size_of(run)
        if isinstance(run, Folded):
            self.folded -= 1
            self.open -= not run.ended
        else:
            self.open -= not cast("int", run[1]) & 1

    def expire(self) -> None:
        """Forget what is older than its horizon."""
        before = self.now - self._policy.ended
        while (oldest := self.finished.oldest()) is not None and oldest[1] < before:
            self.forget_oldest()
        for by_age, horizon in zip(self.by_age, (self._policy.open, self._policy.ended), strict=True):
            while by_age and by_age[0][0] < self.now - horizon:
                touched, ids = by_age.popleft()
                marks = self.parked.marks(ids)
                # What was touched since is in memory, or stands here with another time.
                gone = (marks[:, 0] >= 0) & (marks[:, 2] >> 1 <= touched)
                for one in each(ids[gone]):
                    self.outputs += self.on_topic.take_back(one)
                self.parked.remove(ids[gone])

    def forget_oldest(self) -> None:
        """Forget the finished runs that were finished first."""
        oldest = self.finished.oldest()
        if oldest is not None:
            self.finished.forget(oldest[0])
            self.outputs.append(state_records.block(self.partition, oldest[0], b""))
