"""A process full of planted secrets: its topics, spool, logs, prints and history are searched for every one of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from headwater.migrations import database_name
from headwater.schemas import framing, plain, records, topics
from tests.backends.clients import create_topics
from tests.backends.kinds import Kafka
from tests.consumers.history.conftest import History, history, migrated
from tests.consumers.history.messages import batch
from tests.producers.test_kafka import read_all

pytestmark = pytest.mark.integration

__all__ = ["history", "migrated"]  # fixtures of the history's own tests

#: Each planted secret begins so and then says where it was planted.
PLANTED = "hunter2-planted"
#: What is no secret, and must be found wherever events are: the search works.
MARKER = "marker-that-may-be-seen"
TOLD = ("lineage.runs", "lineage.producers", "lineage.profiles", "lineage.predictions")

JOB = f"""
import logging, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
from headwater import settings
from headwater.producer import Column, Producer

def secret(place):
    return "{PLANTED}-" + place

class Connection:
    def __repr__(self):
        return f"Connection(host='h', password='{{secret('object')}}')"

producer = Producer()
job = producer.job(
    f"postgres://ann:{{secret('job-namespace')}}@h", "job",
    code={{"repository": f"https://ann:{{secret('job-code')}}@git.example/x.git", "commit": "c"}},
    facets={{"password": secret("job-facet"), "f": {{"token": secret("nested-job-facet")}}}},
)
data = producer.dataset(
    f"postgres://ann:{{secret('namespace')}}@h:5432", f"https://ann:{{secret('name')}}@h/d.csv",
    source_uri=f"https://h/x?sig={{secret('uri-query')}}", source_name=f"ftp://ann:{{secret('source-name')}}@h",
    aliases=[(f"mysql://ann:{{secret('alias')}}@h", "d")], facets={{"api_key": secret("dataset-facet")}},
    columns=["n", Column("mail", tags=["pii"])],
)
parameters = {{
    "seen": "{MARKER}", "db_password": secret("parameter"), "connection": Connection(),
    "url": f"mysql://ann:{{secret('parameter-url')}}@h/db", "nested": {{"deep": [{{"token": secret("nested")}}]}},
    "odbc": f"Server=x;Uid=ann;Pwd={{secret('odbc')}};", "header": f"Authorization: Bearer {{secret('header')}}",
    "jdbc": f"jdbc:postgresql://h/db?user=ann&password={{secret('jdbc')}}",
}}
try:
    with producer.run(
        job, inputs=[data], parameters=parameters, environment={{"AWS_SECRET_ACCESS_KEY": secret("environment")}},
        facets={{"credentials": secret("run-facet"), "note": f"token: {{secret('facet-text')}}"}},
    ) as run:
        run.profile(data, {{"n": [1, 2], "mail": [secret("personal"), "b@example.org"]}})
        run.facet("secret", secret("later-facet"))
        run.metric("broken", f"password={{secret('metric')}}")
        raise RuntimeError(
            f"cannot reach pg://ann:{{secret('error-url')}}@h, password='{{secret('error')}}', "
            f"with {{secret('known-variable-1')}} and {{producer.settings.digest_key}} and {{secret('sasl')}}"
        )
except RuntimeError:
    pass
predictions = producer.predictions(
    deployment=producer.deployment("n", "d"), model=producer.model("n", "m"), values=["fare"]
)
predictions.emit(secret("prediction-key"), subject=secret("subject"),
                 features={{"address": secret("feature")}}, outputs={{"fare": "{MARKER}"}})
