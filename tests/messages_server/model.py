"""The model behind the server: what it answers, in tokens, blocks and stream events.

Nothing here knows of HTTP. The default answer is a short report made from the request itself,
so that a notebook shown without a key still reads like one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Body", "Reply", "ToolCall", "count_tokens", "events", "message", "report", "sample"]

Body = dict[str, Any]

_TOOL = re.compile(r"\[\[tool:(\w+)\s*(\{.*?\})?\]\]", re.DOTALL)
_TASK = re.compile(r"<task[^>]*>\s*(.*?)\s*</task>", re.DOTALL)
_RESULT = re.compile(r'<result task="([^"]+)"')
_DECISION = re.compile(r'<decision id="[^"]*"[^>]*>\s*(.*?)\s*</decision>', re.DOTALL)
_ORCHESTRAS = frozenset(
    {
        "request_decision",
        "record_decision",
        "record_finding",
        "report_blocker",
        "report_progress",
    }
)
_AGENT = re.compile(r"You are (?:the agent )?([\w .-]+?)[,.\n]")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One tool call of the model."""

    name: str
    input: Any = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the model.

    Attributes:
        text: The text block; none when empty.
        tools: Tool calls that follow the text.
        thinking: A thinking block before the text; none when empty.
        stop_reason: ``None`` chooses tool_use or end_turn.
        stop_details: Sent with the stop reason (a refusal's category and explanation).
        usage: Counts that replace the computed ones.
    """

    text: str = ""
    tools: Sequence[ToolCall] = ()
    thinking: str = ""
    stop_reason: str | None = None
    stop_details: Mapping[str, Any] | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)


def count_tokens(value: Any) -> int:
    """Four characters of JSON are one token: wrong, but the same every time."""
    return max(1, len(json.dumps(value)) // 4)


def texts(body: Body, role: str) -> list[str]:
    """Every text that `role` wrote, oldest first; tool results count as the user's."""
    found = []
    for turn in body.get("messages", ()):
        if turn.get("role") != role:
            continue
        content = turn.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
        for block in blocks:
            text = block.get("text") if block.get("type") == "text" else block.get("content")
            if isinstance(text, list):
                text = "\n".join(str(part.get("text", "")) for part in text)
            if text:
                found.append(str(text))
    return found


def report(body: Body) -> Reply:
    """The default answer: tool calls, then a short report or what the schema asks for.

    A marker in the prompt, ``[[tool:request_decision {"title": ...}]]``, asks for a call; each is
    made once, in order, one a turn. After those, each of the user's own tools gets one call with
    an example of its input.
    """
    asked = [
        (name, json.loads(raw) if raw else {})
        for name, raw in _TOOL.findall("\n".join(texts(body, "user")[:1]))
    ]
    for tool in body.get("tools") or ():
        name, schema = tool.get("name"), tool.get("input_schema") or {}
        if name not in _ORCHESTRAS and name not in dict(asked):
            asked.append((name, sample(schema, schema.get("$defs", {}))))
    blocks = [
        block
        for turn in body.get("messages", ())
        if turn.get("role") == "assistant" and isinstance(turn.get("content"), list)
        for block in turn["content"]
    ]
    done = sum(block.get("type") == "tool_use" for block in blocks)
    if done < len(asked):
        name, given = asked[done]
        return Reply(
            text=f"Before I go on I use {name.replace('_', ' ')}.", tools=[ToolCall(name, given)]
        )
    schema = ((body.get("output_config") or {}).get("format") or {}).get("schema")
    if schema:
        return Reply(text=json.dumps(sample(schema, schema.get("$defs", {}))))
    return Reply(text=_report_text(body))


def _report_text(body: Body) -> str:
    system = body.get("system") or ""
    if not isinstance(system, str):  # who the agent is comes last, after what all share
        system = str(system[-1].get("text", ""))
    said = texts(body, "user")
    first = said[0] if said else ""
    found = _TASK.search(first)
    whole = _TOOL.sub("", found[1] if found else first)
    task = next((line.strip() for line in whole.splitlines() if line.strip()), "the task")
    task = re.sub(r"\[\[.*?\]\]", "", task).strip().rstrip(".") or "the task"
    agent = match[1] if (match := _AGENT.search(system)) else "the agent"
    sources = list(dict.fromkeys(_RESULT.findall(first)))
    chosen = [" ".join(line.split()) for line in _DECISION.findall(first)]
    # The same question gets the same answer, so that two runs can be compared.
    number = int(hashlib.sha256(first.encode("utf-8", "replace")).hexdigest()[:6], 16)
    effort = ("an hour", "half a day", "a day", "two days")[number % 4]
    weight = ("low", "moderate", "high")[number // 4 % 3]
    lines = [f"# {task[:90]}", ""]
    if sources:
        lines.append(f"I started from what {_and(sources)} found and did not repeat it.")
    else:
        lines.append(f"I looked at this as {agent} with what the brief contains.")
    lines += [
        f"{2 + number % 5} points matter; {1 + number % 2} of them should be settled first.",
        "",
        f"- The main risk is {weight}: the assumptions behind the brief are not measured yet.",
        f"- A first version takes about {effort} and can be checked on its own.",
    ]
    lines += [f"- The decision stands: {choice}." for choice in chosen]
    lines += [f"- {_told(text)}" for text in said[1:]]
    lines += ["", "Next step: agree on how success is measured, then start with the first point."]
    return "\n".join(lines)


def _told(result: str) -> str:
    """A tool's result in words: a decision's outcome, or its first 120 characters."""
    try:
        outcome = json.loads(result)
        return f"The person chose {outcome['option']}: {outcome['text']}. I follow that."
    except (ValueError, TypeError, KeyError):
        return f"I was told: {' '.join(result.split())[:120]}"


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def sample(schema: Mapping[str, Any], defs: Mapping[str, Any], name: str = "value") -> Any:
    """A small instance of a JSON schema, as structured output would return one."""
    if "$ref" in schema:
        return sample(defs[schema["$ref"].rsplit("/", 1)[1]], defs, name)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "default" in schema:
        return schema["default"]
    for key in ("anyOf", "allOf"):
        if key in schema:
            return sample(schema[key][0], defs, name)
    match schema.get("type"):
        case "object":
            return {k: sample(v, defs, k) for k, v in schema.get("properties", {}).items()}
        case "array":
            return [sample(schema["items"], defs, name)] if "items" in schema else []
        case "string":
            return f"An example {name.replace('_', ' ')}"
        case "integer":
            return 1
        case "number":
            return 0.5
        case "boolean":
            return True
        case _:
            return None


def message(body: Body, reply: Reply, *, number: int, usage: Mapping[str, Any]) -> dict[str, Any]:
    """The whole message of the Messages API for `reply`."""
    blocks: list[dict[str, Any]] = []
    if reply.thinking:
        blocks.append({"type": "thinking", "thinking": reply.thinking, "signature": "sig"})
    if reply.text:
        blocks.append({"type": "text", "text": reply.text, "citations": None})
    for index, call in enumerate(reply.tools):
        blocks.append(
            {
                "type": "tool_use",
                "id": f"toolu_{number:06d}_{index}",
                "name": call.name,
                "input": call.input,
                "caller": {"type": "direct"},
            }
        )
    return {
        "id": f"msg_{number:06d}",
        "type": "message",
        "role": "assistant",
        "model": body.get("model"),
        "content": blocks,
        "stop_reason": reply.stop_reason or ("tool_use" if reply.tools else "end_turn"),
        "stop_sequence": None,
        "stop_details": reply.stop_details,
        "usage": {
            "output_tokens": max(1, sum(count_tokens(block) for block in blocks)),
            "service_tier": "standard",
            **usage,
            **reply.usage,
        },
    }


_EMPTY: dict[str, dict[str, Any]] = {
    "text": {"text": ""},
    "tool_use": {"input": {}},
    "thinking": {"thinking": "", "signature": ""},
}


def events(whole: Mapping[str, Any], delta_chars: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The stream of one message: event names with their data, in the API's order."""
    usage = whole["usage"]
    opening = {**whole, "content": [], "stop_reason": None, "stop_details": None}
    yield (
        "message_start",
        {"type": "message_start", "message": {**opening, "usage": {**usage, "output_tokens": 1}}},
    )
    yield "ping", {"type": "ping"}
    for index, block in enumerate(whole["content"]):
        kind = block["type"]
        start = {"index": index, "content_block": {**block, **_EMPTY[kind]}}
        yield "content_block_start", {"type": "content_block_start", **start}
        if kind == "text":
            delta, key, text = "text_delta", "text", block["text"]
        elif kind == "tool_use":
            delta, key, text = "input_json_delta", "partial_json", json.dumps(block["input"])
        else:
            delta, key, text = "thinking_delta", "thinking", block["thinking"]
        for at in range(0, len(text), delta_chars):
            piece = {"type": delta, key: text[at : at + delta_chars]}
            yield (
                "content_block_delta",
                {"type": "content_block_delta", "index": index, "delta": piece},
            )
        yield "content_block_stop", {"type": "content_block_stop", "index": index}
    ending = {
        "stop_reason": whole["stop_reason"],
        "stop_sequence": None,
        "stop_details": whole["stop_details"],
    }
    counted = {k: v for k, v in usage.items() if k in ("input_tokens", "output_tokens")}
    yield "message_delta", {"type": "message_delta", "delta": ending, "usage": counted}
    yield "message_stop", {"type": "message_stop"}
