"""What a processor is to the worker core: a step, its batches and outputs, and how it says "later"."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar, cast, runtime_checkable

if TYPE_CHECKING:
    from headwater.schemas.codec import Program
    from headwater.schemas.records import Schema
    from headwater.streams.batch import Batch


def clock_us() -> int:
    """Now, µs since 1970 UTC."""
    return time.time_ns() // 1000


class Retry(Exception):
    """It failed and may succeed when asked again: the same call is made again after `after` seconds."""

    def __init__(self, after: float, why: str) -> None:
        super().__init__(why)
        self.after = after


class Backpressure(Retry):
    """What stands behind the step is full: as Retry, but nothing went wrong."""


class Output(NamedTuple):
    """One message to send. `topic` without the prefix; `value` framed, an empty one is sent as null.

    `partition`: -1 where the key says it.
    """

    topic: str
    key: bytes | None
    value: bytes
    partition: int = -1


@dataclass(frozen=True)
class Round:
    """When a round ends: at so many rows or bytes, or so many seconds after its first row. All 0: at each batch.

    A round's outputs are confirmed and its step flushed before its offsets are committed.
    """

    rows: int = 0
    bytes: int = 0
    seconds: float = 0.0

    @property
    def immediate(self) -> bool:
        """Each batch is a round."""
        return not (self.rows or self.bytes or self.seconds)


class Step(Protocol):
    """One processor. All its methods are called on one thread, a partition's batches in offset order.

    A batch may come again after a crash or a rebalance, in other cuts: outputs must be safe to repeat. `process`
    and `flush` may raise Retry or Backpressure, having changed nothing; any other exception ends the process.
    """

    @property
    def name(self) -> str:
        """Names the consumer group: prefix + headwater- + name."""
        ...

    @property
    def inputs(self) -> tuple[str, ...]:
        """Topics, without the prefix."""
        ...

    @property
    def lookback(self) -> timedelta | None:
        """On assignment, what lies within it before the committed offset is fed again with `replaying` set and
        outputs dropped, so that state is re-derived; None: nothing.
        """
        ...

    @property
    def round(self) -> Round: ...

    def process(self, batch: Batch) -> Sequence[Output]:
        """What this batch makes known."""
        ...

    def flush(self) -> None:
        """Put away what was processed in this round; offsets are committed only after this returned."""
        ...

    def tick(self, now_us: int) -> Sequence[Output]:
        """What time alone makes known; once in `tick_seconds`, about, `now_us` in µs since 1970 UTC."""
        ...

    def revoked(self, partitions: set[tuple[str, int]]) -> None:
        """Other workers have these (topic, partition) now: forget their state."""
        ...


class Past(Protocol):
    """What a step with state may ask for. Both are called on the step's thread."""

    def schema(self, message: bytes) -> Schema | None:
        """The schema that a message's header names, where it is known by now."""
        ...

    def messages(self, place: tuple[str, int], offsets: Sequence[int]) -> dict[int, bytes]:
        """The messages that still stand at these offsets of a topic's partition. Raises Retry."""
        ...


