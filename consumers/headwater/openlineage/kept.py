"""What was made of late, kept within a number of bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

Value = TypeVar("Value")

#: Of an entry beside its bytes.
_OVERHEAD: Final = 512
#: Longest key that is kept, bytes.
_LONGEST: Final = 64 * 1024


class Kept(Generic[Value]):
    """By role and text. Two generations: where the younger is full it becomes the older, which is forgotten."""

    def __init__(self, most: int) -> None:
        """`most`: bytes of both together."""
        self._most = most // 2
        self._young: dict[tuple[str, bytes], Value] = {}
        self._old: dict[tuple[str, bytes], Value] = {}
        self._young_bytes = self._old_bytes = 0

    @property
    def size(self) -> int:
        """About what it takes, bytes."""
        return self._young_bytes + self._old_bytes

    def get(self, key: tuple[str, bytes]) -> Value | None:
        """What is kept of it, by the younger; what `again` has, by the older."""
        return self._young.get(key)

    def again(self, key: tuple[str, bytes]) -> Value | None:
        """What was kept of it before; it is to be kept again."""
        return self._old.get(key)

    def found(
        self, key: tuple[str, bytes], make: Callable[[tuple[str, bytes]], Value | None], size: Callable[[Value], int]
    ) -> Value | None:
        """What is kept; else what `make` makes, which is kept unless it is None. `size`: bytes of a value."""
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key) or make(key)
            if found is not None:
                self.keep(key, found, size(found))
        return found

    def keep(self, key: tuple[str, bytes], found: Value, size: int) -> None:
        """Keep it. `size`: bytes of the value."""
        size += len(key[1]) + _OVERHEAD
        if len(key[1]) > _LONGEST:
            return
        if self._young_bytes + size > self._most:
            self._old, self._young, self._old_bytes, self._young_bytes = self._young, {}, self._young_bytes, 0
        if size <= self._most:
            self._young[key] = found
            self._young_bytes += size
