"""What a cell shows of a run that its own process does not run."""

from __future__ import annotations

from html import escape
from typing import Any

from ..handle import Run
from ..views.run_info import RunInfo
from ..views.static_html import final_html, final_text
from ..views.words import countdown, cut, plain

__all__ = ["picture"]

_MOST = 10


def picture(run: Run) -> dict[str, Any]:
    """The run as it is now, as a mimebundle with HTML and text; nothing in it is live."""
    state = run.state
    info = RunInfo.of(state)
    page, text = final_html(state, run=info), final_text(state, run=info)
    if state.ended_at is None:
        lines = [
            "Another process runs this; evaluate it again to see how far it is.",
            *_open(run, info.variable),
        ]
        page += "<pre>" + escape("\n".join(lines)) + "</pre>"
        text = "\n".join([text, *lines])
    return {"text/html": page, "text/plain": text}


def _open(run: Run, variable: str) -> list[str]:
    """What waits for an answer, and how to give it from a cell."""
    waiting = run.state.open_decisions()
    lines = []
    for decision in waiting[:_MOST]:
        key = decision.recommend or next((option["key"] for option in decision.options), "")
        lines.append(f"{cut(decision.title, 120)}: {countdown(decision, run.now())}")
        lines.append(f"  {variable}.answer({plain(decision.id)!r}, {plain(key)!r})")
    if len(waiting) > _MOST:
        lines.append(f"… and {len(waiting) - _MOST} more decisions")
    return lines
