"""The disk spool by itself: nothing lost or doubled by a crash, a fork, a second process or a damaged file."""

from __future__ import annotations

import os
import random
import stat
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from headwater.producer._outbox import Message
from headwater.producer._spool import Spool
from headwater.producer._spool.life import names
from headwater.schemas import records
from headwater.settings import Settings

RUNS = "lineage.runs"


class Lost(Counter[tuple[str, bool]]):
    """What a spool lost, by reason and whether it was its own."""

    def __call__(self, reason: str, count: int, own: bool) -> None:
        self[reason, own] += count


@pytest.fixture
def lost() -> Lost:
    return Lost()


def spool(folder: Path, lost: Lost, **settings: object) -> Spool:
    return Spool(Settings(spool_dir=str(folder), **{"spool_bytes": 2**26, **settings}), lost)  # type: ignore[arg-type]  # settings by name


def messages(count: int, start: int = 0, size: int = 200) -> list[Message]:
    return [{"key": b"%d" % n, "value": random.randbytes(size) + b"%08d" % n} for n in range(start, start + count)]


def read(reader: Spool, topic: str = RUNS, limit: int = 10_000) -> list[Message]:
    """Everything that waits, confirmed part by part."""
    found: list[Message] = []
    while (part := reader.read(topic, limit)) is not None:
        assert part.schema == records.current("run_event").text
        found += part.messages
        reader.confirm(part.mark)
    return found


