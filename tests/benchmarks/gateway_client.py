"""Posts bodies over so many keep-alive connections, each as fast as it is answered: a process beside the benchmark.

Arguments: address, path, connections, a file of bodies (each after its length, 4 bytes). Prints JSON: seconds, and the
latency of each request in ms.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit


async def _connection(host: str, port: int, requests: Iterator[bytes], latencies: list[float]) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    for request in requests:
        began = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        fields = head.lower()
        length = int(fields.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        await reader.readexactly(length)
        latencies.append((time.perf_counter() - began) * 1000)
        if not head.startswith(b"HTTP/1.1 20"):
            raise RuntimeError(head.decode("latin-1"))
    writer.close()


def _requests(path: str, file: Path) -> Iterator[bytes]:
    raw = file.read_bytes()
    at = 0
    while at < len(raw):
        length = int.from_bytes(raw[at : at + 4], "little")
        body = raw[at + 4 : at + 4 + length]
        at += 4 + length
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}"
        yield head.encode() + b"\r\n\r\n" + body


async def _main(address: str, path: str, connections: int, file: Path) -> None:
    parts = urlsplit(address)
    latencies: list[float] = []
    requests = iter(list(_requests(path, file)))
    began = time.perf_counter()
    await asyncio.gather(
        *(_connection(str(parts.hostname), int(parts.port or 80), requests, latencies) for _ in range(connections))
    )
    sys.stdout.write(json.dumps({"seconds": time.perf_counter() - began, "latencies": latencies}) + "\n")


if __name__ == "__main__":
    import uvloop

    uvloop.run(_main(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])))
