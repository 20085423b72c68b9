"""What a person types in the terminal, and what it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from ..state import DecisionState, State
from . import words
from .card import Filling, Typing, asked_now, current_decision
from .detail import as_json
from .filling import arguments_of, by_number, edited, result_of

__all__ = ["HELP", "Prompt", "Wish", "interpret"]

Verb: TypeAlias = Literal[
    "answer", "other", "draft", "back", "edit",
    "extend", "hold", "release", "pause", "stop", "autopilot", "next", "help",
]  # fmt: skip
HELP: Final = (
    "letter answers · letter and words: with a note · = own words · + 5 min · w wait for me · "
    "auto autopilot · p pause · n next decision · s stop"
)
FORM_HELP: Final = (
    "words answer the question, Enter alone keeps its default · /start begins with what is filled "
    "in · /back · /+ 5 min · /w wait for me · /auto autopilot · /p pause · /n next decision · "
    "/s stop"
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
_MEANS: Final[Mapping[Verb, str]] = {
    "other": "answers in your own words",
    "draft": "answers this question",
    "back": "goes back to the question before",
    **dict(_COMMANDS.values()),
}
_OF_DECISION: Final = frozenset({"extend", "hold", "next"})
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Wish:
    """What a typed line asks for.

    Attributes:
        verb: What is to be done.
        decision: The decision it is about.
        option: Key of the chosen option; of a draft the question, of an edit the argument.
        text: Note, or the free text of "Other…".
        values: What was filled in or edited.
    """

    verb: Verb
    decision: str | None = None
    option: str = ""
    text: str = ""
    values: Mapping[str, Any] | None = None


def interpret(
    line: str, decision: DecisionState | None, filling: Filling | None = None
) -> Wish | str:
    """What a line means, or a sentence that says why it means nothing.

    An option's key goes before a command of the same letter, so that a choice can always be made.
    In a form everything is an answer but what begins with a slash.

    Args:
        line: What was typed.
        decision: The decision that keys go to.
        filling: What was filled into its card so far.
    """
    line = line.strip()
    filling = filling or Filling()
    verb, _ = _COMMANDS.get(line.lower(), (None, ""))
    if decision is None:
        if verb is None or verb in _OF_DECISION:
            return "Nothing needs you; ? shows all keys."
        return Wish(verb)
    if decision.purpose == "form":
        return _in_form(line, decision, filling)
    for option in sorted(decision.options, key=lambda o: -len(o["key"])):
        key = option["key"]
        note = _after(line, key)
        if note is not None:
            return Wish("answer", decision.id, key, note, _values(decision, key, filling))
    if line.startswith("="):
        return _own_words(line[1:].strip(), decision)
    if decision.purpose == "approval" and "=" in line:
        return _argument(line, decision)
    if verb is not None:
        return Wish(verb, decision.id if verb in _OF_DECISION else None)
    listed = words.options_listed(decision)
    return f"{words.cut(line, 40)} is not one of {listed}; ? shows all keys."


def _after(line: str, key: str) -> str | None:
    """The note behind an option's key, ``None`` if the line is not for that option."""
    if line.casefold() == key.casefold():
        return ""
    if line.casefold().startswith(key.casefold() + " "):
        return line[len(key) :].strip(" ,:;")
    return None


def _values(decision: DecisionState, key: str, filling: Filling) -> dict[str, Any] | None:
    """What goes along with an option: a call is approved with the arguments that were edited."""
    approves = decision.purpose == "approval" and key == decision.options[0]["key"]
    return arguments_of(decision) | filling.values if approves and filling.values else None


def _own_words(text: str, decision: DecisionState) -> Wish | str:
    if decision.purpose == "review" and decision.options:
        return _instead(text, decision)
    if not decision.other:
        return f"Only {words.options_listed(decision)} can be answered here."
    return Wish("other", decision.id, text=text) if text else "Write your answer after the =."


def _instead(text: str, decision: DecisionState) -> Wish | str:
    """Accept a result as a person rewrote it."""
    if not text:
        return "Write the result after the =."
    try:
        value = result_of(decision, text)
    except ValueError as error:
        return f"{error}."
    return Wish("answer", decision.id, decision.options[0]["key"], values={"result": value})


def _argument(line: str, decision: DecisionState) -> Wish | str:
    """Another value for an argument of the tool that is to be approved."""
    name, _, typed = line.partition("=")
    name, known = name.strip(), arguments_of(decision)
    if name not in known:
        listed = ", ".join(words.cut(each, 40) for each in list(known)[:8]) or "none"
        return f"There is no argument {words.cut(name, 40)}; there are: {listed}."
    return Wish("edit", decision.id, name, values={name: edited(known[name], typed.strip())})


