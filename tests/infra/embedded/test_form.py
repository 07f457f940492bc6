"""Forms: a statement and its parameters, of any client that sends them so."""

from __future__ import annotations

import pytest
import urllib3

from headwater.embedded.store.engine import Refused
from headwater.embedded.store.form import fields, is_form
from tests.backends.kinds import Store
from tests.infra.embedded.http import ask

TYPE = "multipart/form-data; boundary=xyz"


def _form(*parts: str, end: str = "--xyz--\r\n") -> bytes:
    return "".join(f"--xyz\r\n{part}\r\n" for part in parts).encode() + end.encode()


def test_what_urllib3_sends() -> None:
    """Any text comes as it was: line ends, quotes, what looks like a boundary, nothing at all."""
    sent = {"query": "SELECT 1\r\n\r\n--x\n", "param_a": "ä'\"\\\t–", "param_none": ""}
    body, content_type = urllib3.encode_multipart_formdata(sent)
    assert is_form(content_type)
    assert dict(fields(content_type, body)) == sent
    assert fields(TYPE, b"--xyz--\r\n") == []


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (
            'Multipart/Form-Data; charset=utf-8; Boundary="xyz"',
            _form('content-disposition:form-data;name="a"\r\n\r\n1'),
        ),
        (TYPE, b"preamble\r\n" + _form("Content-Disposition: form-data; name=a\r\n\r\n1", end="--xyz-- \r\nepilogue")),
        (TYPE, _form('Content-Type: text/plain\r\nContent-Disposition: form-data; name="a"\r\nX-Y: 1\r\n\r\n1')),
        (TYPE, _form('Content-Disposition: form-data; name="a"\r\n\r\n1').replace(b"--xyz\r\n", b"--xyz \t\r\n")),
    ],
)
def test_other_spellings(content_type: str, body: bytes) -> None:
    """Quoted or not, in any case, with other headers, with what the standard lets stand around."""
    assert is_form(content_type)
    assert fields(content_type, body) == [("a", "1")]


@pytest.mark.parametrize(
    ("content_type", "body", "code"),
    [
        (TYPE, _form('Content-Disposition: form-data; name="a"; filename="b"\r\n\r\n1'), 48),
        (TYPE, _form("Content-Disposition: form-data; name=\"a\"; filename*=utf-8''b\r\n\r\n1"), 48),
        (TYPE, _form("Content-Disposition: form-data\r\n\r\n1"), 48),
        (TYPE, _form("Content-Type: text/plain\r\n\r\n1"), 48),
        (TYPE, _form('Content-Disposition: form-data; name="a"'), 36),
        (TYPE, _form('Content-Disposition: form-data; name="a"\r\n\r\n1', end=""), 36),
        (TYPE, b"SELECT 1", 36),
        (TYPE, b"", 36),
        ("multipart/form-data", _form('Content-Disposition: form-data; name="a"\r\n\r\n1'), 36),
        (TYPE, b'--xyz\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--xyz--', 36),
    ],
)
def test_what_is_no_form(content_type: str, body: bytes, code: int) -> None:
    """Files and damaged forms are refused, each with ClickHouse's code."""
    with pytest.raises(Refused) as refused:
        fields(content_type, body)
    assert refused.value.code == code


def test_what_is_asked_otherwise() -> None:
    """A body of another type is none."""
    assert not any(map(is_form, ("", "text/plain", "multipart/mixed; boundary=xyz", "multipart/form-data-x")))


@pytest.mark.integration
@pytest.mark.backends("embedded")
def test_a_form_over_http(store: Store) -> None:
    """A statement, its parameters and what a form cannot be, as a client meets them."""
    body, content_type = urllib3.encode_multipart_formdata({"query": "SELECT {a:String}", "param_a": "x\\ty"})
    assert ask(store.url, body, headers={"Content-Type": content_type}).body == b"x\\ty\n"
    assert ask(store.url, body[:-9], headers={"Content-Type": content_type}).code == 36
    file = urllib3.encode_multipart_formdata({"query": "SELECT 1", "file": ("name", "1\n")})
    assert ask(store.url, file[0], headers={"Content-Type": file[1]}).code == 48