producer.flush(5)
producer.close()
print(producer, producer.settings, producer.stats(), job, data, run, run.reference, predictions)
print(vars(producer), settings.documented())
"""


def planted(place: str) -> str:
    return f"{PLANTED}-{place}"


class Refusing(BaseHTTPRequestHandler):
    """A registry that knows nobody, and says back what it was sent."""

    def do_GET(self) -> None:
        self.send_response(401)
        self.end_headers()
        self.wfile.write(str(self.headers).encode())

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the name is the base class's
        """Say nothing."""


@contextmanager
def refusing_registry() -> Generator[str]:
    server = HTTPServer(("127.0.0.1", 0), Refusing)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def process(folder: Path, **settings: str) -> str:
    """Run the job in a git work tree; what it printed and logged."""
    tree = folder / "tree"
    if not tree.exists():
        tree.mkdir()
        (tree / "job.py").write_text(JOB)
        remote = f"https://ann:{planted('remote')}@git.example/x.git?token={planted('remote-query')}"
        for arguments in (["init", "-q"], ["remote", "add", "origin", remote]):
            subprocess.run(["git", "-C", tree, *arguments], check=True)
    done = subprocess.run(
        [
            *(sys.executable, "job.py", "--password", planted("argument"), f"--token={planted('argument-2')}"),
            *("--dsn", f"postgres://ann:{planted('argument-url')}@h"),
        ],
        env={
            **os.environ,
            "MY_API_TOKEN": planted("known-variable-1"),
            "HEADWATER_SPOOL_DIR": str(folder / "spool"),
            "HEADWATER_RECORD_ARGUMENTS": "1",
            "HEADWATER_RECORD_USER": "1",
            "HEADWATER_DIGEST_KEY": planted("digest-key"),
            "HEADWATER_STORE_PASSWORD": planted("store-password"),
            "HEADWATER_KAFKA": f"sasl.username=ann,sasl.password={planted('sasl')},debug=all",
            "HEADWATER_EXIT_SECONDS": "20",
            **settings,
        },
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def found(text: str | bytes) -> set[str]:
    """The secrets that stand in it."""
    text = text if isinstance(text, str) else text.decode("latin-1")
    return set(re.findall(PLANTED + r"[a-z0-9-]*", text))


def everything(history: History) -> str:
    """Every row of every table, as text."""
    names = history.rows(
        "SELECT name FROM system.tables WHERE database = {database:String} AND engine LIKE '%MergeTree'",
        database=database_name(history.settings),
    )
    rows = [row for (name,) in names for row in history.rows(f"SELECT * FROM `{name}`")]
    return "\n".join(map(str, rows))


def test_no_planted_secret_gets_out(kafka: Kafka, prefix: str, tmp_path: Path, history: History) -> None:
    """Not to the spool while the registry refuses, not to the topics, logs and history afterwards."""
    with refusing_registry() as registry:
        shown = process(
            tmp_path,
            HEADWATER_BROKERS=kafka.bootstrap,
            HEADWATER_PREFIX=prefix,
            HEADWATER_EXIT_SECONDS="3",
            HEADWATER_REGISTRY_URL=registry,
            HEADWATER_REGISTRY_AUTH=f"ann:{planted('registry')}",
        )
    assert found(shown) == set()
    assert "broken" in shown or "could not convert" in shown, "the metric's fault was logged"
    spooled = b"".join(path.read_bytes() for path in (tmp_path / "spool").rglob("*") if path.is_file())
    assert found(spooled) == set()
    assert MARKER.encode() in spooled

    create_topics(kafka.bootstrap, {prefix + name: 1 for name in (*TOLD, "lineage.schemas")})
    shown = process(tmp_path, HEADWATER_BROKERS=kafka.bootstrap, HEADWATER_PREFIX=prefix)
    assert found(shown) == set()
    messages = read_all(
        kafka, prefix, dict(zip(TOLD, (4, 4, 2, 2), strict=True))
    )  # of both processes: what the first left in the spool was sent by the second
    sent = b"\n".join(m.key() + b" " + m.value() for every in messages.values() for m in every)
    assert found(sent) == set()
    assert sent.count(MARKER.encode()) >= 4
    for name, every in messages.items():
        schema = records.current(topics.TOPICS[name].record or "")
        for message in every:
            assert found(str(plain.decode(schema, message.value()[framing.SINGLE_OBJECT_HEADER :]))) == set()

    history.keep(
        *(
            batch(name, [], bodies=[m.value()[framing.SINGLE_OBJECT_HEADER :] for m in every])
            for name, every in messages.items()
        )
    )
    kept = everything(history)
    assert found(kept) == set()
    assert kept.count(MARKER) >= 4
