"""One delivery, over within its deadline whatever the other side does."""

from __future__ import annotations

import http.client
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from email.message import EmailMessage
from urllib.parse import urlsplit

from headwater.notify.payloads import Post
from headwater.notify.targets import Target

#: Answers that another try may change.
_PASSING = frozenset({408, 425, 429})
_LONGEST_WAIT = 3600.0


class Later(Exception):
    """It failed and may succeed; `after`: seconds that the receiver asked for, where it did."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


class Refused(Exception):
    """The receiver will never take it."""


def send_post(target: Target, request: Post) -> None:
    """POST it; done is 2xx. Redirects are refused: a signed body goes where the file says. Raises Later or Refused."""
    url = urlsplit(target.url)
    made = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = made(url.hostname or "", url.port, timeout=target.timeout)
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    with _Deadline(target.timeout, lambda: _cut(connection.sock)) as deadline:
        try:
            connection.request("POST", path, request.body, dict(request.headers))
            status = (answer := connection.getresponse()).status
            after = answer.getheader("Retry-After")
            answer.read(1024)
        except (OSError, http.client.HTTPException) as error:
            raise Later(_why(target, error, deadline)) from error
        finally:
            connection.close()
    if deadline.passed:
        # what was cut in its headers looks like an answer that ended
        raise Later(f"no answer within {target.timeout:g} s")
    if 200 <= status < 300:
        return
    if status >= 500 or status in _PASSING:
        raise Later(f"it answered {status}", min(float(after), _LONGEST_WAIT) if after and after.isdigit() else None)
    raise Refused(f"it answered {status}")


def send_mail(target: Target, message: EmailMessage) -> None:
    """Hand it to the server for all receivers. Raises Later, or Refused for what the server will never take."""
    url = urlsplit(target.url)
    host, context = url.hostname or "", ssl.create_default_context()
    client: smtplib.SMTP | None = None
    with _Deadline(target.timeout, lambda: _cut(client.sock if client is not None else None)) as deadline:
        try:
            if url.scheme == "smtps":
                client = smtplib.SMTP_SSL(host, url.port or 465, timeout=target.timeout, context=context)
            else:
                client = smtplib.SMTP(host, url.port or 587, timeout=target.timeout)
            if target.starttls:
                client.starttls(context=context)
            if target.user:
                client.login(target.user, target.secret)
            refused = client.send_message(message)
        except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused, smtplib.SMTPNotSupportedError) as error:
            raise _judged(error) from error
        except (OSError, smtplib.SMTPException) as error:
            raise Later(_why(target, error, deadline)) from error
        finally:
            if client is not None:
                client.close()
    if refused:
        raise Refused(f"the server does not take it for {', '.join(sorted(refused))}")


def _judged(error: smtplib.SMTPException) -> Later | Refused:
    """4xx passes by itself, 5xx does not (RFC 5321, 4.2.1)."""
    codes = (
        [code for code, _ in error.recipients.values()]
        if isinstance(error, smtplib.SMTPRecipientsRefused)
        else [error.smtp_code]
        if isinstance(error, smtplib.SMTPResponseException)
        else [500]
    )
    text = f"the server said {', '.join(str(code) for code in sorted(set(codes)))}"
    return Refused(text) if all(code >= 500 for code in codes) else Later(text)


def _why(target: Target, error: Exception, deadline: _Deadline) -> str:
    if deadline.passed or deadline.is_near() or isinstance(error, TimeoutError):
        return f"no answer within {target.timeout:g} s"
    return f"{type(error).__name__}: {error}"


def _cut(sock: socket.socket | None) -> None:
    """End what waits on a socket, from another thread."""
    if sock is not None:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is closed already


class _Deadline:
    """Cuts after so many seconds in all: a timeout of each read never ends with a server that sends a byte a second."""

    def __init__(self, seconds: float, cut: Callable[[], None]) -> None:
        self.passed = False
        self._until = time.monotonic() + seconds
        self._cut = cut
        self._timer = threading.Timer(seconds, self._pass)
        self._timer.daemon = True

    def is_near(self) -> bool:
        """Whether a socket's own timeout, which is as long, may have come first."""
        return time.monotonic() > self._until - 0.05

    def _pass(self) -> None:
        self.passed = True
        self._cut()

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