def _in_form(line: str, decision: DecisionState, filling: Filling) -> Wish | str:
    question = asked_now(decision, filling)
    if line.startswith("/"):
        word = line[1:].strip().lower()
    elif question is not None:
        values = {**filling.values, question["id"]: by_number(question, line)}
        return Wish("draft", decision.id, question["id"], values=values)
    else:
        word = line.lower()
    if word == "back":
        return Wish("back", decision.id)
    if word == "start" and decision.options:
        return Wish("answer", decision.id, decision.options[0]["key"], values=dict(filling.values))
    if not line.startswith("/"):
        return "Write start to begin, or /back to change an answer."
    verb, _ = _COMMANDS.get(word, (None, ""))
    if verb is None:
        return f"/{words.cut(word, 40)} is no command; /? shows all keys."
    return Wish(verb, decision.id if verb in _OF_DECISION else None)


def meaning(wish: Wish | str, decision: DecisionState | None) -> str:
    """What Enter would do now."""
    if isinstance(wish, str):
        return ""
    if wish.verb == "answer" and decision is not None:
        if decision.purpose == "form":
            return "Enter starts the run as filled in"
        taken = f"Enter takes {wish.option} · {words.cut(decision.option_text(wish.option), 60)}"
        if wish.values is not None:
            taken += ", as edited"
        return f"{taken}, with this note" if wish.text else taken
    if wish.verb == "edit":
        return f"Enter changes {words.cut(wish.option, 40)}"
    return f"Enter {_MEANS[wish.verb]}"


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
            typing.filled.pop(before.id, None)
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
        typing.preview = meaning(self._read(typed, decision), decision) if typed else ""
        return None

    def drafted(self, wish: Wish, faults: Mapping[str, str]) -> None:
        """What came of a draft: an answer that does not fit is asked for again."""
        filling = self.typing.filled.get(wish.decision or "")
        if filling is None:
            return
        fault = faults.get(wish.option)
        self.typing.said = words.cut(fault, 500) if fault else ""
        if not fault:
            filling.values = dict(wish.values or {})
            filling.passed.append(wish.option)

    def _read(self, line: str, decision: DecisionState | None) -> Wish | str:
        return interpret(line, decision, self.typing.filling(decision) if decision else None)

    def _enter(self, decision: DecisionState | None, state: State) -> Wish | None:
        typing = self.typing
        line, typing.text, typing.preview = typing.text.strip(), "", ""
        if not line:
            self._pass_by(decision)
            return None
        wish = self._read(line, decision)
        if isinstance(wish, str):
            typing.said = wish
            return None
        if wish.verb == "help":
            form = decision is not None and decision.purpose == "form"
            typing.said = FORM_HELP if form else HELP
            return None
        if wish.verb == "next":
            waiting = [each.id for each in state.open_decisions()]
            if typing.decision in waiting:
                typing.decision = waiting[(waiting.index(typing.decision) + 1) % len(waiting)]
            return None
        if wish.verb in ("back", "edit") and decision is not None:
            self._fill(wish, typing.filling(decision))
            return None
        if wish.verb == "hold" and decision is not None and decision.held == "hold":
            return Wish("release", wish.decision)
        return wish

    def _pass_by(self, decision: DecisionState | None) -> None:
        """Enter alone decides nothing; in a form it leaves a question as it is."""
        if decision is None or decision.purpose != "form":
            return
        filling = self.typing.filling(decision)
        question = asked_now(decision, filling)
        if question is not None:
            self.typing.said = ""
            filling.passed.append(question["id"])

    def _fill(self, wish: Wish, filling: Filling) -> None:
        if wish.verb == "edit":
            filling.values |= wish.values or {}
            said = as_json(filling.values[wish.option])
            self.typing.said = f"{words.cut(wish.option, 40)} will be {said}, once you approve."
        elif filling.passed:
            filling.passed.pop()


def _late(decision: DecisionState, typed: str) -> str:
    outcome = decision.outcome
    if outcome is None:
        return f"{words.cut(decision.title, 60)} was withdrawn. What you typed was not used."
    at = words.time_of_day(outcome.wall)
    yours = words.cut(typed, 40)
    if outcome.by == "timeout":
        if decision.purpose == "form":
            return f"Too late: the run started as filled in at {at}. Your {yours} was not used."
        taken = words.plain(outcome.option)
        return f"Too late: {taken} was taken by timeout at {at}. Your {yours} was not used."
    return (
        f"Already decided: {words.choice(decision, outcome)}, at {at}. Your {yours} was not used."
    )
