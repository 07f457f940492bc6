"""The store speaks ClickHouse's HTTP protocol: what a server answers, it answers."""

from __future__ import annotations

import base64
import gzip
import http.client
import io
import json
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
import fastavro
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.backends.kinds import Store
from tests.backends.processes import until
from tests.infra.embedded.http import ask

pytestmark = [pytest.mark.integration, pytest.mark.backends("embedded")]


def _client(store: Store, *, writer: bool = False, **more: Any) -> Any:
    address = urlsplit(store.url)
    user = {"username": store.user, "password": store.password} if writer else {}
    module: Any = clickhouse_connect
    return module.get_client(host=address.hostname, port=address.port, **user, **more)


def _write(store: Store, statement: str | bytes, **parameters: str) -> None:
    reply = ask(store.url, statement, user=store.user, password=store.password, **parameters)
    assert reply.status == 200, reply.body


@pytest.fixture
def table(store: Store, prefix: str) -> str:
    name = f"default.{prefix.strip('.')}"
    _write(store, f"CREATE TABLE {name} (a UInt64, b String) ENGINE = MergeTree ORDER BY a")
    return name


@pytest.mark.parametrize("writer", [False, True])
@pytest.mark.parametrize("compress", [False, "gzip", "lz4", "zstd"])
def test_clickhouse_connect_reads_typed_parameters_and_columns(
    store: Store, writer: bool, compress: bool | str
) -> None:
    """A client of either user, with each compression, gets values as it sent them."""
    client = _client(store, writer=writer, compress=compress)
    sent = {"text": "a'b\\c\n\td – ü", "numbers": [1, 2**63], "none": None, "map": ["a", "b"]}
    rows = client.query(
        "SELECT {text:String}, {numbers:Array(UInt64)}, {none:Nullable(String)}, {map:Array(String)}",
        parameters=sent,
    ).result_rows
    assert rows == [tuple(sent.values())]
    many = client.query("SELECT number, toString(number) FROM numbers(200000)").result_columns
    assert many[0][-1] == 199_999
    assert many[1][199_999] == "199999"


def test_arrow_and_formats(store: Store) -> None:
    """Arrow, Parquet, JSON and CSV with names come whole, with the format's name in the headers."""
    assert _client(store).query_arrow("SELECT number AS n FROM numbers(100000)").num_rows == 100_000
    parquet = ask(store.url, "SELECT number FROM numbers(100000) FORMAT Parquet")
    assert parquet.body[:4] == parquet.body[-4:] == b"PAR1"
    named = ask(store.url, "SELECT number AS n FROM numbers(200000) FORMAT CSVWithNames")
    assert named.body.count(b'"n"') == 1
    assert named.headers["x-clickhouse-format"] == "CSVWithNames"
    document = json.loads(ask(store.url, "SELECT 1 AS n FORMAT JSON").body)
    assert document["data"] == [{"n": 1}]
    assert ask(store.url, "SELECT 1", default_format="JSONEachRow").body == b'{"1":1}\n'
    assert ask(store.url, "SELECT 1", headers={"X-ClickHouse-Format": "CSV"}).headers["x-clickhouse-format"] == "CSV"


