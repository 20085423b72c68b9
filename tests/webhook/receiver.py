"""A server that receives webhooks, well or badly."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "whsec_" + base64.b64encode(b"a key of twenty-four byte").decode()
WITHIN_S = 20.0


@dataclass
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> dict[str, Any]:
        """What the body says."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def type(self) -> str:
        """What it is about."""
        return str(self.json["type"])

    def verify(self, secret: str = SECRET) -> None:
        """Check the signature as a receiver does, knowing nothing of the package."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        stamp = self.headers["webhook-timestamp"]
        assert abs(time.time() - int(stamp)) < 60
        signed = f"{self.headers['webhook-id']}.{stamp}.".encode() + self.body
        digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert self.headers["webhook-signature"].split(" ") == [f"v1,{digest}"]


class Receiver:
    """Takes POSTs and answers as it was told.

    Attributes:
        received: All requests, in order.
        answers: Statuses of the next requests, with headers; 204 when there are none.
        hang: While cleared, requests wait for it before they are answered.
        drip: Whether an answer comes byte by byte, slowly.
    """

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.hang = threading.Event()
        self.hang.set()
        self.drip = False
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.take(self)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?token=t0ken-in-the-url"

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        """Handle one request."""
        length = int(handler.headers["content-length"])
        headers = {name.lower(): value for name, value in handler.headers.items()}
        body = handler.rfile.read(length)
        self.received.append(Received(handler.path, headers, body, time.monotonic()))
        status, more = self.answers.pop(0) if self.answers else (204, {})
        self.hang.wait(WITHIN_S)
        try:
            if self.drip:
                for byte in b"HTTP/1.1 200 OK\r\nx-slow: " + b"x" * 10_000:
                    handler.wfile.write(bytes([byte]))
                    handler.wfile.flush()
                    time.sleep(0.02)
            handler.send_response(status)
            for name, value in more.items():
                handler.send_header(name, value)
            handler.send_header("content-length", "0")
            handler.end_headers()
        except OSError:
            handler.close_connection = True  # who asked has gone

    def until(self, count: int) -> list[Received]:
        """Wait for that many requests."""
        end = time.monotonic() + WITHIN_S
        while len(self.received) < count:
            assert time.monotonic() < end, [one.type for one in self.received]
            time.sleep(0.005)
        return self.received[:count]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver while it is used."""
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.hang.set()
        receiver.drip = False
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join()
