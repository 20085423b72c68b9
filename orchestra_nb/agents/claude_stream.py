"""One exchange with the model: stream it, tell the person what is written, count what it cost."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import OrchestraError
from .claude_errors import mask, masked, normalise
from .prices import Tokens

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from anthropic.lib.streaming import ParsedMessageStreamEvent
    from anthropic.types import Message

__all__ = ["Exchange", "Narrator", "tokens_of"]

# Where a sentence or a line ends. It looks back one character only: a pattern that matched whole
# sentences would try them again from each of their letters.
_END = re.compile(r"(?<=[.!?])\s|\n")
_MARKUP = re.compile(r"^[#>*\-\s|]+|\*\*|`")
_LONGEST_LINE = 200
_LONG_ENOUGH = 80  # a sentence this long is worth showing before it ends


class Narrator:
    """Turns streaming text into a short line for a person, at most once a second.

    Args:
        say: Shows a line.
        what: What is being written when its text is not for people (JSON); `None` shows the text.
        every: Least seconds between two lines.
    """

    def __init__(
        self, say: Callable[[str], None], *, what: str | None = None, every: float = 1.0
    ) -> None:
        self._say, self._what, self._every = say, what, every
        self._said, self._last = -every, ""
        self._tail = ""

    def hear(self, text: str, heard: int) -> None:
        """Take the next piece of text; `heard` counts the characters so far."""
        self._tail = (self._tail + text)[-4 * _LONGEST_LINE :]
        if time.monotonic() - self._said >= self._every:
            self._tell(self._line(heard))

    def note(self, line: str) -> None:
        """Show a line of our own, as rarely as the others."""
        if time.monotonic() - self._said >= self._every:
            self._tell(line)

    def finish(self, heard: int) -> None:
        """Show the end of what was written, unless a line was shown just now."""
        self._tail += "\n"
        self.hear("", heard)
        self._tail = ""

    def _line(self, heard: int) -> str:
        if self._what is not None:
            return f"Writing {self._what} ({heard:,} characters)"
        *whole, _ = _END.split(self._tail)
        for found in reversed(whole):
            if clean := _plain(found):
                return clean
        rest = _plain(self._tail)
        return rest if len(rest) >= _LONG_ENOUGH else ""

    def _tell(self, line: str) -> None:
        if line and line != self._last:
            self._said, self._last = time.monotonic(), line
            self._say(mask(line))


def _plain(text: str) -> str:
    line = " ".join(_MARKUP.sub("", text.strip()).split())
    if not any(char.isalnum() for char in line):
        return ""
    return line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 1]}…"


class Exchange:
    """One request and what came back, whole or broken.

    Attributes:
        message: The message as far as it arrived; `None` before its first event.
        error: What went wrong, in plain words.
        heard: Characters of text that arrived.
        opened: Whether a response of status 200 began.
        request_id: The service's name for the exchange, for its support.
        duration_s: Seconds from the request to the end.
        headers: Of the response, once it is there; refusals have some too.
    """

    def __init__(self, request: Mapping[str, Any]) -> None:
        self.request = request
        self.message: Message | None = None
        self.error: Exception | None = None
        self.heard = 0
        self.opened = False
        self.request_id: str | None = None
        self.duration_s = 0.0
        self.headers: Mapping[str, str] = {}
        self._content_type = ""

    async def run(
        self,
        client: AsyncAnthropic,
        narrator: Narrator,
        opened: Callable[[Mapping[str, str]], None],
    ) -> None:
        """Send the request and read the stream to its end; failures end up in `error`.

        Args:
            client: Sends it.
            narrator: Hears what is written.
            opened: Is given the headers once a response of status 200 begins.
        """
        began = time.monotonic()
        try:
            async with client.messages.stream(**self.request) as stream:
                self.opened = True
                self.request_id = stream.request_id
                self.headers = stream.response.headers
                self._content_type = self.headers.get("content-type", "")
                opened(self.headers)
                async for event in stream:
                    if event.type == "message_start":
                        self.message = stream.current_message_snapshot
                    else:
                        self._hear(event, narrator)
            if self.message is None:
                raise EOFError("the stream had no first event")
            if not isinstance(self.message.content, list):
                raise EOFError("its message has no content")
            narrator.finish(self.heard)
        except OrchestraError:
            raise
        except Exception as error:
            self.request_id = self.request_id or getattr(error, "request_id", None)
            if not self.opened:
                self.headers = getattr(getattr(error, "response", None), "headers", {})
            self.error = normalise(
                error,
                opened=self.opened,
                started=self.message is not None,
                heard=self.heard,
                content_type=self._content_type,
            )
        finally:
            self.duration_s = time.monotonic() - began

    def _hear(self, event: ParsedMessageStreamEvent[Any], narrator: Narrator) -> None:
        if event.type == "content_block_delta" and event.delta.type == "text_delta":
            self.heard += len(event.delta.text)
            narrator.hear(event.delta.text, self.heard)
        elif event.type == "content_block_start" and event.content_block.type == "thinking":
            narrator.note("Thinking")

    @property
    def complete(self) -> bool:
        """Whether the message arrived whole, and its usage is final."""
        return self.error is None and getattr(self.message, "stop_reason", None) is not None

    @property
    def refused(self) -> bool:
        """Whether the service had no room for it, so that nothing was spent."""
        return not self.opened and getattr(self.error, "cause", None) == "rate_limit"

    @property
    def billed(self) -> bool:
        """Whether the model began to answer, so that money was spent."""
        stream = self._content_type.startswith("text/event-stream")
        return self.message is not None or (self.opened and stream)

    @property
    def tokens(self) -> Tokens | None:
        """Tokens as far as they are known; `None` when nothing was said of them."""
        return tokens_of(getattr(self.message, "usage", None))

    def record(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The exchange as a line of the transcript, without keys; `request` is what to show."""
        message, tokens = self.message, self.tokens
        content = getattr(message, "content", None) or []
        line = {
            "request": request,
            "reply": [block.to_dict(warnings=False) for block in content],
            "stop_reason": getattr(message, "stop_reason", None),
            "usage": None if tokens is None else vars_of(tokens),
            "error": None if self.error is None else str(self.error),
            "duration_s": round(self.duration_s, 3),
            "request_id": self.request_id,
        }
        clean: dict[str, Any] = masked(line)
        return clean


def tokens_of(usage: Any) -> Tokens | None:
    """Read a usage object whose counts may be missing; `None` when it has no counts at all."""
    if not isinstance(getattr(usage, "input_tokens", None), int):
        return None
    written = _count(usage, "cache_creation_input_tokens")
    split = getattr(usage, "cache_creation", None)
    hour = _count(split, "ephemeral_1h_input_tokens")
    # The total follows the stream, its split by lifetime is said only at the start.
    five = written - hour if written else _count(split, "ephemeral_5m_input_tokens")
    return Tokens(
        input=_count(usage, "input_tokens"),
        output=_count(usage, "output_tokens"),
        cache_read=_count(usage, "cache_read_input_tokens"),
        cache_write_5m=max(0, five),
        cache_write_1h=hour,
    )


def vars_of(tokens: Tokens) -> dict[str, int]:
    """The counts by the names the log uses."""
    return {
        "input_tokens": tokens.input,
        "output_tokens": tokens.output,
        "cache_read_tokens": tokens.cache_read,
        "cache_write_5m_tokens": tokens.cache_write_5m,
        "cache_write_1h_tokens": tokens.cache_write_1h,
    }


def _count(thing: object, name: str) -> int:
    value = getattr(thing, name, None)
    return value if isinstance(value, int) and value > 0 else 0
