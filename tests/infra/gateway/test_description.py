"""The OpenAPI description, held against the gateway by schemathesis: thousands of requests of its making."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.gateway.conftest import Gateway

pytestmark = [pytest.mark.integration, pytest.mark.backends("embedded")]

#: Not among them: that only what fits the description is accepted. Translation is lenient on purpose.
_CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "response_headers_conformance,unsupported_method"
)


def hold(gateway: Gateway, examples: int, seed: int, folder: Path, phases: str) -> str:
    """What schemathesis says of the gateway after so many examples a path."""
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{gateway.url}/openapi.json"),
        *("--checks", _CHECKS, "--max-examples", str(examples), "--seed", str(seed % 2**31), "--no-color"),
        *("--phases", phases, "--request-timeout", "30"),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1500, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


def test_the_description_holds(gateway: Gateway, seed: int, tmp_path: Path) -> None:
    """A few requests of each kind: no answer that the description does not have, no 5xx."""
    hold(gateway, 3, seed, tmp_path, "examples,fuzzing")


@pytest.mark.prove
def test_the_description_holds_for_thousands(gateway: Gateway, seed: int, tmp_path: Path) -> None:
    """The same with 500 examples a path."""
    said = hold(gateway, 500, seed, tmp_path, "examples,coverage,fuzzing")
    print(re.sub(r"(?s).*(?==+ SUMMARY)", "", said))  # noqa: T201 — what the proof counted
