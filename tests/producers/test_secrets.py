"""Nothing that looks like a secret, and no personal value, leaves the process."""

from __future__ import annotations

import logging
import time

import pytest

from headwater.producer import Column, InMemoryProducer
from headwater.producer._secrets import looks_secret, without_credentials, without_secret_texts
from headwater.settings import Settings

PLANTED = "hunter2-planted-secret"


@pytest.mark.parametrize(
    "name",
    ["password", "DB_PASSWORD", "api_key", "aws.secret-access-key", "authToken", "Authorization", "dsn", "private_key"],
)
def test_names_that_look_secret(name: str) -> None:
    """Whatever the separators and the case."""
    assert looks_secret(name)


@pytest.mark.parametrize("name", ["author", "max_tokens", "tokenizer", "learning_rate", "keyspace", "monkey", "depth"])
def test_names_that_do_not(name: str) -> None:
    """Common parameters are recorded."""
    assert not looks_secret(name)


@pytest.mark.parametrize(
    "value",
    ["postgres://ann:pw@host/db", "AKIAABCDEFGHIJKLMNOP", "-----BEGIN RSA PRIVATE KEY-----\nx", "Bearer abcdefgh.ijk"],
)
def test_values_that_look_secret(value: str) -> None:
    """An innocent name does not save a value that is a secret by its form."""
    assert looks_secret("note", value)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://ann:pw@git.example/x.git?token=1#f", "https://git.example/x.git"),
        ("git@git.example:team/x.git", "git.example:team/x.git"),
        ("https://git.example/x.git", "https://git.example/x.git"),
        ("/srv/git/x.git", "/srv/git/x.git"),
    ],
)
def test_addresses_lose_their_credentials(given: str, kept: str) -> None:
    """User, password and query go; the address stays."""
    assert without_credentials(given) == kept


def test_long_texts_are_searched_in_linear_time() -> None:
    """A megabyte of anything takes well under a second: the caller waits for it."""
    start = time.perf_counter()
    for text in ("x" * 1_000_000, "://" * 300_000, "a:" * 500_000, "password" * 100_000):
        looks_secret("note", text)
        without_secret_texts(text)
    assert time.perf_counter() - start < 10


def test_planted_secrets_stay_inside(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets in parameters, facets, addresses, errors, arguments and settings are in no message, log or repr."""
    monkeypatch.setattr("sys.argv", ["job", "--password", PLANTED, f"--api-key={PLANTED}"])
    settings = Settings(digest_key=PLANTED, kafka=f"sasl.password={PLANTED}", record_arguments=True, record_user=True)
    with caplog.at_level(logging.DEBUG):
        producer = InMemoryProducer(settings)
        job = producer.job(f"postgres://ann:{PLANTED}@host", "job", facets={"f": {"password": PLANTED}})
        data = producer.dataset(
            f"postgres://ann:{PLANTED}@host:5432", "d", source_uri=f"https://x/y?sig={PLANTED}", columns=["a"]
        )
        parameters = {
            "db_password": PLANTED,
            "nested": {"deep": [{"token": PLANTED}]},
            "url": f"mysql://ann:{PLANTED}@host/db",
        }
        with (
            pytest.raises(RuntimeError),
            producer.run(job, inputs=[data], parameters=parameters, environment={"AWS_SECRET_ACCESS_KEY": PLANTED}),
        ):
            raise RuntimeError(f"cannot connect to pg://ann:{PLANTED}@host, password={PLANTED}")
        producer.close()
    sent = b"".join(message for _, _, message in producer.messages)
    # The trace shows the line that raised, not the value; the planted value must not be there.
    assert PLANTED.encode() not in sent
    assert b"nested" in sent
    assert PLANTED not in caplog.text
    assert PLANTED not in repr(settings) + repr(producer) + repr(job) + repr(data)


def test_personal_columns_leave_as_keyed_digests() -> None:
    """No value, extreme or quantile of a personal column; with another key other digests; without one none."""
    mails = ["ann@example.org", "bob@example.org", "ann@example.org", None]
    told: list[dict[str, object]] = []
    for key in ("k1", "k2", ""):
        producer = InMemoryProducer(Settings(digest_key=key))
        data = producer.dataset("ns", "d", columns=[Column("mail", tags=["pii"]), Column("salary", tags=["Personal"])])
        producer.profile(data, {"mail": mails, "salary": [52_001.0, 61_002.0, 52_001.0, 7.0], "n": [1, 2, 3, 4]})
        sent = b"".join(message for _, _, message in producer.messages)
        assert b"example.org" not in sent
        (profile,) = producer.profiles
        mail, salary, number = profile["columns"]
        assert (mail["count"], mail["nulls"], mail["personal"]) == (4, 1, True)
        assert salary["minimum"] is None is salary["mean"]
        assert salary["quantiles"] == salary["quantiles_exact"] == []
        assert number["minimum"] == 1
        told.append({"mail": mail["values"], "kmv": mail["kmv"], "rows": profile["fingerprint"]})
    assert told[0] != told[1]
    assert [value["count"] for value in told[0]["mail"]] == [2, 1]  # type: ignore[attr-defined]  # a list of records
    assert (told[2]["mail"], told[2]["kmv"]) == ([], b"")