def test_a_large_result_streams(store: Store) -> None:
    """The first bytes come while the statement still runs, in chunks; a client that goes away ends it."""
    address = urlsplit(store.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    connection.request("POST", "/", "SELECT number, 'gone away' FROM numbers(10000000000) FORMAT CSV")
    answer = connection.getresponse()
    assert answer.getheader("Transfer-Encoding") == "chunked"
    assert answer.read(2) == b"0,"
    running = "SELECT count() FROM system.processes WHERE query LIKE '%gone away%' AND query NOT LIKE '%processes%'"
    assert ask(store.url, running).body == b"1\n"
    answer.close()
    connection.close()
    deadline = until(15)
    while ask(store.url, running).body != b"0\n":
        assert time.monotonic() < deadline, "the statement of a client that went away still runs"
        time.sleep(0.1)


def test_a_small_result_comes_whole(store: Store) -> None:
    """What is one piece has its length in the headers, none too, and a failure in the second piece is a status."""
    assert ask(store.url, "SELECT 1").headers["content-length"] == "2"
    none = ask(store.url, "SELECT number FROM numbers(3) WHERE number > 5")
    assert (none.status, none.headers["content-length"], none.body) == (200, "0", b"")
    failing = "SELECT throwIf(number = 70000) FROM numbers(100000) SETTINGS max_block_size = 65000"
    assert ask(store.url, failing).code == 395


def test_an_error_amid_a_result_is_told(store: Store) -> None:
    """A failure after the first rows reaches the client as an error, not as a short result."""
    statement = "SELECT throwIf(number = 500000) FROM numbers(1000000) SETTINGS max_block_size = 1000"
    with pytest.raises(Exception, match="throwIf"):
        _ = _client(store).query(statement).result_rows
    reply = ask(store.url, statement)
    assert reply.status == 200
    tag = reply.headers["x-clickhouse-exception-tag"].encode()
    assert reply.body.rstrip().endswith(tag + b"\r\n__exception__")
    assert ask(store.url, statement, wait_end_of_query="1").code == 395


@pytest.mark.parametrize(
    ("statement", "code", "status"),
    [
        ("SELEC 1", 62, 400),
        ("SELECT * FROM nowhere", 60, 404),
        ("SELECT nothing", 47, 404),
        ("SELECT nofunction()", 46, 404),
        ("SELECT * FROM nodatabase.x", 81, 404),
        ("SELECT toUInt8('x')", 6, 400),
        ("SELECT 1 FORMAT Nonsense", 73, 404),
        ("SELECT number FROM numbers(1000) GROUP BY number SETTINGS max_memory_usage = 1", 241, 500),
        ("SELECT sleepEachRow(1) FROM numbers(3) SETTINGS max_execution_time = 0.5, max_block_size = 1", 159, 408),
    ],
)
def test_errors_carry_the_servers_code(store: Store, statement: str, code: int, status: int) -> None:
    """Status, header and body are those of a ClickHouse server, and its client raises with the code."""
    reply = ask(store.url, statement)
    assert (reply.status, reply.code) == (status, code)
    assert reply.body.startswith(f"Code: {code}. DB::Exception: ".encode())
    assert b"(version " in reply.body
    with pytest.raises(DatabaseError) as raised:
        _client(store).raw_query(statement)
    assert raised.value.code == code


def test_every_way_to_say_who_one_is(store: Store) -> None:
    """Address, basic authentication and headers; a wrong password, user or scheme is refused."""
    whoever = "SELECT getSetting('readonly')"
    basic = "Basic " + base64.b64encode(f"{store.user}:{store.password}".encode()).decode()
    for headers, parameters in (
        ({}, {"user": store.user, "password": store.password}),
        ({"Authorization": basic}, {}),
        ({"X-ClickHouse-User": store.user, "X-ClickHouse-Key": store.password}, {}),
    ):
        assert ask(store.url, whoever, headers=headers, **parameters).body == b"0\n"
    for headers, parameters in (
        ({}, {}),
        ({}, {"user": "default"}),
        ({}, {"user": "default", "password": ""}),
        ({"Authorization": "Basic " + base64.b64encode(b"default:").decode()}, {}),
    ):
        assert ask(store.url, whoever, headers=headers, **parameters).body == b"1\n"
    for headers, parameters in (
        ({}, {"user": store.user, "password": "wrong"}),
        ({}, {"user": store.user}),
        ({}, {"user": "root", "password": store.password}),
        ({}, {"password": store.password}),
        ({"Authorization": "Bearer x"}, {}),
        ({"Authorization": "Basic ???"}, {}),
        ({"X-ClickHouse-User": store.user, "X-ClickHouse-Key": "wrong"}, {}),
    ):
        reply = ask(store.url, whoever, headers=headers, **parameters)
        assert (reply.status, reply.code) == (403, 516)
        assert store.password.encode() not in reply.body


def test_inserts_in_every_form(store: Store, table: str) -> None:
    """Statement in the address or before the data, text or binary, compressed or not, small or in many pieces."""
    credentials = {"user": store.user, "password": store.password}
    schema = {
        "type": "record",
        "name": "row",
        "fields": [{"name": "a", "type": "long"}, {"name": "b", "type": "string"}],
    }
    file = io.BytesIO()
    module: Any = fastavro
    module.writer(file, schema, [{"a": i, "b": "x; INSERT\n\n" * 3} for i in range(50_000)])
    avro = file.getvalue()
    reply = ask(store.url, avro, query=f"INSERT INTO {table} FORMAT Avro", **credentials)
    assert json.loads(reply.headers["x-clickhouse-summary"])["written_rows"] == "50000"
    _write(store, f"INSERT INTO {table} FORMAT Avro\n".encode() + avro)
    packed = gzip.compress(avro)
    zipped = ask(
        store.url, packed, query=f"INSERT INTO {table} FORMAT Avro", headers={"Content-Encoding": "gzip"}, **credentials
    )
    assert zipped.status == 200
    _write(store, f"INSERT INTO {table} (a, b) VALUES (1, 'it''s ; FORMAT CSV'), (2, 'x')")
    _write(store, "(3, 'y')", query=f"INSERT INTO {table} VALUES")
    _write(store, f'insert into {table} -- comment\nformat CSV\n4,z\n5,"q\n\n"\n')
    _write(store, f"INSERT INTO {table} SELECT number, 'FORMAT CSV' FROM numbers(10)")
    _write(store, f'INSERT INTO {table} (a) SETTINGS insert_deduplicate = 0 FORMAT JSONEachRow {{"a": 7}}')
    client = _client(store, writer=True)
    assert client.insert(table, [[i, str(i)] for i in range(1000)], column_names=["a", "b"]).written_rows == 1000
    found = ask(store.url, f"SELECT count(), uniqExact(b) > 10 FROM {table}").body.split()
    assert int(found[0]) == 150_000 + 2 + 1 + 2 + 10 + 1 + 1000


def test_a_damaged_insert_writes_nothing_and_says_why(store: Store, table: str) -> None:
    """Cut off data, a wrong encoding, a column that is not there: an error, and no row."""
    credentials = {"user": store.user, "password": store.password}
    native = ask(store.url, "SELECT number AS a, '' AS b FROM numbers(10) FORMAT Native").body
    cut = ask(store.url, native[:-3], query=f"INSERT INTO {table} FORMAT Native", **credentials)
    assert cut.code == 33
    for encoding, code in (("gzip", 354), ("lz4", 354), ("zstd", 561), ("br", 48)):
        reply = ask(
            store.url,
            native,
            query=f"INSERT INTO {table} FORMAT Native",
            headers={"Content-Encoding": encoding},
            **credentials,
        )
        assert reply.code == code, (encoding, reply.body)
    assert ask(store.url, b"1", query=f"INSERT INTO {table} (nope) FORMAT CSV", **credentials).code == 16
    assert ask(store.url, b"", query=f"INSERT INTO {table} FORMAT CSV", compress="1", **credentials).code == 48
    assert ask(store.url, f"SELECT count() FROM {table}").body == b"0\n"


def test_compressed_answers_when_asked(store: Store) -> None:
    """enable_http_compression=1 and Accept-Encoding together; otherwise plain."""
    statement = "SELECT number FROM numbers(100000)"
    plain = ask(store.url, statement).body
    asked = {"Accept-Encoding": "gzip"}
    assert "content-encoding" not in ask(store.url, statement, headers=asked).headers
    zipped = ask(store.url, statement, headers=asked, enable_http_compression="1")
    assert gzip.decompress(zipped.body) == plain
    deflated = ask(store.url, statement, headers={"Accept-Encoding": "deflate"}, enable_http_compression="1")
    assert zlib.decompress(deflated.body) == plain
    refused = ask(store.url, statement, headers={"Accept-Encoding": "gzip;q=0, br"}, enable_http_compression="1")
    assert refused.body == plain


def test_settings_in_the_address_hold_for_one_request(store: Store) -> None:
    """Also in a session, which keeps what SET said and temporary tables."""
    session = {"user": store.user, "password": store.password, "session_id": f"s{time.time_ns()}"}
    value = "SELECT getSetting('max_block_size')"
    assert ask(store.url, value, max_block_size="1234").body == b"1234\n"
    assert ask(store.url, "SET max_block_size = 77", **session).status == 200
    assert ask(store.url, value, **session, max_block_size="88").body == b"88\n"
    assert ask(store.url, value, **session).body == b"77\n"
    assert ask(store.url, "CREATE TEMPORARY TABLE mine (a UInt8)", **session).status == 200
    assert ask(store.url, "SELECT count() FROM mine", **session).body == b"0\n"
    assert ask(store.url, "SELECT count() FROM mine", user=store.user, password=store.password).code == 60
    assert ask(store.url, "SELECT 1", **session, close_session="1").status == 200
    assert ask(store.url, value, **session, session_check="1").code == 372
    assert ask(store.url, "SELECT 1", user=store.user, password=store.password, nosuchsetting="1").code == 115


def test_one_session_runs_one_statement_at_a_time(store: Store) -> None:
    """A second one is refused with ClickHouse's code; without a session they run side by side."""
    session = {"user": store.user, "password": store.password, "session_id": f"s{time.time_ns()}"}
    slow = "SELECT sleep(1)"
    with ThreadPoolExecutor() as pool:
        first = pool.submit(ask, store.url, slow, **session)
        time.sleep(0.3)
        assert ask(store.url, "SELECT 1", **session).code == 373
        assert first.result().status == 200
        started = time.monotonic()
        assert all(reply.status == 200 for reply in pool.map(ask, [store.url] * 4, [slow] * 4))
        assert time.monotonic() - started < 3


def test_readers_hold_up_no_writer(store: Store, table: str) -> None:
    """While readers take all their threads and more, an insert goes through."""
    readers = [threading.Thread(target=ask, args=(store.url, "SELECT sleep(2)")) for _ in range(20)]
    for reader in readers:
        reader.start()
    time.sleep(0.2)
    started = time.monotonic()
    _write(store, f"INSERT INTO {table} VALUES (1, 'x')")
    assert time.monotonic() - started < 1.5
    for reader in readers:
        reader.join()


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "attacker.example"},
        {"Host": "attacker.example:8123"},
        {"Host": "localhost.attacker.example"},
        {"Host": "0.0.0.0"},
        {"Origin": "https://attacker.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_no_web_page_reaches_it(store: Store, headers: dict[str, str]) -> None:
    """Names that are not loopback's, and whatever a browser sends for a page, are refused everywhere."""
    credentials = {"user": store.user, "password": store.password}
    for path, method in (("/", "POST"), ("/", "GET"), ("/ping", "GET"), ("/", "OPTIONS")):
        reply = ask(store.url, method=method, path=path, headers=headers, query="SELECT 1", **credentials)
        assert reply.status == 403
        assert not any(name.startswith("access-control") for name in reply.headers)


def test_loopbacks_own_names_are_answered(store: Store) -> None:
    """127.0.0.1, localhost and [::1], with a port or without; no preflight ever is."""
    for host in ("127.0.0.1", "localhost", "localhost:1", "LOCALHOST:8123", "[::1]:8123"):
        assert ask(store.url, "SELECT 1", headers={"Host": host}).body == b"1\n"
    assert ask(store.url, method="OPTIONS").status == 403
    assert ask(store.url, "SELECT 1", method="PUT").status == 405
    answered = ask(store.url, "SELECT 1").headers
    assert answered["x-content-type-options"] == "nosniff"


def test_small_things_of_a_server(store: Store) -> None:
    """ping, replicas_status, the root, query ids, the time zone, statements in pieces."""
    assert ask(store.url, method="GET", path="/ping").body == b"Ok.\n"
    assert ask(store.url, method="GET", path="/replicas_status").body == b"Ok.\n"
    assert ask(store.url, method="GET").body == b"Ok.\n"
    assert ask(store.url, "SELECT 1", query_id="mine").headers["x-clickhouse-query-id"] == "mine"
    assert ask(store.url, "SELECT timezone()").body == b"UTC\n"
    assert ask(store.url, "SELECT 1").headers["x-clickhouse-timezone"] == "UTC"
    assert ask(store.url, "+ 1", query="SELECT 1").body == b"2\n"
    assert ask(store.url, "SELECT '" + "x" * 300_000 + "'").code == 223
    assert ask(store.url, b"SELECT '\xff'").code == 62
    assert _client(store).ping()
