"""Nothing that looks like a secret, and no personal value, leaves the process."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest

from headwater.producer import Column, InMemoryProducer
from headwater.producer._kafka import client_settings
from headwater.secrets import loggable, looks_secret, recordable, without_credentials, without_secret_texts
from headwater.settings import Settings

PLANTED = "hunter2-planted-secret"


@pytest.mark.parametrize(
    "name",
    [
        *("password", "DB_PASSWORD", "api_key", "aws.secret-access-key", "authToken", "Authorization", "dsn"),
        *("private_key", "tokenizer_password", "author_token"),
    ],
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
        ("https://ann:p@ss@git.example/x", "https://git.example/x"),
        ("https://ann:pa/ss@git.example:443/x", "https://git.example:443/x"),
        ("https://git.example:443/a@b", "https://git.example:443/a@b"),
        ("http://[::1]:8123/a@b", "http://[::1]:8123/a@b"),
        ("hg::https://ann:pw@host/x", "hg::https://host/x"),
        ("mongodb://ann:pw@h1:1,h2:2/db", "mongodb://h1:1,h2:2/db"),
        ("kafka://h1:9092,h2:9092", "kafka://h1:9092,h2:9092"),
        ("jdbc:postgresql://h/db?user=ann&password=pw", "jdbc:postgresql://h/db"),
        (
            "jdbc:sqlserver://h:1433;databaseName=x;user=sa;password=pw",
            "jdbc:sqlserver://h:1433;databaseName=x;user=sa",
        ),
        ("jdbc:oracle:thin:scott/tiger@//h:1521/s", "jdbc:oracle:thin://h:1521/s"),
        ("S3://Bucket/Key", "s3://Bucket/Key"),
    ],
)
def test_addresses_lose_their_credentials(given: str, kept: str) -> None:
    """User, password and query go; the address stays."""
    assert without_credentials(given) == kept


ENTRIES: list[tuple[Any, Any]] = [
    ({"a": {"password": 1, "b": 2}, "token": 3}, {"a": {"b": 2}}),
    ({"a": [{"secret": 1}, "Bearer abcdefgh12", {"b"}]}, {"a": [{}, ["b"]]}),
    ({"note": "host=h password=xyz, user=ann"}, {"note": "host=h password=…, user=ann"}),
    ({"n": 1, "x": 1.5, "b": True, "none": None}, {"n": 1, "x": 1.5, "b": True, "none": None}),
    ({1: "x"}, {"1": "x"}),
]


@pytest.mark.parametrize(("given", "kept"), ENTRIES)
def test_entries_lose_their_secrets(given: Any, kept: Any) -> None:
    """Names at any depth, texts that are secrets, and parts of longer texts."""
    assert dict(recordable(given)) == kept


def test_an_object_is_told_without_the_secret_in_its_text() -> None:
    """What JSON has no form for is told as text; one that cannot say what it is, is told by its type."""

    class Options:
        def __str__(self) -> str:
            return "Options(host=h, api_key='xyz')"

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("password=xyz")

    producer = InMemoryProducer(Settings())
    with producer.run(producer.job("a", "b"), parameters={"o": Options(), "broken": Broken()}):
        pass
    (told,) = producer.runs()
    assert told.parameters == {"o": "Options(host=h, api_key=…)", "broken": "<Broken>"}


def test_known_secrets_are_taken_out_wherever_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings' own, and what the environment holds under a secret's name; plain words and paths stay."""
    monkeypatch.setenv("SOME_API_TOKEN", "abc123xyz")
    monkeypatch.setenv("AUTH_MODE", "production")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/")
    InMemoryProducer(
        Settings(
            digest_key="the team's",
            registry_auth="ann:of-registry-1",
            kafka="sasl.password=of-sasl-1,client.id=client-id-1",
        )
    )
    text = "abc123xyz / production / the team's / of-registry-1 / of-sasl-1 / client-id-1"
    assert without_secret_texts(text) == "… / production / … / … / … / client-id-1"


def test_a_logged_error_holds_no_secret() -> None:
    """Nor do its causes; its traceback stays; one without a secret is logged as it is."""

    def broken() -> None:
        raise ValueError("broken") from KeyError("password=xyz")

    with pytest.raises(ValueError, match="broken") as raised:
        broken()
    told = loggable(raised.value)
    assert (str(told), told.__traceback__, told.__cause__) == ("ValueError: broken", raised.value.__traceback__, None)
    plain = ValueError("broken")
    assert loggable(plain) is plain


def test_tls_and_sasl_go_to_librdkafka_as_they_are() -> None:
    """Each setting, also a value with a comma."""
    given = {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "ann",
        "sasl.password": "a,B=c",
        "ssl.ca.location": "/etc/ca.pem",
    }
    passed = client_settings(Settings(kafka=",".join(f"{name}={value}" for name, value in given.items())))
    assert given.items() <= passed.items()


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
