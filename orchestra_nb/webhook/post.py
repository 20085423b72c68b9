"""One POST that ends in time and follows no redirect."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import Any
from urllib import request
from urllib.error import HTTPError

__all__ = ["ATTEMPT_S", "ASKED_MAX_S", "GONE", "post"]

ATTEMPT_S = 10.0
"""One try takes this long at most, however slowly the other side sends."""
ASKED_MAX_S = 60.0
"""Who asks for a longer wait than this gets this."""
GONE = "410"


def post(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[str, float]:
    """Send once.

    Proxies of the environment are used; the other side's certificate is verified.

    Returns:
        What went wrong (a status, or the kind of error; empty if nothing did), and how many seconds
        the other side asks to wait.
    """
    made: list[HTTPConnection] = []
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        _Plain(made),
        _Secure(made),
        request.HTTPDefaultErrorHandler(),
        request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    # A socket's own timeout begins anew with each byte that comes.
    late = threading.Event()
    guard = threading.Timer(ATTEMPT_S, _cut_off, [made, late])
    guard.daemon = True
    guard.start()
    try:
        message = request.Request(url, data=body, headers=dict(headers), method="POST")
        opener.open(message, timeout=ATTEMPT_S).close()
    except HTTPError as refused:
        with refused:
            return str(refused.code), _asked(refused.headers.get("retry-after"))
    except Exception as failed:  # whatever a network does
        return type(failed).__name__, 0.0
    finally:
        guard.cancel()
    return ("TimeoutError" if late.is_set() else ""), 0.0


def _kept(
    kind: Callable[..., HTTPConnection], made: list[HTTPConnection]
) -> Callable[..., HTTPConnection]:
    """Make connections that can be cut off."""

    def make(*args: Any, **options: Any) -> HTTPConnection:
        made.append(kind(*args, **options))
        return made[-1]

    return make


class _Plain(request.HTTPHandler):
    def __init__(self, made: list[HTTPConnection]):
        super().__init__()
        self._made = made

    def http_open(self, req: request.Request) -> HTTPResponse:
        return self.do_open(_kept(HTTPConnection, self._made), req)


class _Secure(request.HTTPSHandler):
    def __init__(self, made: list[HTTPConnection]):
        super().__init__()
        self._made = made

    def https_open(self, req: request.Request) -> HTTPResponse:
        return self.do_open(_kept(HTTPSConnection, self._made), req)


def _cut_off(connections: list[HTTPConnection], late: threading.Event) -> None:
    late.set()
    for connection in connections:
        with suppress(OSError, AttributeError):
            connection.sock.shutdown(socket.SHUT_RDWR)


def _asked(after: str | None) -> float:
    """Seconds of a Retry-After header; a date in it is passed over."""
    return min(float(after), ASKED_MAX_S) if after is not None and after.isdigit() else 0.0
