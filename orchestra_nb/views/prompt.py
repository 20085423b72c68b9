"""What a person types in the terminal, and what it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from ..state import DecisionState, State
from . import words
from .card import Typing, current_decision

__all__ = ["HELP", "Prompt", "Wish", "interpret"]

Verb: TypeAlias = Literal[
    "answer", "other", "extend", "hold", "release", "pause", "stop", "autopilot", "next", "help"
]
HELP: Final = (
    "letter answers · letter and words: with a note · = own words · + 5 min · w wait for me · "
    "auto autopilot · p pause · n next decision · s stop"
)
_COMMANDS: Final[dict[str, tuple[Verb, str]]] = {
    "+": ("extend", "gives 5 more minutes"),
    "w": ("hold", "stops this clock until you answer"),
    "auto": ("autopilot", "takes recommendations from now on, or no longer"),
    "p": ("pause", "pauses the run, or lets it go on"),
    "n": ("next", "goes to the next decision"),
    "s": ("stop", "stops the run"),
    "?": ("help", "shows the keys"),
}
_OF_DECISION: Final = frozenset({"extend", "hold", "next"})
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Wish:
    """What a typed line asks for.

    Attributes:
        verb: What is to be done.
        decision: The decision it is about.
        option: Key of the chosen option.
        text: Note, or the free text of "Other…".
    """

    verb: Verb
    decision: str | None = None
    option: str = ""
    text: str = ""


def interpret(line: str, decision: DecisionState | None) -> Wish | str:
    """What a line means, or a sentence that says why it means nothing.

    An option's key goes before a command of the same letter, so that a choice can always be made.
    """
    line = line.strip()
    verb, _ = _COMMANDS.get(line.lower(), (None, ""))
    if decision is None:
        if verb is None or verb in _OF_DECISION:
            return "Nothing needs you; ? shows all keys."
        return Wish(verb)
    for option in sorted(decision.options, key=lambda o: -len(o["key"])):
        key = option["key"]
        if line.casefold() == key.casefold():
            return Wish("answer", decision.id, key)
        if line.casefold().startswith(key.casefold() + " "):
            return Wish("answer", decision.id, key, line[len(key) :].strip(" ,:;"))
    if line.startswith("="):
        text = line[1:].strip()
        if not decision.other:
            return f"Only {words.options_listed(decision)} can be answered here."
        return Wish("other", decision.id, text=text) if text else "Write your answer after the =."
    if verb is not None:
        return Wish(verb, decision.id if verb in _OF_DECISION else None)
    listed = words.options_listed(decision)
    return f"{words.cut(line, 40)} is not one of {listed}; ? shows all keys."


def meaning(wish: Wish | str, decision: DecisionState | None) -> str:
    """What Enter would do now."""
    if isinstance(wish, str):
        return ""
    if wish.verb == "answer" and decision is not None:
        taken = f"Enter takes {wish.option} · {words.cut(decision.option_text(wish.option), 60)}"
        return f"{taken}, with this note" if wish.text else taken
    if wish.verb == "other":
        return "Enter answers in your own words"
    return next(f"Enter {what}" for verb, what in _COMMANDS.values() if verb == wish.verb)


class Prompt:
    """Collects keys into lines; keeps to one decision until it is over."""

    def __init__(self) -> None:
        self.typing = Typing()

    def follow(self, state: State) -> None:
        """Look at the state: if the decision is over, what was typed for it is not used."""
        typing = self.typing
        before = state.decisions.get(typing.decision) if typing.decision else None
        if before is not None and not before.open:
            if typing.text:
                typing.said = _late(before, typing.text)
                typing.text = typing.preview = ""
            typing.decision = None
        current = current_decision(state, typing.decision)
        if typing.decision is None and current is not None:
            # What was begun before there was a card was not meant for it.
            typing.text = typing.preview = ""
            typing.decision = current.id

    def key(self, key: str, state: State) -> Wish | None:
        """One key; a wish when it completed a line that means something."""
        self.follow(state)
        typing = self.typing
        decision = state.decisions.get(typing.decision) if typing.decision else None
        if key == "enter":
            return self._enter(decision, state)
        typing.said = ""
        if key == "escape":
            typing.text = ""
        elif key == "backspace":
            typing.text = typing.text[:-1]
        elif len(typing.text) < _LONGEST:
            typing.text += key
        typed = typing.text.strip()
        typing.preview = meaning(interpret(typed, decision), decision) if typed else ""
        return None

    def _enter(self, decision: DecisionState | None, state: State) -> Wish | None:
        typing = self.typing
        line, typing.text, typing.preview = typing.text.strip(), "", ""
        if not line:
            return None
        wish = interpret(line, decision)
        if isinstance(wish, str):
            typing.said = wish
            return None
        if wish.verb == "help":
            typing.said = HELP
            return None
        if wish.verb == "next":
            waiting = [each.id for each in state.open_decisions()]
            if typing.decision in waiting:
                typing.decision = waiting[(waiting.index(typing.decision) + 1) % len(waiting)]
            return None
        if wish.verb == "hold" and decision is not None and decision.held == "hold":
            return Wish("release", wish.decision)
        return wish


def _late(decision: DecisionState, typed: str) -> str:
    outcome = decision.outcome
    if outcome is None:
        return f"{words.cut(decision.title, 60)} was withdrawn. What you typed was not used."
    at = words.time_of_day(outcome.wall)
    yours = words.cut(typed, 40)
    if outcome.by == "timeout":
        taken = words.plain(outcome.option)
        return f"Too late: {taken} was taken by timeout at {at}. Your {yours} was not used."
    return (
        f"Already decided: {words.choice(decision, outcome)}, at {at}. Your {yours} was not used."
    )