@runtime_checkable
class Stateful(Protocol):
    """A step whose state is kept on a topic of its own, partition by partition, beside the one that it reads.

    On assignment the partition of the state topic is read to its end; then the input's, with `replaying` set, from
    where `restored` says to the committed offset.
    """

    @property
    def state_topic(self) -> str:
        """Without the prefix. Its records are outputs of the step, each with its partition."""
        ...

    def attach(self, past: Past) -> None:
        """Called once, before anything else."""
        ...

    def restore(
        self,
        place: tuple[str, int],
        committed: int,
        keys: Sequence[bytes | None],
        values: Sequence[bytes],
    ) -> None:
        """Records of the partition of the state topic, in order, an empty value where one is taken back."""
        ...

    def restored(self, place: tuple[str, int], committed: int, high: int) -> int | None:
        """All were given, perhaps none; the offset to read the input from, None: as far back as `lookback` says.

        `high`: the offset after the input's last message.
        """
        ...

    def committed(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """These offsets were committed, and all outputs before that confirmed. Called now and then."""
        ...


class Beginning(NamedTuple):
    """Where a partition begins now: the first offset that it holds, or will hold, and the broker's time of that
    message (now, where there is none), µs since 1970 UTC.
    """

    offset: int
    time: int


Answer = TypeVar("Answer")


class Patience(Protocol):
    """Asks again while nothing answers."""

    def __call__(self, question: Callable[[], Answer]) -> Answer:
        """The answer. Raises Unavailable where none came for long, or it is no longer wanted."""
        ...


@dataclass(frozen=True)
class Wanted:
    """Partitions whose state is to be made anew, by topic without the prefix. `partitions`: how many each of their
    topics has; `generation`: the life of a broker whose offsets restart with it, else empty.
    """

    places: Mapping[tuple[str, int], Beginning]
    partitions: Mapping[str, int]
    generation: str
    ask: Patience


class Piece(NamedTuple):
    """A part of the past: how many rows of the history it is, and what takes it in, on the step's thread."""

    rows: int
    take: Callable[[], None]


@runtime_checkable
class Recalls(Protocol):
    """A step whose state is made from more than its topics hold, where these are younger than the history.

    On assignment, before anything is fed again from the topics.
    """

    def recall(self, wanted: Wanted) -> Iterator[Piece]:
        """What the history has of the partitions and their topics do not hold, in the order in which it is to be taken
        in. Runs on a thread of its own. Raises HeadwaterError where the history cannot be had.
        """
        ...

    def recalled(self, places: Collection[tuple[str, int]], *, whole: bool) -> None:
        """All was taken in; or, not whole, there is no more to be had: then what was taken in is to be forgotten."""
        ...


@runtime_checkable
class Reads(Protocol):
    """A step that wants parts of its records as columns: they are read while the records are proved, in one go."""

    def program(self, schema: Schema) -> Program | None:
        """What proves and reads records of a writer schema; None: they are only proved. Called on another thread."""
        ...


def program_of(step: Step) -> Callable[[Schema], Program | None] | None:
    """A step's own program of a schema, where it has any."""
    return step.program if isinstance(step, Reads) else None


@runtime_checkable
class Measured(Protocol):
    """A step that tells figures of its own."""

    def gauges(self) -> Mapping[str, float]:
        """Figures by the names in `metrics.STEP_GAUGES`; asked about once a second on the step's thread, so counted
        as it goes and not when asked.
        """
        ...


def gauges_of(step: Step) -> Mapping[str, float]:
    """A step's own figures, where it tells any."""
    return step.gauges() if isinstance(step, Measured) else {}


def is_alone(step: Step) -> bool:
    """Whether one worker has all partitions of the step and others stand by: where it says `alone = True`."""
    return bool(getattr(step, "alone", False))


def tick_seconds(step: Step) -> float:
    """How often it is asked what time makes known: once a second, or as it says by `tick_seconds`."""
    return float(getattr(step, "tick_seconds", 1.0))


def has_one_state(step: Step) -> bool:
    """Whether the step judges what comes on one topic by what came on others too, and has that fed again."""
    return step.lookback is not None and len(step.inputs) > 1


def whole(step: Step, kept: set[tuple[str, int]], places: set[tuple[str, int]]) -> set[tuple[str, int]]:
    """Of the partitions whose state a step kept, those that it judges by none of the others of its places."""
    others = places - kept
    if not has_one_state(step):
        return kept
    if is_alone(step):
        return set() if others else kept
    gone = {number for _, number in others}
    return {place for place in kept if place[1] not in gone}


def read_whole(step: Step) -> Collection[str]:
    """Of its inputs those that are fed again from their beginning, not only within `lookback`: as it says by
    `read_whole`.
    """
    return cast("Collection[str]", getattr(step, "read_whole", ()))


def reads_back(step: Step) -> Collection[str]:
    """Of its inputs those that it writes itself, to know what it did: they are fed again to their end, not only to what
    was committed, as it says by `reads_back`.
    """
    return cast("Collection[str]", getattr(step, "reads_back", ()))


@cache
def _instance(_pid: int) -> bytes:
    return uuid.uuid4().bytes


def instance_id() -> bytes:
    """16 bytes that name this life of this process: the `producer_id` of what its steps send."""
    return _instance(os.getpid())
