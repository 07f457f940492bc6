"""The public names of the contract, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys

import headwater.schemas
import headwater.schemas.codec


def test_public_names() -> None:
    """Names that others build on: a change here is a change for them."""
    assert headwater.schemas.__all__ == [
        "RECORDS", "Schema", "current", "decode", "encode", "message", "parse", "read_header", "released",
    ]  # fmt: skip
    assert headwater.schemas.codec.__all__ == [
        "ERRORS", "Batch", "Bodies", "Doubles", "Integers", "Program", "Spans", "compile_schema", "reason", "validate",
    ]  # fmt: skip
    for module in (headwater.schemas, headwater.schemas.codec):
        assert all(hasattr(module, name) for name in module.__all__)


def test_the_contract_needs_fastavro_only() -> None:
    """A service that writes or reads single messages loads neither NumPy nor Numba nor a Kafka client."""
    code = (
        "import sys, headwater.schemas\n"
        "from headwater.schemas import content, registry, topics\n"
        "print(sorted({'numpy', 'numba', 'confluent_kafka', 'httpx', 'polars'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
