"""A scriptable Messages API on loopback: HTTP, streams, faults. Standard library only."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from .cache import PromptCache
from .faults import OK, Fault, marked
from .limits import Limits
from .model import Body, Reply, events, message, report, texts
from .rules import refuse

__all__ = ["MessagesServer", "Seen"]

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_HEADROOM = {
    "anthropic-ratelimit-requests-limit": "1000",
    "anthropic-ratelimit-requests-remaining": "999",
    "anthropic-ratelimit-input-tokens-remaining": "399000",
    "anthropic-ratelimit-output-tokens-remaining": "79000",
}
_HTML = b"<html><body>Please log in to the hotel network</body></html>"
_BROKEN = b'{"id": "msg_1", "content": [{"ty'


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived; `body` is parsed JSON, or bytes when it was none."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    t: float = field(default_factory=time.monotonic)


class _Cut(Exception):
    """The script wants the connection gone."""


class MessagesServer:
    """The server with its own thread and event loop.

    ::

        with MessagesServer() as server:
            client = anthropic.AsyncAnthropic(api_key="sk-test", base_url=server.base_url)
            server.script(fault(429, retry_after=0.2), OK)   # one step a request
            server.reply = lambda body: Reply("Hello")       # or leave the default report

    Without touching the object, a prompt can carry its own fault or tool call:
    ``[[fault:529 times=2]]``, ``[[tool:record_finding {"text": "..."}]]``.

    Args:
        reply: Makes the answer from a request's body; default: a short report.
        port: 0 takes a free one.
        delta_chars: Characters in one delta of a stream.
        delta_delay: Seconds between two deltas.
        latency: Seconds before the head of each response.
        limits: What may be sent, and what the headers say of that; by default enough.

    Attributes:
        fault: Says what happens to a request once the script is over; `None` leaves that to the
            request's own markers.
        gate: Answers wait until this many requests have been in flight at once.
        requests: Every request seen, oldest first.
        in_flight: Requests being answered now; one whose client went away is not.
        max_in_flight: The most there were at once.
    """

    def __init__(
        self,
        reply: Callable[[Body], Reply] = report,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        delta_chars: int = 12,
        delta_delay: float = 0.0,
        latency: float = 0.0,
        limits: Limits | None = None,
    ) -> None:
        self.reply = reply
        self.host, self.port = host, port
        self.delta_chars, self.delta_delay, self.latency = delta_chars, delta_delay, latency
        self.limits = limits
        self.fault: Callable[[Body], Fault | None] = lambda body: None
        self.requests: list[Seen] = []
        self.in_flight = self.max_in_flight = self.gate = 0
        self._steps: deque[Fault] = deque()
        self._markers: Counter[str] = Counter()
        self._cache = PromptCache()
        self._numbers = itertools.count(1)
        self._ready = threading.Event()

    # -- life ------------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """What ANTHROPIC_BASE_URL has to be."""
        return f"http://{self.host}:{self.port}"

    @property
    def bodies(self) -> list[Body]:
        """The bodies of the requests to /v1/messages, oldest first."""
        return [seen.body for seen in self.requests if seen.path == "/v1/messages"]

    def script(self, *steps: Fault) -> Self:
        """Say what happens to the next requests, one step each; after them all is well."""
        self._steps.extend(steps)
        return self

    def start(self) -> Self:
        """Listen; return once a connection would succeed."""
        self._thread = threading.Thread(target=self._run, name="messages-server", daemon=True)
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError(f"the server did not start on {self.host}:{self.port}")
        return self

    def stop(self) -> None:
        """Close every connection and end the thread; a second time does nothing."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopped.set)
            self._thread.join(5)

    def wait_idle(self, timeout: float = 2.0) -> bool:
        """Wait until no request is in flight; `False` when that took too long."""
        end = time.monotonic() + timeout
        while self.in_flight and time.monotonic() < end:
            time.sleep(0.005)
        return not self.in_flight

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        talks: set[asyncio.Task[None]] = set()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            talk = asyncio.create_task(self._talk(reader, writer))
            talks.add(talk)
            talk.add_done_callback(talks.discard)

        server = await asyncio.start_server(
            connected, self.host, self.port, limit=1 << 26, backlog=1024
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopped.wait()
        server.close()
        while True:
            open_talks = list(talks)
            for talk in open_talks:
                talk.cancel()
            await asyncio.gather(*open_talks, return_exceptions=True)
            # What was just being accepted comes up now, and what was closed is let go.
            await asyncio.sleep(0.01)
            if not talks:
                return

    # -- HTTP ------------------------------------------------------------------------------

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                seen = await self._read(reader)
                self.requests.append(seen)
                self.in_flight += 1
                self.max_in_flight = max(self.max_in_flight, self.in_flight)
                try:
                    await self._answer_while_connected(reader, writer, seen)
                finally:
                    self.in_flight -= 1
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, _Cut):
            pass
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Seen:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ", 2)
        pairs = (line.partition(":") for line in lines)
        headers = {key.strip().lower(): value.strip() for key, _, value in pairs if key}
        if "chunked" in headers.get("transfer-encoding", ""):
            raw = b""
            while size := int((await reader.readline()).split(b";")[0], 16):
                raw += await reader.readexactly(size)
                await reader.readline()
            await reader.readline()
        else:
            raw = await reader.readexactly(int(headers.get("content-length", 0)))
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = raw
        return Seen(method, target.partition("?")[0], headers, body)

    async def _answer_while_connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: Seen
    ) -> None:
        """Answer, and give up at once when the client goes away.

        A client says nothing while it waits, so the only thing that can be read is its end.
        """
        answer = asyncio.create_task(self._answer(writer, seen))
        gone = asyncio.create_task(reader.read(1))
        try:
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise ConnectionResetError
            await answer
        finally:
            answer.cancel()
            gone.cancel()
            await asyncio.gather(answer, gone, return_exceptions=True)

    def _head(
        self, writer: asyncio.StreamWriter, status: int, kind: str, size: int | None, **more: str
    ) -> None:
        headers = {
            "content-type": kind,
            "request-id": f"req_{next(self._numbers):06d}",
            **(_HEADROOM if self.limits is None else self.limits.headers()),
            **more,
        }
        if size is None:
            headers["transfer-encoding"] = "chunked"
        else:
            headers["content-length"] = str(size)
        lines = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
        writer.write(f"HTTP/1.1 {status} Answer\r\n{lines}\r\n".encode())

    def _json(
        self, writer: asyncio.StreamWriter, value: Any, status: int = 200, **headers: str
    ) -> None:
        raw = json.dumps(value).encode()
        self._head(writer, status, "application/json", len(raw), **headers)
        writer.write(raw)

    def _error(self, writer: asyncio.StreamWriter, step: Fault) -> None:
        headers: dict[str, str] = {}
        if step.retry_after is not None:
            headers["retry-after"] = str(step.retry_after)
        if step.retry_after_ms is not None:
            headers["retry-after-ms"] = str(step.retry_after_ms)
        if step.should_retry is not None:
            headers["x-should-retry"] = str(step.should_retry).lower()
        error: dict[str, Any] = {
            "type": step.type or _TYPES.get(step.status) or _TYPES[400 + 100 * (step.status > 499)],
            "message": step.message or f"scripted {step.status}",
        }
        if step.code is not None:
            error["details"] = {"error_code": step.code}
        self._json(writer, {"type": "error", "error": error}, step.status, **headers)

    async def _answer(self, writer: asyncio.StreamWriter, seen: Seen) -> None:
        if (seen.method, seen.path) != ("POST", "/v1/messages"):
            message = f"no route {seen.method} {seen.path}"
            self._error(writer, Fault("status", status=404, message=message))
        elif not {"authorization", "x-api-key"} & seen.headers.keys():
            message = "no credentials in the request"
            self._error(writer, Fault("status", status=401, message=message))
        elif (reason := refuse(seen.body)) is not None:
            self._error(writer, Fault("status", status=400, message=reason))
        else:
            await self._messages(writer, seen.body)

    # -- one message -----------------------------------------------------------------------

    def _step(self, body: Body) -> Fault:
        if self._steps:
            return self._steps.popleft()
        if (chosen := self.fault(body)) is not None:
            return chosen
        found = marked("\n".join(texts(body, "user")))
        if found is None:
            return OK
        mark, step = found
        self._markers[mark] += 1
        return step if self._markers[mark] <= step.times else OK

    async def _messages(self, writer: asyncio.StreamWriter, body: Body) -> None:
        step = self._step(body)
        streaming = bool(body.get("stream"))
        if self.latency:
            await asyncio.sleep(self.latency)
        while self.max_in_flight < self.gate:
            await asyncio.sleep(0.005)
        if step.kind == "slow":
            await asyncio.sleep(step.seconds)
        limits = self.limits if step.kind == "ok" else None
        refusal = limits.refuse(self._cache.counted(body)) if limits is not None else None
        if refusal is not None:
            step = Fault("status", status=refusal[0], retry_after=refusal[1])
        if step.kind == "disconnect" and (step.after < 0 or not streaming):
            self._cut(writer, step)
        if not self._no_message(writer, step):
            await self._message(writer, step, body, streaming)

    def _no_message(self, writer: asyncio.StreamWriter, step: Fault) -> bool:
        """Answer with something that is no message at all, if the script says so."""
        match step.kind:
            case "status":
                self._error(writer, step)
            case "html":
                self._head(writer, 200, "text/html", len(_HTML))
                writer.write(_HTML)
            case "empty":
                self._head(writer, 200, "application/json", 0)
            case "broken_json":
                self._head(writer, 200, "application/json", len(_BROKEN))
                writer.write(_BROKEN)
            case "wrong_shape":
                self._json(writer, {"hello": ["world"]})
            case _:
                return False
        return True

    async def _message(
        self, writer: asyncio.StreamWriter, step: Fault, body: Body, streaming: bool
    ) -> None:
        reply = Reply("x" * step.chars) if step.kind == "huge" else self.reply(body)
        whole = message(body, reply, number=next(self._numbers), usage=self._cache.usage(body))
        if streaming:
            await self._stream(writer, step, whole)
        else:
            self._json(writer, whole)
        if self.limits is not None:
            self.limits.wrote(whole["usage"]["output_tokens"])

    async def _stream(
        self, writer: asyncio.StreamWriter, step: Fault, whole: Mapping[str, Any]
    ) -> None:
        self._head(writer, 200, "text/event-stream; charset=utf-8", None)

        async def send(event: str, data: str) -> None:
            raw = f"event: {event}\ndata: {data}\n\n".encode()
            writer.write(f"{len(raw):x}\r\n".encode() + raw + b"\r\n")
            await writer.drain()

        chars = 4096 if step.kind == "huge" else self.delta_chars
        if step.kind == "odd_start":
            await send("message_start", json.dumps({"type": "message_start", "message": {}}))
            await send("message_stop", json.dumps({"type": "message_stop"}))
        whole_stream = () if step.kind in ("no_events", "odd_start") else events(whole, chars)
        for number, (event, data) in enumerate(whole_stream):
            if number == step.after and await self._break(writer, step, send):
                break
            if step.kind == "no_start" and event == "message_start":
                continue
            await send(event, json.dumps(data))
            if self.delta_delay and event == "content_block_delta":
                await asyncio.sleep(self.delta_delay)
        writer.write(b"0\r\n\r\n")

    async def _break(
        self, writer: asyncio.StreamWriter, step: Fault, send: Callable[[str, str], Any]
    ) -> bool:
        """Do what `step` says in the middle of a stream; true when the stream ends here."""
        match step.kind:
            case "disconnect":
                await asyncio.sleep(0.02)  # let what was sent arrive: a reset discards it
                self._cut(writer, step)
            case "truncate":
                return True
            case "sse_error":
                error = {"type": step.type or "overloaded_error", "message": "scripted"}
                await send("error", json.dumps({"type": "error", "error": error}))
                return True
            case "stall":
                await asyncio.sleep(step.seconds)
            case "malformed":
                await send("content_block_delta", '{"type": "content_block_delta", "delta": {"ty')
            case "unknown_event":
                await send("martian", json.dumps({"type": "martian", "x": 1}))
                odd = {"type": "content_block_delta", "index": 0, "delta": {"type": "martian"}}
                await send("content_block_delta", json.dumps(odd))
            case _:
                pass
        return False

    def _cut(self, writer: asyncio.StreamWriter, step: Fault) -> None:
        if step.rst:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        else:
            writer.close()
        raise _Cut
