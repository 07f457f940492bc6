"""What was given up, delivered after all: each target's file, in the order in which the alerts were told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater.alerts import Alert
from headwater.alerts.model import alert_from
from headwater.notify.sending import Later, Refused
from headwater.notify.targets import Target

try:
    import fcntl
except ImportError:  # Windows: a notifier that runs must be stopped before its alerts are resent there
    fcntl = None  # type: ignore[assignment]  # as the module's type has no None


@dataclass
class Resent:
    """What became of one target's undelivered alerts."""

    target: str
    delivered: int = 0
    #: Those that are still undelivered, and why the last of them is.
    left: int = 0
    why: str = ""


class Undelivered:
    """The file of what one target was not told, NAME.ndjson. Processes that add and resend take turns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._taken = path.with_suffix(".resending.ndjson")
        #: How far the taken file has been gone through, in bytes: a resend that is killed goes on there.
        self._place = path.with_suffix(".resending.place")

    def add(self, record: dict[str, Any]) -> None:
        """One more."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock(), self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """All of them, the oldest first. A line that was cut by a kill is passed over."""
        for path, begin in ((self._taken, self._begin()), (self.path, 0)):
            for _, record in _records(path, begin):
                if record is not None:
                    yield record

    def resend(self, target: Target, send: Callable[[Target, Alert], None]) -> Resent:
        """Try each once; what is refused stays, and where the receiver is away all the rest does."""
        with self._lock(".resending.lock"):
            return self._resend(target, send)

    def _resend(self, target: Target, send: Callable[[Target, Alert], None]) -> Resent:
        found = Resent(target.name)
        while self._take():
            for end, record in _records(self._taken, self._begin()):
                if record is not None:
                    why = _try(target, record, send, found)
                    if why:
                        self.add({**record, "at": int(time.time()), "why": why})
                self._note(end)
            self._taken.unlink()
            self._place.unlink(missing_ok=True)
            if found.left:
                break
        return found

    def _take(self) -> bool:
        """Set the file aside, so that what is added meanwhile is not mixed in; one that was set aside comes first."""
        if self._taken.exists():
            return True
        if not self.path.exists():
            return False
        with self._lock():
            self.path.replace(self._taken)
        return True

    def _begin(self) -> int:
        try:
            return int(self._place.read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def _note(self, place: int) -> None:
        fresh = self._place.with_suffix(".new")
        fresh.write_text(str(place))
        fresh.replace(self._place)

    @contextmanager
    def _lock(self, suffix: str = ".lock") -> Generator[None]:
        with self.path.with_suffix(suffix).open("a") as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _try(target: Target, record: dict[str, Any], send: Callable[[Target, Alert], None], found: Resent) -> str:
    """Why it is not delivered; empty where it is."""
    if not found.why.startswith("away: "):
        try:
            send(target, alert_from(record["alert"]))
        except Refused as error:
            found.why = str(error)
        except Later as error:
            found.why = f"away: {error}"
        except (KeyError, TypeError, ValueError) as error:
            found.why = f"it is no alert: {error!r}"
        else:
            found.delivered += 1
            return ""
    found.left += 1
    return found.why


def _records(path: Path, begin: int) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """The records of a file from a place on, each with the place behind it; None for a line that is none."""
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(begin)
        for line in file:
            begin += len(line)
            try:
                record = json.loads(line)
            except ValueError:
                record = None
            yield begin, record if isinstance(record, dict) else None