def spools(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.spool"))


def test_what_is_appended_is_read_in_order_and_removed(tmp_path: Path, lost: Lost) -> None:
    """By topic, by the same process; at the end nothing is left on the disk but the lock, and that goes with it."""
    own = spool(tmp_path, lost)
    runs, profiles = messages(1000), messages(10)
    assert own.append(RUNS, runs[:500]).events == 500
    assert own.append("lineage.profiles", profiles).events == 10
    assert own.append(RUNS, runs[500:]).events == 500
    assert own.topics() == {RUNS, "lineage.profiles"}
    assert read(own) == runs
    assert own.topics() == {"lineage.profiles"}
    assert own.size > 0
    part = own.read("lineage.profiles", 1)
    assert part is not None
    assert part.messages == profiles
    assert part.own
    own.confirm(part.mark)
    assert own.size == 0
    own.close()
    assert list(tmp_path.iterdir()) == []
    assert not lost


def test_only_its_user_can_read_it(tmp_path: Path, lost: Lost) -> None:
    """It holds lineage: the folder is 0700, the files are 0600, whatever the umask."""
    if sys.platform == "win32":
        pytest.skip("Windows has no such bits; the folder is in the user's profile")
    before = os.umask(0)
    try:
        own = spool(tmp_path / "a" / "spool", lost)
        own.append(RUNS, messages(1))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a" / "spool").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "a" / "spool").iterdir()} == {0o600}


def test_the_next_process_takes_over_after_what_was_confirmed(tmp_path: Path, lost: Lost) -> None:
    """Segment after segment, in order; the events are not its own."""
    first = spool(tmp_path, lost, spool_bytes=2**22)  # segments of 512 KB
    sent = messages(6000)
    first.append(RUNS, sent)
    assert len(spools(tmp_path)) > 1
    confirmed = 0
    for _ in range(3):
        part = first.read(RUNS, 100_000)
        assert part is not None
        first.confirm(part.mark)
        confirmed += len(part.messages)
    assert first.read(RUNS, 100_000) is not None  # in flight when the process ends
    first.close()
    second = spool(tmp_path, lost)
    second.take_over()
    part = second.read(RUNS, 1)
    assert part is not None
    assert not part.own
    assert part.messages + read(second) == sent[confirmed:]
    assert not lost


def test_a_part_read_again_is_at_most_one(tmp_path: Path, lost: Lost) -> None:
    """What was read and not confirmed is read again by the next, and nothing before it."""
    first = spool(tmp_path, lost)
    sent = messages(3000)
    first.append(RUNS, sent)
    parts = [first.read(RUNS, 50_000) for _ in range(3)]
    assert parts[0]
    first.confirm(parts[0].mark)
    first.close()
    second = spool(tmp_path, lost)
    second.take_over()
    assert read(second) == sent[len(parts[0].messages) :]


def test_older_lives_come_first_whatever_the_clock_says(
    tmp_path: Path, lost: Lost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that is set back a year between two processes does not turn their order around."""
    sent = messages(30)
    for turn in range(3):
        moment = time.time() - turn * 365 * 86_400
        monkeypatch.setattr(time, "time", lambda moment=moment: moment)
        one = spool(tmp_path, lost)
        one.append(RUNS, sent[10 * turn : 10 * turn + 10])
        for path in tmp_path.iterdir():
            os.utime(path, (moment, moment))
        one.close()
    last = spool(tmp_path, lost)
    last.append(RUNS, own := messages(5))
    last.take_over()
    assert read(last) == sent + own


def test_what_a_living_process_holds_is_left_alone(tmp_path: Path, lost: Lost) -> None:
    """Also within one process, and also by a child of a fork, whose end does not free it."""
    living = spool(tmp_path, lost)
    living.append(RUNS, sent := messages(5))
    other = spool(tmp_path, lost)
    other.take_over()
    assert other.topics() == set()
    if hasattr(os, "fork"):
        child = os.fork()
        if not child:
            living.forget()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    other.take_over()
    assert other.topics() == set()
    assert read(living) == sent


HEIR = """
import sys, time
from headwater.producer._spool import Spool
from headwater.settings import Settings
spool = Spool(Settings(spool_dir=sys.argv[1]), lambda *lost: print("lost", lost))
print("ready", flush=True)
sys.stdin.readline()
spool.take_over()
while (part := spool.read("lineage.runs", 1000)) is not None:
    for message in part.messages:
        print(message["value"].hex())
    spool.confirm(part.mark)
spool.close()
"""


def test_of_many_that_want_it_exactly_one_takes_over(tmp_path: Path, lost: Lost) -> None:
    """Four processes at once: each event is read by one of them."""
    expected: list[str] = []
    for _ in range(4):
        dead = spool(tmp_path, lost)
        dead.append(RUNS, sent := messages(50))
        expected += [message["value"].hex() for message in sent]
        dead.close()
    heirs = [
        subprocess.Popen(
            [sys.executable, "-c", HEIR, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for heir in heirs:
        assert heir.stdout is not None
        assert heir.stdout.readline() == "ready\n"
    for heir in heirs:
        assert heir.stdin is not None
        heir.stdin.write("\n")
        heir.stdin.flush()
    found = [line for heir in heirs for line in heir.communicate(timeout=60)[0].splitlines()]
    assert [heir.returncode for heir in heirs] == [0, 0, 0, 0]
    assert sorted(found) == sorted(expected)
    assert list(tmp_path.iterdir()) == []


def test_other_clusters_and_prefixes_keep_their_own(tmp_path: Path, lost: Lost) -> None:
    """Events never go to a cluster that they were not meant for; a list of brokers may grow."""
    first = spool(tmp_path, lost, brokers="a:1,b:1", prefix="x.")
    first.append(RUNS, sent := messages(3))
    first.close()
    for brokers, prefix in (("c:1", "x."), ("a:1", "y.")):
        other = spool(tmp_path, lost, brokers=brokers, prefix=prefix)
        other.take_over()
        assert other.topics() == set()
    grown = spool(tmp_path, lost, brokers="b:1, c:1", prefix="x.")
    grown.take_over()
    assert read(grown) == sent


@pytest.mark.parametrize("cut", [1, 30, 5000, 19_000])
def test_a_torn_tail_is_dropped_and_counted(tmp_path: Path, lost: Lost, cut: int) -> None:
    """A process that dies in the middle of a write: what is whole is read, what is not is counted."""
    dead = spool(tmp_path, lost)
    dead.append(RUNS, whole := messages(50))
    dead.append(RUNS, torn := messages(100))
    dead.close()
    (path,) = spools(tmp_path)
    os.truncate(path, path.stat().st_size - cut)
    heir = spool(tmp_path, lost)
    heir.take_over()
    found = read(heir)
    assert found[:50] == whole
    assert found[50:] == torn[: len(found) - 50]
    assert lost == {("spool_damaged", False): 150 - len(found)}
    assert len(found) == 150 - -(-cut // 208)


def test_a_torn_head_of_a_block_counts_as_one_at_least(tmp_path: Path, lost: Lost) -> None:
    """Of a block whose index is cut nobody knows how much it held."""
    dead = spool(tmp_path, lost)
    dead.append(RUNS, whole := messages(50))
    size = spools(tmp_path)[0].stat().st_size
    dead.append(RUNS, messages(100))
    dead.close()
    os.truncate(spools(tmp_path)[0], size + 20)
    heir = spool(tmp_path, lost)
    heir.take_over()
    assert read(heir) == whole
    assert lost == {("spool_damaged", False): 1}


def test_a_damaged_event_is_skipped_counted_and_kept_aside(tmp_path: Path, lost: Lost) -> None:
    """A flipped bit in a value costs that event, in a block's index that block; the file stays for who wants to see."""
    dead = spool(tmp_path, lost)
    sent = messages(60)
    places: list[int] = []
    for start in range(0, 60, 20):
        dead.append(RUNS, sent[start : start + 20])
        places.append(spools(tmp_path)[0].stat().st_size)
    dead.close()
    (path,) = spools(tmp_path)
    data = bytearray(path.read_bytes())
    data[places[0] - 5] ^= 1  # the last value of the first block
    data[places[0] + 40] ^= 1  # the index of the second
    path.write_bytes(data)
    heir = spool(tmp_path, lost)
    heir.take_over()
    assert read(heir) == sent[:19] + sent[40:]
    assert lost == {("spool_damaged", False): 21}
    heir.close()
    assert [one.name for one in tmp_path.iterdir()] == [path.name + ".corrupt"]


@pytest.mark.parametrize("seed_offset", range(20))
def test_whatever_is_damaged_nothing_wrong_is_read(tmp_path: Path, lost: Lost, seed: int, seed_offset: int) -> None:
    """Bytes changed anywhere, the end cut anywhere: each event that is read is one that was appended, in order."""
    chance = random.Random(seed + seed_offset)
    dead = spool(tmp_path, lost)
    dead.append(RUNS, sent := messages(1))
    (path,) = spools(tmp_path)
    first = path.stat().st_size
    while len(sent) < 200:
        dead.append(RUNS, more := messages(chance.randrange(1, 40), len(sent), chance.choice((0, 10, 3000))))
        sent += more
    dead.close()
    data = bytearray(path.read_bytes())
    for _ in range(chance.randrange(1, 6)):
        data[chance.randrange(len(data))] ^= chance.randrange(1, 256)
    path.write_bytes(data[: chance.randrange(first, len(data) + 1)])
    heir = spool(tmp_path, lost)
    heir.take_over()
    found = iter(sent)
    values = read(heir, limit=chance.choice((1, 5000, 2**20)))
    assert all(message in found for message in values)  # in order, for the iterator goes on
    assert len(values) == len(sent) or lost


def test_its_bound_holds_for_all_that_share_it(tmp_path: Path, lost: Lost) -> None:
    """Two processes and a damaged file: together they stay below it, and what does not fit is not taken."""
    bound = 2**20
    (tmp_path / "00000001-00000000.lineage.runs.00000001.spool.corrupt").write_bytes(bytes(100_000))
    one, two = spool(tmp_path, lost, spool_bytes=bound), spool(tmp_path, lost, spool_bytes=bound)
    taken = one.append(RUNS, messages(2000)).events
    assert 0 < taken <= 2000
    more = two.append(RUNS, messages(6000)).events
    assert 0 < more < 6000
    assert two.full
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= bound
    assert two.append(RUNS, messages(1)).events == 0
    # Once the broker has taken some of it, there is room again.
    assert len(read(two)) == more
    assert two.append(RUNS, messages(10)).events == 10
    assert not two.full


KILLED = """
import os, sys
from headwater.producer._spool import Spool
from headwater.settings import Settings
spool = Spool(Settings(spool_dir=sys.argv[1], spool_bytes=2**22), lambda *lost: None)
number = 0
while True:
    spool.append("lineage.runs", [{"key": b"", "value": b"%012d" % n + bytes(500)} for n in range(number, number + 7)])
    number += 7
    print(number, flush=True)
"""


def test_a_killed_process_leaves_all_that_it_wrote(tmp_path: Path, lost: Lost) -> None:
    """SIGKILL in the middle of writing, several times: what was acknowledged is read, in order, and at most a tail."""
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        with process.stdout:
            said = [int(process.stdout.readline()) for _ in range(random.randrange(1, 300))]
            process.kill()
            process.wait()
            said += [int(line) for line in process.stdout.read().splitlines() if len(line) > 2]
        heir = spool(tmp_path, lost)
        heir.take_over()
        numbers = [int(message["value"][:12]) for message in read(heir)]
        assert numbers == list(range(len(numbers)))
        assert len(numbers) + sum(lost.values()) >= max(said, default=0) - 7
        heir.close()
        assert spools(tmp_path) == []


def test_without_a_home_or_a_folder_it_says_why(tmp_path: Path, lost: Lost, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing raises: the events stay with the caller, and `error` has the reason."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    refused = spool(blocked / "spool", lost)
    refused.take_over()
    assert refused.append(RUNS, messages(3)).events == 0
    assert str(blocked) in refused.error
    for name in ("XDG_STATE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)

    def homeless() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", homeless)
    nowhere = Spool(Settings(), lost)
    nowhere.take_over()
    assert nowhere.append(RUNS, messages(3)).events == 0
    assert "no home" in nowhere.error


def test_many_dead_lives_hold_few_files_open(tmp_path: Path, lost: Lost) -> None:
    """A folder full of what short processes left does not take the host's file descriptors."""
    sent: list[Message] = []
    for _ in range(40):
        dead = spool(tmp_path, lost)
        dead.append(RUNS, more := messages(2))
        sent += more
        dead.close()
    assert len(names(tmp_path)) == 40
    heir = spool(tmp_path, lost)
    heir.take_over()
    assert heir.more
    if Path("/proc/self/fd").exists():
        opened = [str(one.readlink()) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
        assert sum(name.startswith(str(tmp_path)) for name in opened) <= 16
    found: list[Message] = []
    while heir.topics():
        found += read(heir)
        heir.take_over()
    assert found == sent
