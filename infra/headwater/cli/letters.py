"""Dead letters as the command line prints them: their bytes are a stranger's, so nothing of them reaches a terminal
that is not printable.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from headwater.schemas import times

if TYPE_CHECKING:
    from headwater.deadletters import Letter, Replays

#: Bytes of a message that are printed.
SHOWN_BYTES = 512


def line(letter: Letter, done: Replays) -> str:
    place = f"{letter.topic}/{letter.partition}/{letter.offset}"
    replays = state(letter, done)
    words = f"{letter.id.hex()[:12]}  {time(letter.written)}  {place}  {letter.reason}  {letter.worker}  {replays}"
    return printable(f"{words.rstrip()}\n    {letter.detail}")


def state(letter: Letter, done: Replays) -> str:
    hops, after = done.hops(letter), done.last_after(letter)
    words = [f"came back {hops}x"] if hops else []
    return ", ".join([*words, f"sent again {time(after)}"] if after is not None else words)


def described(letter: Letter, told: dict[str, Any], done: Replays) -> Iterator[str]:
    life = f" (life {letter.generation})" if letter.generation else ""
    yield f"dead letter   {letter.id.hex()}"
    yield f"message       {letter.topic}, partition {letter.partition}, offset {letter.offset}{life}"
    yield f"written       {time(letter.written)} by {letter.worker}"
    yield f"reason        {letter.reason}: {letter.detail}"
    yield f"key           {'none' if letter.key is None else shown_bytes(letter.key)}"
    yield f"length        {letter.length} bytes, {len(letter.body)} of them kept"
    yield f"sha256        {letter.digest.hex()}"
    yield f"schema        {told['schema']}"
    if state(letter, done):
        yield f"replays       {state(letter, done)}"
    for name, value in told["fields"].items():
        text = json.dumps(value, default=plain, ensure_ascii=False)
        yield f"  {name:16} {text if len(text) <= 200 else text[:200] + ' …'}"
    if told["stops"]:
        yield f"  … {told['stops']}"
    for start in range(0, min(len(letter.body), SHOWN_BYTES), 16):
        row = letter.body[start : start + 16]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"  {start:08x}  {row.hex(' '):47}  {text}"
    if len(letter.body) > SHOWN_BYTES:
        yield f"  … {len(letter.body) - SHOWN_BYTES} bytes more; --json has them"


def facts(letter: Letter, done: Replays) -> dict[str, Any]:
    after = done.last_after(letter)
    given = {name: plain(value) for name, value in asdict(letter).items() if name not in ("body", "written")}
    return {
        **given,
        "written": time(letter.written),
        "event_time": time(letter.event_time),
        "timestamp": None if letter.timestamp is None else time(letter.timestamp),
        "kept": len(letter.body),
        "hops": done.hops(letter),
        "replayed": None if after is None else time(after),
    }


def plain(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else value


def time(micros: int) -> str:
    with suppress(OverflowError):
        return times.moment(micros).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{micros} µs"


def shown_bytes(value: bytes) -> str:
    text = value.decode("utf-8", "replace")
    return text if text.isprintable() and "�" not in text else value.hex()


def printable(text: str) -> str:
    """Without what a terminal would take as a command: these bytes are a stranger's."""
    return "".join(one if one.isprintable() or one == "\n" else "�" for one in text)
