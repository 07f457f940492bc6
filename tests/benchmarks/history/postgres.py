"""The same walks in PostgreSQL 15: the same pairs of keys, indexed both ways, a recursive query that visits once."""

# ruff: noqa: E501 — statements of SQL

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from headwater.audit.rows import select
from headwater.audit.store import Client
from tests.benchmarks.history.cases import roots
from tests.benchmarks.history.graph import NS

_WALK = (
    "WITH RECURSIVE w(key) AS (SELECT unnest(ARRAY[{keys}]::bigint[]) UNION "
    "SELECT e.target FROM w JOIN edges e ON e.source = w.key) SELECT count(*) FROM w"
)


def compared(client: Client, ours: Mapping[str, float], say: Callable[[str], None]) -> None:
    """Print the peer's time of each dataset walk and how many times ours it is."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not binaries or shutil.which("runuser") is None:
        say("\nPostgreSQL: skipped: it is not installed (apt-get install postgresql)")
        return
    with tempfile.TemporaryDirectory() as folder:
        peer = _Peer(binaries[-1], Path(folder))
        try:
            peer.start()
            peer.load(client)
            say("\n| walk | PostgreSQL, ms | times ours |\n|---|---|---|")
            for name in ("hub with 400 consumers", "chain of 20", "DAG of 15,000 nodes"):
                took = peer.walk(client, name)
                say(
                    f"| {name} | {took * 1000:,.1f} | {took / ours[name]:.1f}x |"
                    if ours[name]
                    else f"| {name} | – | – |"
                )
        except (OSError, subprocess.SubprocessError) as error:
            say(f"\nPostgreSQL: skipped: {error}")
        finally:
            peer.stop()


class _Peer:
    """One server in a folder of its own, over a socket in it; it refuses to run as root."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self._folder = folder
        folder.chmod(0o777)

    def _run(self, *command: str, text: str | None = None) -> str:
        done = subprocess.run(
            ["runuser", "-u", "postgres", "--", *command],
            input=text,
            capture_output=True,
            text=True,
            check=True,
            cwd="/",
        )
        return done.stdout

    def start(self) -> None:
        data = str(self._folder / "data")
        self._run(str(self._binaries / "initdb"), "-D", data, "-A", "trust")
        options = f"-k {self._folder} -c listen_addresses='' -c shared_buffers=2GB -c work_mem=256MB -c fsync=off"
        self._run(
            str(self._binaries / "pg_ctl"), "-D", data, "-w", "-l", str(self._folder / "log"), "-o", options, "start"
        )

    def stop(self) -> None:
        if (self._folder / "data" / "postmaster.pid").exists():
            self._run(str(self._binaries / "pg_ctl"), "-D", str(self._folder / "data"), "-m", "immediate", "stop")

    def _psql(self, text: str) -> str:
        return self._run(
            str(self._binaries / "psql"),
            "-h",
            str(self._folder),
            "-d",
            "postgres",
            "-qAt",
            "-v",
            "ON_ERROR_STOP=1",
            text=text,
        )

    def load(self, client: Client) -> None:
        """The pairs that stand, as CSV; keys as signed 64-bit numbers."""
        file = self._folder / "edges.csv"
        rows = client.raw_stream(
            "SELECT reinterpretAsInt64(source), reinterpretAsInt64(target), run_id FROM edges_by_target WHERE source != 0 AND target != 0",
            fmt="CSV",
        )
        with file.open("wb") as out:
            while part := rows.read(1 << 20):
                out.write(part)
        file.chmod(0o644)
        self._psql(
            "CREATE UNLOGGED TABLE edges (source bigint, target bigint, run_id uuid);"
            f"COPY edges FROM '{file}' WITH (FORMAT csv);"
            "CREATE INDEX ON edges (source) INCLUDE (target); CREATE INDEX ON edges (target) INCLUDE (source);"
            "VACUUM ANALYZE edges;"
        )

    def walk(self, client: Client, name: str) -> float:
        """Median seconds of five, the server's own timing, after one that warms up."""
        names, _ = roots(name)
        keys = select(
            client,
            "SELECT DISTINCT reinterpretAsInt64(key) AS key FROM nodes WHERE namespace = {ns:String} AND version = '1' AND name IN {names:Array(String)}",
            {"ns": NS, "names": names},
        )
        statement = _WALK.format(keys=",".join(str(row["key"]) for row in keys)) + ";\n"
        self._psql(statement)
        times: list[float] = []
        for _ in range(5):
            said = self._psql("\\timing on\n" + statement)
            [line] = [line for line in said.splitlines() if line.startswith("Time:")]
            times.append(float(line.split()[1]) / 1000)
        return statistics.median(times)
