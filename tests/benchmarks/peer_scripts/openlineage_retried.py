"""One event by one of openlineage-python's HTTP transports, with its own settings for when it asks again.

Arguments: the transport (http, async_http), the gateway's address, the run's id. Prints whether the client says that
the event was sent.
"""

import json
import sys
from datetime import UTC, datetime

import requests
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState


def sent(way, url, run):
    client = OpenLineageClient(config={"transport": {"type": way, "url": url}})
    now = datetime.now(UTC).isoformat()
    event = RunEvent(eventType=RunState.COMPLETE, eventTime=now, run=Run(run), job=Job("shop", way))
    try:
        client.emit(event)
    except requests.RequestException as error:
        return f"{type(error).__name__}: {error}"
    if not client.close(60):
        return "not all was sent"
    # The asynchronous one tells of a failure in its log and its figures alone.
    stats = getattr(client.transport, "get_stats", dict)()
    return f"failed: {stats}" if stats.get("failed") else "sent"


if __name__ == "__main__":
    print(json.dumps(sent(*sys.argv[1:])))
