"""Claude as an agent: the Messages API, streamed, with a tool loop of our own.

The loop is ours and not the SDK's so that every exchange, its cost and its failure are seen, can
be cancelled, and land in the log. The worker only raises; the engine decides about other attempts.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ValidationError

from ..errors import AgentError
from .allowance import allowed, model_for, worst_case
from .claude_client import ClientFactory, check_credentials, client_for
from .claude_errors import explain, judge, mask, masked
from .claude_stream import Exchange, Narrator, vars_of
from .claude_tools import Tool, call_tool, own_tools, user_tool
from .codekeys import request_key, unfollowed_of
from .governor import admitted
from .prices import Prices, Tokens
from .prompts import first_message, system_blocks

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from anthropic.types import Message

    from .context import Context

__all__ = ["DEFAULT_MODEL", "Claude", "Effort"]

DEFAULT_MODEL = "claude-sonnet-5-5"

Effort = Literal["low", "medium", "high", "xhigh", "max"]

_FENCE = re.compile(r"\A\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)
_REPEATS = 3
"""A refused exchange in the middle of a conversation is repeated this often."""
_PROMPT_CHARS = 3_000
"""About what every agent of a run is told of the project, its level and how to work."""
_GO_ON = "Write your final answer now: the complete result of the task."


class Claude:
    """A worker that does a task with Claude.

    Example::

        def exchange_rate(currency: str) -> float:
            '''Today's rate of a currency, given by its three letters, to the euro.'''

        agents = {"analyst": Claude(system="You are a careful analyst.", tools=[exchange_rate])}

    The result is the text of the last message, or an instance of `output`.

    Args:
        model: Model id.
        system: Who the agent is; by default a sentence made from the agent's name. The project,
            its level and how to work come before it by themselves.
        tools: Python functions the model may call, sync or async, with type hints; a Google
            docstring describes them. An exception goes back to the model in one line.
            ``onb.agents.tool(function, confirm=True)`` asks a person before each call.
        max_tokens: Most tokens of one message; a message cut there is a failure.
        output: Pydantic model the answer has to fit. If it doesn't, the model may repair it once.
        effort: How much the model thinks; `None` leaves it to the API.
        base_url: The server; by default ANTHROPIC_BASE_URL, else Anthropic's.
        prices: Your own price table.
        max_rounds: Most rounds of tool calls in one attempt.
        client: Makes the client, for proxies and tests; it should have ``max_retries=0``.

    Attributes:
        retries: Attempts the engine may add after a failure that may pass.
        blocking: `False`: it runs on the agents' event loop.
        paid: `True`: its calls cost money.

    Raises:
        TypeError: If a tool can't be described by a schema, or `output` is no pydantic model.
        ValueError: If a number makes no sense or two tools have one name.
    """

    retries = 3
    blocking = False
    paid = True

    def __init__(
        self,
        *,
        model: str = DEFAULT_MODEL,
        system: str | None = None,
        tools: Sequence[Callable[..., Any] | Tool] = (),
        max_tokens: int = 16_000,
        output: type[BaseModel] | None = None,
        effort: Effort | None = None,
        base_url: str | None = None,
        prices: Prices | None = None,
        max_rounds: int = 50,
        client: ClientFactory | None = None,
    ) -> None:
        if not model:
            raise ValueError("model is empty; name a model such as 'claude-sonnet-5-5'")
        if max_tokens < 1:
            raise ValueError(f"max_tokens must be at least 1, not {max_tokens!r}")
        if max_rounds < 0:
            raise ValueError(f"max_rounds must not be negative, not {max_rounds!r}")
        shape: object = output
        if shape is not None and not (isinstance(shape, type) and issubclass(shape, BaseModel)):
            raise TypeError(f"output must be a pydantic model class, not {output!r}")
        own = [one if isinstance(one, Tool) else user_tool(one) for one in tools]
        made = [*own_tools(), *own]
        self._tools = {tool.name: tool for tool in made}
        if len(self._tools) < len(made):
            names = [tool.name for tool in made]
            twice = sorted({name for name in names if names.count(name) > 1})
            raise ValueError(f"two tools are named {', '.join(map(repr, twice))}; rename one")
        self.model, self.system, self.max_tokens = model, system, max_tokens
        self.output, self.effort, self.max_rounds = output, effort, max_rounds
        self.base_url, self.prices = base_url, prices or Prices()
        self._client = client

    def check(self) -> str | None:
        """Say why this worker can't start, without the network; `None` when it can."""
        return None if self._client is not None else check_credentials()

    async def __call__(self, context: Context, /) -> Any:
        """Do the task: the answer's text, or an instance of `output`.

        Raises:
            AgentError: One readable line; `retryable` says whether another attempt may help.
        """
        client = await client_for(base_url=self.base_url, factory=self._client)
        context.key = self.key_of(context)
        return await _Attempt(self, context, client).run()

    def key_of(self, context: Context) -> str:
        """What this worker is asked for a task, as a hash: its first request, its tools' code.

        A task that was sent back has the key of its first try, and one that a cheaper model was
        used for that of its own model. Where it is sent, and with which key, does not count.
        """
        request = self.request(context, reviewed=False) | {"model": self.model}
        return request_key(request, self._code())

    @property
    def unfollowed(self) -> tuple[str, ...]:
        """Names of what its tools and the class of its answer use that is not compared."""
        return unfollowed_of(self._code())

    def _code(self) -> list[object]:
        return [*(tool.function for tool in self._tools.values()), self.output]

    def request(self, context: Context, *, reviewed: bool = True) -> dict[str, Any]:
        """The first request for a task, as it is sent.

        Args:
            context: The task's context.
            reviewed: ``False``: as it was before any review.
        """
        request: dict[str, Any] = {
            "model": model_for(context, self.model),
            "max_tokens": self.max_tokens,
            "system": system_blocks(context, system=self.system),
            "tools": [tool.param() for tool in self._tools.values()],
            "messages": [_user(_text(first_message(context, reviewed=reviewed)))],
        }
        config: dict[str, Any] = {} if self.effort is None else {"effort": self.effort}
        if self.output is not None:
            from anthropic import transform_schema

            # Not the SDK's output_format: its validation raises and loses the message and its cost.
            config["format"] = {"type": "json_schema", "schema": transform_schema(self.output)}
        if config:
            request["output_config"] = config
        return request

    def expected(self, chars: int, answer: int) -> tuple[int, float | None]:
        """About how many tokens one exchange takes, and its cost (``None``: unknown).

        Args:
            chars: Characters of the task and what it is told of others.
            answer: Tokens of the answer, if it may have as many.
        """
        read, written = (self._around + chars) // 4, min(answer, self.max_tokens)
        return read + written, self.prices.cost(self.model, Tokens(input=read, output=written))

    def at_most(self, chars: int) -> tuple[int, float | None]:
        """Most tokens that one exchange takes, and what they cost at worst."""
        return worst_case(self._around + chars, self.max_tokens, self.prices.of(self.model))

    @property
    def _around(self) -> int:
        """Characters of a request besides the task."""
        tools = json.dumps([tool.param() for tool in self._tools.values()])
        return len(tools) + len(self.system or "") + _PROMPT_CHARS

    def cheaper(self, model: str) -> str | None:
        """A cheaper model of its price table, if there is one; see :meth:`Prices.cheaper`."""
        return self.prices.cheaper(model)

    def __repr__(self) -> str:
        own = len(own_tools())
        more = f", tools=[{', '.join(list(self._tools)[own:])}]" if len(self._tools) > own else ""
        shape = f", output={self.output.__name__}" if self.output else ""
        return f"Claude({self.model!r}{more}{shape})"


