"""What the real API refuses, as far as an agent can get it wrong: one sentence or `None`."""

from __future__ import annotations

from typing import Any

__all__ = ["refuse"]

_GONE = ("temperature", "top_p", "top_k")
_BREAKPOINTS = 4


def refuse(body: Any) -> str | None:
    """Why the API would answer 400 to this body."""
    if not isinstance(body, dict):
        return "the body is not a JSON object"
    for key in ("model", "max_tokens", "messages"):
        if not body.get(key):
            return f"{key}: Field required"
    for key in _GONE:
        if key in body:
            return f"{key}: Extra inputs are not permitted"
    blocks = [block for block in _blocks(body) if isinstance(block, dict)]
    marks = sum("cache_control" in block for block in [*blocks, *(body.get("tools") or [])])
    if marks > _BREAKPOINTS:
        return (
            f"A maximum of {_BREAKPOINTS} blocks with cache_control may be provided; found {marks}"
        )
    if any(block.get("type") == "text" and not block.get("text") for block in blocks):
        return "text content blocks must be non-empty"
    return _unpaired(body["messages"])


def _blocks(body: dict[str, Any]) -> list[Any]:
    found = list(body["system"]) if isinstance(body.get("system"), list) else []
    for turn in body["messages"]:
        content = turn.get("content")
        found += [{"type": "text", "text": content}] if isinstance(content, str) else content or []
    return found


def _unpaired(turns: list[dict[str, Any]]) -> str | None:
    if turns[0].get("role") != "user":
        return "messages: first message must use the user role"
    for before, turn in zip([None, *turns], [*turns, None], strict=True):
        open_calls = _ids(before, "assistant", "tool_use", "id")
        answers = _ids(turn, "user", "tool_result", "tool_use_id")
        if open_calls - answers:
            return f"tool_use ids without tool_result: {', '.join(sorted(open_calls - answers))}"
        if answers - open_calls:
            return f"tool_result without tool_use: {', '.join(sorted(answers - open_calls))}"
    return None


def _ids(turn: dict[str, Any] | None, role: str, kind: str, key: str) -> set[str]:
    if turn is None or turn.get("role") != role or not isinstance(turn.get("content"), list):
        return set()
    return {str(block[key]) for block in turn["content"] if block.get("type") == kind}
