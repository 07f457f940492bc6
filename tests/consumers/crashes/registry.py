"""A Schema Registry that can be killed: `python -m tests.consumers.crashes.registry PORT FILE`.

As much of Confluent's API as a worker uses. Schemas outlive it in FILE, as they outlive a real registry's process;
while FILE.failing is there, each answer is HTTP 500.
"""

from __future__ import annotations

import http.server
import json
import sys
from pathlib import Path
from typing import Any

from tests.backends.local_registry import http_answers
from tests.backends.processes import ServerProcess, free_port


class KillableRegistry(ServerProcess):
    """`url` is what the setting registry_url wants."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        folder.mkdir()
        self._failing = folder / "schemas.failing"
        command = [sys.executable, "-m", "tests.consumers.crashes.registry", str(port), str(folder / "schemas")]
        super().__init__("registry", command, folder / "log", ready=lambda: http_answers(f"{self.url}/ready"))

    def fail(self, *, failing: bool) -> None:
        """Answer HTTP 500 from now on, or no longer."""
        if failing:
            self._failing.touch()
        else:
            self._failing.unlink(missing_ok=True)


class _Answers(http.server.BaseHTTPRequestHandler):
    file: Path

    def do_GET(self) -> None:
        if self.path == "/ready":
            self._answer(200, {})
            return
        place = int(self.path.partition("?")[0].rpartition("/")[2]) - 1
        known = self._known()
        if place < len(known):
            self._answer(200, {"schema": known[place]})
        else:
            self._answer(404, {"error_code": 40403, "message": "Schema not found"})

    def do_PUT(self) -> None:
        self._answer(200, self._asked())

    def do_POST(self) -> None:
        known, schema = self._known(), self._asked()["schema"]
        if schema not in known:
            known.append(schema)
            self.file.write_text(json.dumps(known), "utf-8")
        self._answer(200, {"id": known.index(schema) + 1})

    def _known(self) -> list[str]:
        return json.loads(self.file.read_text("utf-8")) if self.file.exists() else []

    def _asked(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, status: int, told: object) -> None:
        if self.path != "/ready" and self.file.with_suffix(".failing").exists():
            status, told = 500, {"error_code": 50001, "message": "the test says so"}
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    _Answers.file = Path(sys.argv[2])
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), _Answers).serve_forever()