class _Attempt:
    """The conversation of one attempt."""

    def __init__(self, worker: Claude, context: Context, client: AsyncAnthropic) -> None:
        self._worker, self._context, self._client = worker, context, client
        self._request = worker.request(context)
        self._model: str = self._request["model"]
        self._messages: list[dict[str, Any]] = self._request["messages"]
        self._exchanges = 0
        self._shown = 0
        what = worker.output.__name__ if worker.output else None
        self._narrator = Narrator(context.progress, what=what)

    async def run(self) -> Any:
        rounds = 0
        nudged = repaired = False
        while True:
            message = await self._exchange()
            text = _text_of(message)
            if message.stop_reason in ("tool_use", "pause_turn"):
                rounds += 1
                if rounds > self._worker.max_rounds:
                    raise AgentError(
                        f"Stopped after {self._worker.max_rounds} rounds of tool calls without an "
                        "answer; raise max_rounds or make the task smaller"
                    )
                self._messages.append({"role": "assistant", "content": _content(message)})
                if message.stop_reason == "tool_use":
                    self._messages.append(_user(*await self._tool_results(message)))
                continue
            if not text.strip() and message.stop_reason == "end_turn" and rounds and not nudged:
                # After tool calls some answers are empty because the model thinks it is done.
                nudged = True
                self._messages[-1]["content"].append(_text(_GO_ON))
                continue
            fault = judge(
                message.stop_reason,
                text,
                max_tokens=self._worker.max_tokens,
                details=getattr(message, "stop_details", None),
            )
            if fault is not None:
                raise fault
            if self._worker.output is None:
                return mask(text.strip())
            text = mask(text)
            fenced = _FENCE.match(text)
            try:
                return self._worker.output.model_validate_json(fenced[1] if fenced else text)
            except ValidationError as error:
                why = explain(error)
            if repaired:
                name = self._worker.output.__name__
                raise AgentError(f"The answer did not fit {name}, not even repaired: {why}")
            repaired = True
            self._messages.append({"role": "assistant", "content": _content(message)})
            ask = f"Your answer does not fit: {why}. Send the whole answer again, corrected."
            self._messages.append(_user(_text(ask)))

    async def _exchange(self) -> Message:
        self._exchanges += 1
        # From the third on, what was said before is read from the cache.
        new = self._messages[self._shown :] if self._exchanges > 2 else self._request
        chars = len(json.dumps(new, default=str))
        exchange = await self._send(chars)
        repeats = _REPEATS if self._exchanges > 1 else 0
        while exchange.refused and repeats:
            # Another attempt would pay for the conversation again, and call its tools again.
            repeats -= 1
            exchange = await self._send(chars)
        if exchange.error is not None:
            raise exchange.error
        assert exchange.message is not None
        return exchange.message

    async def _send(self, chars: int) -> Exchange:
        """Make an exchange once there is room for it, and record it."""
        worker, model = self._worker, self._model
        exchange = Exchange({**self._request, "messages": self._marked()})
        async with allowed(
            self._context,
            model=model,
            price=worker.prices.of(model),
            chars=lambda: len(json.dumps(self._request, default=str)),
            max_tokens=worker.max_tokens,
        ) as allowance:
            try:
                await self._run(exchange, chars)
            finally:
                if exchange.billed and not exchange.complete:
                    allowance.broke_off(exchange.tokens)
        return exchange

    async def _run(self, exchange: Exchange, chars: int) -> None:
        async with admitted(
            self._client,
            self._context,
            model=self._model,
            chars=chars,
            max_tokens=self._worker.max_tokens,
        ) as permit:
            try:
                await exchange.run(self._client, self._narrator, permit.opened)
            except asyncio.CancelledError:
                # The run is being stopped: what was spent is still told, but nothing may hold
                # it up.
                with contextlib.suppress(Exception):
                    exchange.error = AgentError(
                        f"Cancelled after {exchange.heard:,} characters; its cost is unknown"
                    )
                    self._record(exchange)
                raise
            tokens = exchange.tokens if exchange.complete else None
            exchange.error = permit.close(exchange.error, exchange.headers, tokens)
        self._record(exchange)

    def _marked(self) -> list[dict[str, Any]]:
        """The messages, with a cache mark at the end from the second exchange on.

        Most agents answer in one exchange; marking the first would pay for entries nobody reads.
        """
        if self._exchanges == 1:
            return self._messages
        *before, last = self._messages
        *blocks, end = last["content"]
        marked = {**end, "cache_control": {"type": "ephemeral"}}
        return [*before, {**last, "content": [*blocks, marked]}]

    def _record(self, exchange: Exchange) -> None:
        """Tell usage, cost and transcript. An answer that broke off has an unknown cost."""
        model = getattr(exchange.message, "model", None)
        model = model if isinstance(model, str) and model else self._model
        cost = None
        if exchange.complete and exchange.tokens is not None:
            prices = self._worker.prices
            cost = prices.cost(model, exchange.tokens)
            if cost is None:  # a server that answers under another name than it was asked for
                cost = prices.cost(self._model, exchange.tokens)
        if exchange.billed:
            self._context.usage(
                model=mask(model),
                cost=cost,
                request_id=exchange.request_id,
                **vars_of(exchange.tokens or Tokens()),
            )
        new = self._messages[self._shown :]
        self._shown = len(self._messages)
        shown = {**self._request, "messages": new} if self._exchanges == 1 else {"messages": new}
        line = {"exchange": self._exchanges, "model": model, "cost": cost}
        self._context.transcript({**masked(line), **exchange.record(shown)})

    async def _tool_results(self, message: Message) -> list[dict[str, Any]]:
        calls = [block for block in message.content if block.type == "tool_use"]
        if not calls:
            raise AgentError("The model stopped for a tool but called none", retryable=True)
        async with asyncio.TaskGroup() as group:
            running = [
                group.create_task(call_tool(self._worker._tools, self._context, c.name, c.input))
                for c in calls
            ]
        return [
            {
                "type": "tool_result",
                "tool_use_id": call.id,
                "content": answer.result().text,
                **({"is_error": True} if answer.result().failed else {}),
            }
            for call, answer in zip(calls, running, strict=True)
        ]


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def _text_of(message: Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def _content(message: Message) -> list[dict[str, Any]]:
    """The model's turn as it goes back: empty texts are refused, half surrogates can't be sent."""
    blocks = [block.to_dict(exclude_none=True, warnings=False) for block in message.content]
    kept = [block for block in blocks if block.get("type") != "text" or block.get("text")]
    for block in kept:
        block.pop("parsed_output", None)
        if block.get("type") == "tool_use" and not isinstance(block.get("input"), dict):
            block["input"] = {}
    clean: list[dict[str, Any]] = masked(kept)
    return clean
