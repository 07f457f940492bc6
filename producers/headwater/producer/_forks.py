"""What a fork must not do: be made while librdkafka's clients connect, or while a producer is made, and free them in
the child.

glibc guards the list of the machine's addresses by a lock that it does not see to in a fork, and each connection
asks for that list when it looks its broker's name up (`__check_pf` in `getaddrinfo`). A child that is forked just then
has the lock held by a thread that it does not have: every later look-up in it, its own client's and its host's, waits
for ever. librdkafka's threads connect when a client has just been made, which is also when services that fork their
workers do it: a fork waits meanwhile. Later connections are rare; where one is just asking, a look-up of our own waits
for its end.

A producer that is made loads modules that only senders need, and asks git by a module that is loaded for it. A child
that is forked just then has a module's lock held by a thread that it does not have, so that a fork waits for that too.

A client has threads, and freeing it waits for them. In a child they are not there, so that no client of the parent is
ever freed, not even by a collection of garbage in the middle of the fork.
"""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import threading
import time
import weakref
from collections.abc import Generator
from typing import Final, Protocol

#: How long after a client was wanted a fork waits for its connections at most, seconds.
LONGEST: Final = 3.0
#: … and for a producer that is being made.
_LONGEST_MAKING: Final = 10.0
_PAUSE: Final = 0.001


class Holder(Protocol):
    """What holds a client of librdkafka."""

    def abandon(self) -> None:
        """Never free it."""
        ...


#: Until when to wait, by the id of the client's owner; in seconds of `time.monotonic`.
_connecting: dict[int, float] = {}
_holders: weakref.WeakSet[Holder] = weakref.WeakSet()
_mine = threading.local()
#: Held while a producer is made, and by a fork. Its own thread may fork in the middle.
_making = threading.RLock()


@contextlib.contextmanager
def making() -> Generator[None]:
    """A producer is made meanwhile: a child that is forked in the middle would wait for ever for what it loads."""
    with _making:
        yield


def connecting(owner: object) -> None:
    """A client is about to be made: it will look names up."""
    _connecting[id(owner)] = time.monotonic() + LONGEST


def connected(owner: object) -> None:
    """Its connections stand, or there is nobody to connect to."""
    _connecting.pop(id(owner), None)


def hold(holder: Holder) -> None:
    """Have its client abandoned in each child."""
    _holders.add(holder)


def _before() -> None:
    _mine.held = _making.acquire(timeout=_LONGEST_MAKING)
    while any(time.monotonic() < until for until in [*_connecting.values()]):
        time.sleep(_PAUSE)
    _mine.collects = gc.isenabled()
    gc.disable()
    if _holders:
        with contextlib.suppress(OSError):
            socket.getaddrinfo("127.0.0.1", None, flags=socket.AI_ADDRCONFIG)


def _after_in_parent() -> None:
    if _mine.held:
        _making.release()
    _collect_again()


def _collect_again() -> None:
    if _mine.collects:
        gc.enable()


def _after_in_child() -> None:
    global _making  # noqa: PLW0603 — whoever held it may be a thread that is not here
    _making = threading.RLock()
    _connecting.clear()
    for holder in [*_holders]:
        holder.abandon()
    _holders.clear()
    _collect_again()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
