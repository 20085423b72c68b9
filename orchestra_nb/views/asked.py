"""What a person is asked, as lines of text: for whoever has neither a board nor a prompt."""

from __future__ import annotations

import shlex
from pathlib import Path

from ..state import DecisionState
from . import words
from .detail import details
from .filling import arguments_of, questions_of

__all__ = ["answering", "asked", "facts", "home_to_name", "needs"]

_FACTS = 12
_WHOLE = {"form": 60, "approval": 60}
"""What has to be known to the last line before anybody can answer it."""
_CONTEXT = 5


def asked(decision: DecisionState, now: float, *, python: bool = False) -> list[str]:
    """All that has to be known to answer: why, the facts, the options, what goes with them.

    The last line is the clock's.

    Args:
        decision: What is open.
        now: The run's time, seconds since its start.
        python: Whether it can be answered in Python too.
    """
    lines = [words.cut(line, 300) for line in decision.context[:2_000].splitlines()[:_CONTEXT]]
    lines += facts(decision)
    for option in decision.options:
        text = words.cut(option["text"], 200)
        because = f": {words.cut(decision.because, 200)}" if decision.because else ""
        detail = words.cut(option.get("description") or "", 200)
        if option["key"] == decision.recommend:
            text += f"  (recommended{because})"
        elif detail:
            text += f"  ({detail})"
        lines.append(f"{words.cut(option['key'], 20)}  {text}")
    return [*lines, *needs(decision, python=python), words.countdown(decision, now)]


def facts(decision: DecisionState, most: int = _FACTS) -> list[str]:
    """The facts of a card; of a long result its beginning, of what has to be filled in all."""
    lines = details(decision)
    most = _WHOLE.get(decision.purpose, most)
    left = len(lines) - most
    return lines if left <= 1 else [*lines[:most], f"… and {left:,} more lines"]


def needs(decision: DecisionState, *, python: bool = False) -> list[str]:
    """What goes with an answer besides the option, and how that is given."""

    def given(command: str, code: str) -> str:
        return f"{command} (in Python {code})" if python else command

    note = given('--note "…"', 'note="…"')
    lines = []
    keys = {option["key"] for option in decision.options}
    if decision.other:
        code = 'run.answer(…, "other", text="…")'
        own = given('--text "…"', code) if python else "--text"
        lines.append(f"other  in your own words, with {own}")
    if decision.purpose == "form":
        for question in questions_of(decision)[:1]:
            name = words.cut(question["id"], 60)
            how = given(f"--set {shlex.quote(name)}=VALUE", f"values={{{name!r}: …}}")
            lines.append(f"Answers go with {how}; what is left out keeps its default.")
    elif decision.purpose == "approval":
        for argument in list(arguments_of(decision))[:1]:
            name = words.cut(str(argument), 60)
            how = given(f"--set {shlex.quote(name)}=VALUE", "values={…}, all of them")
            lines.append(f"Changed arguments go with {how}.")
        lines += [f"Refuse tells the agent why with {note}."] * ("B" in keys)
    elif decision.purpose == "review":
        lines += [f"Send back needs {note}: what should be better."] * ("B" in keys)
        if decision.detail.get("editable") is True:
            how = given("--set result=…", 'values={"result": …}')
            lines.append(f"Accept takes a result of your own with {how}.")
    elif decision.purpose == "budget":
        name = "tokens" if decision.detail.get("kind") == "tokens" else "usd"
        how = given(f"--set {name}=…", f"values={{{name!r}: …}}")
        lines.append(f"Raise the cap needs the new one, with {how}.")
    elif decision.purpose in ("checkpoint", "overrun", "blocker") and "B" in keys:
        lines.append(f"Adjust needs {note}: what the later agents are to know.")
    return lines


def answering(
    decision: DecisionState, run: str, home: Path | None = None, program: str = "orchestra-nb"
) -> str:
    """The line to type that takes the recommendation; ``OPTION`` stands where there is none.

    Args:
        decision: What is open.
        run: Id of its run.
        home: Where runs are kept; ``None`` when that is the usual place.
        program: What the command line is called here.
    """
    line = ["decide", words.plain(run), decision.id, decision.recommend or "OPTION"]
    line += [] if home is None else ["--home", str(home)]
    return f"{program} {words.cut(shlex.join(line), 1_000)}"


def home_to_name(folder: Path) -> Path | None:
    """The home of a run's folder, unless a terminal in this directory finds it by itself."""
    home = folder.parent.parent
    return None if home == Path.cwd() / ".orchestra" else home
