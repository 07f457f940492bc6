"""An import: events read, translated, sent, and how far it came noted, so that an interrupted one goes on."""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from headwater.errors import InvalidMessage, StateError
from headwater.importing.files import REFUSED, Unit, units
from headwater.importing.sending import Sending
from headwater.openlineage import Message, encoded
from headwater.schemas import reasons
from headwater.settings import Settings

#: Bytes of messages between two confirmations, and the notes that follow them.
_BATCH_BYTES: Final = 2 * 1024 * 1024
_STEADY: Final = 10_000


@dataclass
class Counts:
    """What an import did."""

    files: int = 0
    events: int = 0
    #: Events of which an interrupted import had said that they are sent: units (lines) of files that it left out.
    skipped: int = 0
    refused: int = 0
    #: Messages by topic.
    sent: Counter[str] = field(default_factory=Counter[str])
    reasons: Counter[str] = field(default_factory=Counter[str])


@dataclass
class _Note:
    """How far a file was imported."""

    size: int = 0
    done: int = 0
    #: Length of the file of refusals.
    refused: int = 0


def import_events(
    paths: list[Path],
    settings: Settings,
    *,
    dry_run: bool = False,
    told: Callable[[Counts], None] | None = None,
    refusals: Path | None = None,
) -> Counts:
    """Import these files. `told` hears of the progress; `refusals`: one file for all, else one beside each source.

    Raises Unavailable where the broker is away, StateError where a file cannot be read or written. Called again with
    the same files it goes on behind what was confirmed.
    """
    importing = _Import(paths, settings, None if dry_run else Sending(settings), refusals, told)
    return importing.run()


class _Import:
    def __init__(
        self,
        paths: list[Path],
        settings: Settings,
        sending: Sending | None,
        refusals: Path | None,
        told: Callable[[Counts], None] | None,
    ) -> None:
        self._paths = paths
        self._sending = sending
        self._refusals = refusals
        self._told = told
        self._sender = uuid.uuid4().bytes
        self._counts = Counts()
        names = "\n".join((settings.brokers, settings.prefix, *(str(path.resolve()) for path in paths)))
        name = hashlib.blake2b(names.encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()
        self._state = _state_folder() / f"{name}.json"
        self._notes: dict[str, _Note] = {}

    def run(self) -> Counts:
        if self._sending is not None:
            self._notes = self._known()
        if self._refusals is not None and not self._notes:
            self._refusals.unlink(missing_ok=True)
        for path in self._paths:
            self._file(path)
            self._counts.files += 1
        if self._sending is not None:
            # Done: the next import of these files is a new one, which changes nothing.
            self._state.unlink(missing_ok=True)
        if self._told is not None:
            self._told(self._counts)
        return self._counts

    def _file(self, path: Path) -> None:
        key = str(path.resolve())
        note = self._notes.get(key, _Note())
        size = path.stat().st_size
        if size < note.size:
            note = _Note()  # another file by now
        self._counts.skipped += note.done
        beside = self._refusals or path.with_name(path.name + REFUSED)
        with _Refusals(beside, note.refused, kept=self._refusals is not None, dry=self._sending is None) as refused:
            for portion, number in self._portions(path, note.done, refused):
                if self._sending is not None:
                    self._sending.send(portion)
                    refused.flush()
                    self._notes[key] = _Note(size, number, refused.length)
                    self._note()
                self._counts.sent.update(message.topic.name for message in portion)
                if self._told is not None:
                    self._told(self._counts)

    def _portions(self, path: Path, done: int, refused: _Refusals) -> Iterator[tuple[list[Message], int]]:
        portion: list[Message] = []
        length = count = number = 0
        for unit in units(path, done):
            number = unit.number
            for message in self._translated(path, unit, refused):
                portion.append(message)
                length += len(message.value)
            count += 1
            if length >= _BATCH_BYTES or count >= _STEADY:
                yield portion, number
                portion, length, count = [], 0, 0
        if count:
            yield portion, number

    def _translated(self, path: Path, unit: Unit, refused: _Refusals) -> Iterator[Message]:
        place = {"file": str(path), "number": unit.number}
        if unit.wrong:
            error = InvalidMessage(reasons.INVALID_VALUE, unit.wrong)
            self._refuse(refused, error, {**place, "event": unit.raw.decode("utf-8", "replace")})
            return
        for event in unit.events():
            try:
                # All of them or none.
                found = encoded(event, now_us=time.time_ns() // 1000, sender=self._sender)
            except InvalidMessage as error:
                self._refuse(refused, error, {**place, "event": event})
            else:
                self._counts.events += 1
                yield from found

    def _refuse(self, refused: _Refusals, error: InvalidMessage, where: dict[str, Any]) -> None:
        self._counts.events += 1
        self._counts.refused += 1
        self._counts.reasons[error.reason] += 1
        refused.add({"reason": error.reason, "detail": error.detail, **where})

    def _known(self) -> dict[str, _Note]:
        try:
            notes = json.loads(self._state.read_text("utf-8"))
            return {path: _Note(**note) for path, note in notes.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}  # from the beginning: what was sent already changes nothing

    def _note(self) -> None:
        text = json.dumps({path: asdict(note) for path, note in self._notes.items()})
        new = self._state.with_suffix(".new")
        try:
            self._state.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(text, "utf-8")
            new.replace(self._state)
        except OSError as error:
            raise StateError(f"{self._state} cannot be written: {error}") from error


class _Refusals:
    """The file of refused events, made when there is one."""

    def __init__(self, path: Path, length: int, *, kept: bool, dry: bool) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._dry = dry
        self.length = length
        if not dry and path.exists() and not kept:
            # What was refused after the last note is refused once more.
            os.truncate(path, min(length, path.stat().st_size))
            if not length:
                path.unlink()

    def add(self, refusal: dict[str, Any]) -> None:
        if self._dry:
            return
        line = json.dumps(refusal).encode() + b"\n"
        try:
            if self._file is None:
                self._file = self._path.open("ab")
            self._file.write(line)
        except OSError as error:
            raise StateError(f"{self._path} cannot be written, name another file with --refused: {error}") from error
        self.length += len(line)

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()

    def __enter__(self) -> _Refusals:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


def _state_folder() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(state) if state else Path.home() / ".local" / "state") / "headwater" / "imports"
