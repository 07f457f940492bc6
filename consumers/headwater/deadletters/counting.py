"""Dead letters counted: by topic, reason and worker."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from headwater.deadletters.letters import Letter
from headwater.deadletters.replays import Replays


@dataclass
class Group:
    """Letters of one topic, reason and worker. `replayed`: of which the message was sent again since; `returned`:
    written although it had been sent again before. Times in µs since 1970 UTC.
    """

    topic: str
    reason: str
    worker: str
    letters: int = 0
    replayed: int = 0
    returned: int = 0
    first: int = 0
    last: int = 0

    def add(self, letter: Letter, done: Replays) -> None:
        """Count one letter."""
        self.first = letter.written if not self.letters else min(self.first, letter.written)
        self.last = max(self.last, letter.written)
        self.letters += 1
        self.replayed += done.last_after(letter) is not None
        self.returned += done.hops(letter) > 0


def counted(letters: Iterable[Letter], done: Replays) -> list[Group]:
    """The groups, the largest first."""
    groups: dict[tuple[str, str, str], Group] = {}
    for letter in letters:
        key = (letter.topic, letter.reason, letter.worker)
        groups.setdefault(key, Group(*key)).add(letter, done)
    return sorted(groups.values(), key=lambda group: (-group.letters, group.topic, group.reason, group.worker))
