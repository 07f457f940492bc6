"""Damaged bodies: the codec refuses what the plain path refuses, and no body harms its neighbours."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, cast

import fastavro
import pytest

from headwater.errors import InvalidMessage
from headwater.schemas import plain, proof
from headwater.schemas.codec import Bodies, compile_schema
from headwater.schemas.records import RECORDS, Schema, current
from headwater.schemas.types import Types
from tests.schemas.columns import Expected, outcomes, paths
from tests.schemas.values import Values, mutated

_fastavro = cast("Any", fastavro)


def _alone(schema: Schema, body: bytes) -> str:
    """The reason why the plain path refuses a body; empty where it reads it."""
    try:
        proof.prove(schema, body)
    except InvalidMessage as error:
        _refused_for_a_reason(schema, body, error)
        return error.reason
    return ""


def _refused_for_a_reason(schema: Schema, body: bytes, error: InvalidMessage) -> None:
    """A refused body that fastavro reads to its end is one that fastavro itself would have written otherwise."""
    stream = io.BytesIO(body)
    try:
        value = _fastavro.schemaless_reader(stream, schema.parsed, None)
        whole = stream.tell() == len(body) and plain.encode(schema, value) == body
    except Exception:
        return
    assert not whole or "is no int" in error.detail, (body.hex(), error.detail)


def _prove(source: random.Random, count: int) -> dict[str, int]:
    """Damage `count` bodies, a third of them beside whole ones, and compare. Returns how many had which outcome."""
    counts: dict[str, int] = {}
    done = 0
    while done < count:
        schema = current(source.choice(RECORDS))
        values = Values(schema, source, source.choice((0.05, 0.1, 0.3)))
        whole = [plain.encode(schema, values.record()) for _ in range(20)]
        bodies = [
            source.choice(whole)
            if source.random() < 0.3
            else mutated(source.choice(whole), source.choice(whole), source)
            for _ in range(400)
        ]
        everything = sorted(dict(paths(Types(schema))))
        wanted = source.sample(everything, source.randrange(min(20, len(everything))))
        batch = compile_schema(schema, wanted).decode(Bodies.join(bodies))
        found = outcomes(batch.error)
        expected = [_alone(schema, body) for body in bodies]
        differing = [row for row in range(len(bodies)) if found[row] != expected[row]]
        assert not differing, [(schema.name, bodies[row].hex(), found[row], expected[row]) for row in differing[:3]]
        decoded = [
            None if error else plain.decode_proved(schema, body) for body, error in zip(bodies, found, strict=True)
        ]
        repeated = any(
            value is not None and len(plain.encode(schema, value)) < len(body)
            for value, body in zip(decoded, bodies, strict=True)
        )
        Expected(schema, decoded).check(batch, wanted, maps=not repeated)
        for outcome in found:
            counts[outcome or "whole"] = counts.get(outcome or "whole", 0) + 1
        done += len(bodies)
    return counts


def test_damaged_bodies(seed: int) -> None:
    """20,000 damaged and whole bodies, joined: the codec and the plain path agree on each, reason included."""
    counts = _prove(random.Random(seed), 20_000)
    assert set(counts) == {"whole", "truncated", "surplus_bytes", "invalid_value"}


@pytest.mark.prove
def test_a_million_damaged_bodies(seed: int) -> None:
    """A million damaged and whole bodies, joined: the codec and the plain path agree on each."""
    start = time.monotonic()
    counts = _prove(random.Random(seed), 1_000_000)
    print(f"\n{sum(counts.values()):,} bodies in {time.monotonic() - start:.0f} s: {counts}")  # noqa: T201 — the proof's record


@pytest.mark.prove
def test_no_index_leaves_its_array(tmp_path: Path, seed: int) -> None:
    """The tests above with Numba's bounds checks compiled in, which the kernel runs without: none is hit."""
    environment = {
        **os.environ, "NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path), "HEADWATER_SEED": str(seed),
    }  # fmt: skip
    here = Path(__file__)
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not prove", str(here), str(here.with_name("test_codec.py"))]
    done = subprocess.run(command, env=environment, cwd=here.parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("record", RECORDS)
def test_every_cut_of_a_body(record: str, seed: int) -> None:
    """A body cut anywhere is truncated, with each byte of another body after it has surplus bytes; its
    neighbours stay whole."""
    schema = current(record)
    source = random.Random(f"{seed} {record}")
    body = plain.encode(schema, Values(schema, source, 0.15).record())
    other = plain.encode(schema, Values(schema, source, 0.0).record())
    cuts = [body[:length] for length in range(len(body))]
    longer = [body + other[:length] for length in range(1, len(other) + 1)]
    messages = [each for one in (*cuts, *longer) for each in (other, one)]
    found = outcomes(compile_schema(schema).decode(Bodies.join(messages)).error)
    assert found[::2] == [""] * (len(cuts) + len(longer))
    assert found[1::2] == ["truncated"] * len(cuts) + ["surplus_bytes"] * len(longer)
