"""One example for each way of use, ready to be pasted into a shell. `tests/infra/embedded` runs them as printed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

_PRODUCER = """\
{python} - <<'END'
from headwater.producer import Producer

with Producer(brokers="{brokers}") as producer:
    job = producer.job("shop", "clean_orders")
    raw = producer.dataset("shop", "raw_orders")
    clean = producer.dataset("shop", "orders")
    with producer.run(job, inputs=[raw], outputs=[clean]) as run:
        run.lineage(clean, "total", raw, "amount", subtype="AGGREGATION")
END"""

_ALERTS = """\
{python} - <<'END'
from headwater.alerts import subscribe

for alert in subscribe(brokers="{brokers}"):
    print(alert.title, alert.explanation, sep="\\n")
END"""

_SQL = """\
curl -s '{store}/?database={database}' --data-binary \\
  'SELECT source_name, target_name, run_id FROM edges ORDER BY event_time DESC LIMIT 10 FORMAT PrettyCompact'"""


def examples(brokers: str, store_url: str, database: str) -> dict[str, str]:
    """A shell command for each way of use, by what it does."""
    python = _python()
    return {
        "embed a producer": _PRODUCER.format(python=python, brokers=brokers),
        "subscribe to alerts": _ALERTS.format(python=python, brokers=brokers),
        "ask in SQL": _SQL.format(store=store_url, database=database),
    }


def _python() -> str:
    """How the shell starts this Python: `python` where that is the one."""
    found = shutil.which("python")
    return "python" if found and Path(found) == Path(sys.executable) else sys.executable
