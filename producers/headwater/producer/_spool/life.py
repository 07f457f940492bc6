"""A life: what one process spooled, by topic; its own process holds its lock, or the one that took it over."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from headwater.producer._spool import files
from headwater.producer._spool.segment import Meta, Segment, Unreadable

_NAME: Final = re.compile(r"(?P<life>(?P<number>\d{8})-[0-9a-f]{8})\.(?:lock|(?P<topic>.+)\.(?P<segment>\d{8})\.spool)")
_TRIES: Final = 10


class Life:
    """One life. `own`: of this process; else taken over."""

    def __init__(self, folder: Path, name: str, lock: files.Lock, *, own: bool) -> None:
        self.folder = folder
        self.name = name
        self.own = own
        self._lock = lock
        #: Segments by topic, the oldest first; none of them is done.
        self.lanes: dict[str, list[Segment]] = {}
        self._count = 0
        #: Files that did not begin as segments do; each held at least one event.
        self.unreadable = 0

    @staticmethod
    def begin(folder: Path) -> Life:
        """This process's. Raises OSError."""
        for _ in range(_TRIES):
            # Numbered after those that are there, for clocks may be set back.
            number = 1 + max((life_number(name) for name in names(folder)), default=0)
            name = f"{number:08d}-{secrets.token_hex(4)}"
            path = folder / f"{name}.lock"
            with contextlib.suppress(FileExistsError):
                files.close(files.create(path))
                lock = files.Lock.take(path, make=False)
                if lock is not None:
                    return Life(folder, name, lock, own=True)
        raise OSError(f"no lock could be made in {folder}")

    @staticmethod
    def take_over(folder: Path, name: str) -> Life | None:
        """What a process left; None where it lives, or another has taken it over. Raises OSError."""
        lock = files.Lock.take(folder / f"{name}.lock", make=True)
        if lock is None:
            return None
        life = Life(folder, name, lock, own=False)
        for path in sorted(folder.glob(f"{name}.*.spool")):
            life._open(path)
        return life

    def _open(self, path: Path) -> None:
        try:
            segment = Segment.open(path)
        except Unreadable as error:
            if error.torn:
                path.unlink()
            else:
                self.unreadable += 1
                path.replace(path.with_name(path.name + ".corrupt"))
            return
        if segment.done:
            segment.remove()
        else:
            self.lanes.setdefault(segment.meta.topic, []).append(segment)

    def segments(self) -> Iterator[Segment]:
        """All of them."""
        for lane in self.lanes.values():
            yield from lane

    def up_to(self, last: Segment) -> list[Segment]:
        """The segments of its topic up to this one, the oldest first."""
        lane = self.lanes.get(last.meta.topic, [])
        return lane[: lane.index(last) + 1] if last in lane else []

    def new_segment(self, meta: Meta) -> Segment:
        """The one that the topic's events go to from now on. Raises OSError."""
        self._count += 1
        segment = Segment.create(self.folder / f"{self.name}.{meta.topic}.{self._count:08d}.spool", meta)
        lane = self.lanes.setdefault(meta.topic, [])
        if lane:
            lane[-1].finish()
        lane.append(segment)
        return segment

    def remove(self, segment: Segment) -> None:
        """A segment that is done. Raises OSError."""
        lane = self.lanes[segment.meta.topic]
        lane.remove(segment)
        if not lane:
            del self.lanes[segment.meta.topic]
        segment.remove()

    def end(self) -> None:
        """Leave what is left to the next process."""
        for segment in self.segments():
            with contextlib.suppress(OSError):
                segment.sync()
            segment.close()
        self._lock.release(remove=not self.lanes)
        self.lanes = {}

    def forget(self) -> None:
        """In the child of a fork: all this is the parent's."""
        for segment in self.segments():
            segment.close()
        self._lock.forget()


def names(folder: Path) -> list[str]:
    """The lives whose files lie in the folder, the oldest first. Raises OSError."""
    matches = (_NAME.fullmatch(path.name) for path in folder.iterdir())
    return sorted({match["life"] for match in matches if match})


def life_number(name: str) -> int:
    """The number of a life, by its name."""
    return int(name.partition("-")[0])
