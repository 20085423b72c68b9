"""Reviews: a person accepts a result, edits it, or sends it back, before others use it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ValidationError

from ..commands import Answer
from ..errors import CommandError
from ..plan import Decision
from ..plan.parts import Option
from ..state import Outcome
from .cards import Card, Values, note_of
from .protocols import Job, Stored

if TYPE_CHECKING:
    from .engine import Engine

__all__ = ["Reviews", "shown_of"]

EDITABLE_MAX = 20_000
"""Characters of a result that a person can edit on its card."""
PREVIEW_MAX = 4_000
MOST_FAULTS = 3


@dataclass(frozen=True, slots=True)
class _Shown:
    """A result as its card shows it.

    Attributes:
        format: What it is: text, JSON, or something that has no such form.
        result: The text or the JSON value, where it can be edited.
        preview: The beginning of it, as text.
        editable: Whether it can be edited.
    """

    format: Literal["text", "json", "other"]
    result: Any
    preview: str
    editable: bool


def shown_of(value: object) -> _Shown:
    """How a result is shown; a foreign class may say anything of itself, but raise nothing."""
    if isinstance(value, str):
        short = len(value) <= EDITABLE_MAX
        return _Shown("text", str(value) if short else None, value[:PREVIEW_MAX], short)
    try:
        return _as_json(value)
    except Exception:  # not JSON; a model's or a mapping's own code may raise anything
        return _Shown("other", None, _preview(value), False)


def _as_json(value: object) -> _Shown:
    plain = value.model_dump(mode="json", by_alias=True) if isinstance(value, BaseModel) else value
    # Piece by piece, so that of a large value only the beginning is written out.
    text, whole = _head(json.JSONEncoder(indent=2, ensure_ascii=False, allow_nan=False), plain)
    if not whole:
        return _Shown("json", None, text[:PREVIEW_MAX], False)
    again = json.loads(text)
    if again != plain:  # tuples, keys that are no text: an edited one would be something else
        return _Shown("other", None, _preview(value), False)
    return _Shown("json", again, text[:PREVIEW_MAX], True)


def _head(encoder: json.JSONEncoder, value: object) -> tuple[str, bool]:
    """The beginning of a value as JSON, and whether that is all of it."""
    pieces, length = [], 0
    for piece in encoder.iterencode(value):
        pieces.append(piece)
        length += len(piece)
        if length > EDITABLE_MAX:
            return "".join(pieces), False
    return "".join(pieces), True


def _preview(value: object) -> str:
    if isinstance(value, (bytes, bytearray)):
        return f"{len(value):,} bytes"
    try:
        text = repr(value)
    except Exception as error:  # a foreign __repr__
        text = f"<{type(value).__name__}: its repr raised {type(error).__name__}>"
    return text[:PREVIEW_MAX]


class Reviews:
    """Holds the results of tasks with ``review: true`` until a person has judged them.

    The result is kept durably before its card opens, and the card names where, so that the log has
    all that is needed to ask again. What a person judges holds no slot and no clock.

    Attributes:
        previous: Index of a task that was sent back -> the result it had.
    """

    def __init__(self, engine: Engine):
        self._engine = engine
        self.previous: dict[int, Any] = {}

    def ask(self, job: Job, value: object, stored: Stored, shown: _Shown) -> None:
        """An attempt has a result that somebody is to look at."""
        if job.ended:
            return
        engine, node = self._engine, job.node
        seconds = engine.t - job.started
        if engine.on_attempt is not None:
            engine.on_attempt(job, seconds, "success")
        if engine.stopping:
            self._closed(job, "the run was stopped")
            return
        engine.attempts.lay_down(job, "review of its result")
        if engine.scrubbed(shown.result) != shown.result:
            # What is edited would come back without the secret that nobody is shown.
            shown = replace(shown, result=None, editable=False)
        decision_id = engine.decisions.free_id(f"{node.id}/review")
        edited: list[object] = []

        def check(answer: Answer) -> Values | None:
            edited.clear()
            values = _judged(answer, engine.state.decisions[decision_id].detail)
            if values is not None:
                edited.append(_of_the_kind(values["result"], value))
            return values

        def then(outcome: Outcome) -> None:
            if outcome.option == "B":
                self.previous[node.index] = value
                engine.attempts.again(job, outcome.note, "review")
                return
            self.previous.pop(node.index, None)
            engine.take_note(outcome)
            if edited and outcome.values is not None:
                self._keep(job, edited[0], seconds)
            else:
                engine.attempts.complete(job, value, stored, seconds)

        comments = engine.state.tasks[node.index].comments
        spec = Decision(
            title=f"Review: {node.id}",
            kind="critical",
            context=engine.state.tasks[node.index].title,
            options=[
                Option(key="A", text="Accept", description="others get this result"),
                Option(key="B", text="Send back", description="another attempt, with your comment"),
            ],
            recommend="A",
            timeout="none",
            other=False,
        )
        detail = {
            "format": shown.format,
            "result": shown.result,
            "preview": shown.preview,
            "editable": shown.editable,
            "attempt": job.attempt,
            "comments": list(comments),
            "stored": stored,
            "key": job.key,
        }
        card = Card(
            purpose="review",
            phase=node.phase,
            about=node.id,
            detail=detail,
            check=check,
            fill=lambda draft: None,  # an edit that nobody confirmed is none
            then=then,
            closed=lambda reason: self._closed(job, reason),
        )
        engine.decisions.open(decision_id, spec, card)

    def _keep(self, job: Job, value: object, seconds: float) -> None:
        """What a person made of a result is the result: kept like any other."""
        engine = self._engine
        stored = engine.journal.inline_result(value)
        if stored is not None:
            engine.attempts.complete(job, value, stored, seconds)
            return

        def kept(stored: Stored) -> None:
            engine.post(lambda: engine.attempts.complete(job, value, stored, seconds))

        engine.journal.put_result(job.node.index, job.attempt, value, kept)

    def _closed(self, job: Job, reason: str) -> None:
        self._engine.attempts.cancelled(job, f"{reason} before its result was reviewed")


def _judged(answer: Answer, detail: Mapping[str, Any]) -> Values | None:
    """The edited result of an answer, ``None`` without one.

    Args:
        answer: What a person said.
        detail: What the card showed.

    Raises:
        CommandError: If a comment is missing, or what was edited is not of the result's format.
    """
    if answer.option == "B":
        if not note_of(answer):
            raise CommandError(
                "Send back needs a comment: what should be better?",
                faults={"note": "Needs a comment, such as: name your sources."},
            )
        return None
    given = answer.values or {}
    unknown = [key for key in given if key != "result"]
    if unknown:
        raise CommandError(f"A review takes the value 'result', not {unknown[0]!r}")
    if "result" not in given:
        return None
    if not detail["editable"]:
        raise _fault("Can't be edited here: accept it, or send it back.")
    result, shown = given["result"], detail["result"]
    if detail["format"] == "text":
        if not isinstance(result, str):
            raise _fault("Needs text: the result is one.")
    elif isinstance(result, str):  # as it was typed
        try:
            result = json.loads(result, parse_constant=_refuse)
        except ValueError as error:
            raise _fault(f'Needs JSON, such as {{"a": 1}}: {error}.') from None
    same = json.dumps(result, sort_keys=True) == json.dumps(shown, sort_keys=True)
    return None if same else {"result": result}


def _of_the_kind(result: object, value: object) -> object:
    """What a person edited, as the kind of thing that the agent returned.

    Raises:
        CommandError: If the agent's model refuses it.
    """
    if not isinstance(value, BaseModel):
        return result
    try:
        return type(value).model_validate_json(json.dumps(result))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        raise _fault(_listed(faults)) from None


def _listed(faults: Iterable[Any]) -> str:
    """What a model refuses: place and message, never the value."""
    lines = [f"{'.'.join(map(str, f['loc'])) or 'the whole'}: {f['msg']}" for f in faults]
    more = f" (and {len(lines) - MOST_FAULTS} more)" if len(lines) > MOST_FAULTS else ""
    return "; ".join(lines[:MOST_FAULTS]) + more


def _fault(message: str) -> CommandError:
    return CommandError(f"The edited result does not fit: {message}", faults={"result": message})


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
