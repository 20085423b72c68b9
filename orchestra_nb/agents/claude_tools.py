"""The tools of a Claude agent: five of our own, and the user's Python functions.

A tool is a name, a JSON schema and an async call that returns text. What goes wrong in a tool is
told to the model in one line, so that it can try again; it never ends the task.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import re
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic_core import to_json

from ..errors import DecisionClosed
from .claude_errors import explain, mask
from .confirming import Refused, confirm
from .prompts import as_text, shorten

if TYPE_CHECKING:
    from .context import Context

__all__ = ["Answer", "Tool", "call_tool", "in_thread", "own_tools", "tool", "user_tool"]

T = TypeVar("T")

MAX_ANSWER = 50_000
"""Characters of one tool's answer that go back to the model."""

_ASKED = (
    "The person is asked before each call, may change its arguments, and may refuse it: then do "
    "not try to reach the same in another way."
)
_LONGEST_ERROR = 500
_LONGEST_SUMMARY = 120
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_ARGUMENTS = re.compile(r"^\s*(?:Args|Arguments|Parameters):\s*$")
_SECTION = re.compile(r"^\s*[A-Z][A-Za-z ]+:\s*$")
_ENTRY = re.compile(r"^(\s+)\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)$")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool says to the model."""

    text: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool.

    Attributes:
        name: As the model calls it.
        description: What it is for; the model reads it.
        arguments: Validates the model's input, and its schema is what the model sees.
        call: Does it, with the task's context and the validated arguments.
        confirm: Whether a person is asked before each call.
        function: The user's function behind it.
    """

    name: str
    description: str
    arguments: type[BaseModel]
    call: Callable[[Context, BaseModel], Awaitable[object]]
    confirm: bool = False
    function: Callable[..., Any] | None = None

    def param(self) -> dict[str, Any]:
        """The tool as the Messages API takes it."""
        schema = self.arguments.model_json_schema()
        schema.pop("title", None)
        schema.pop("description", None)
        for part in schema.get("properties", {}).values():
            part.pop("title", None)
        description = f"{self.description}\n\n{_ASKED}" if self.confirm else self.description
        return {"name": self.name, "description": description, "input_schema": schema}


async def call_tool(tools: dict[str, Tool], context: Context, name: str, given: Any) -> Answer:
    """Call a tool by name; every failure but a cancellation becomes an answer."""
    tool = tools.get(name)
    if tool is None:
        known = ", ".join(tools)
        return Answer(mask(f"There is no tool {name!r}. The tools are: {known}."), failed=True)
    try:
        arguments = tool.arguments.model_validate(given)
    except ValidationError as error:
        return Answer(f"The input does not fit: {explain(error)}", failed=True)
    note = ""
    try:
        if tool.confirm:
            arguments, note = await confirm(tool, context, given, arguments)
        context.tool_call(name, mask(_summary(arguments)))
        value = await tool.call(context, arguments)
    except Refused as refusal:
        context.tool_call(name, mask(_summary(arguments)), refused=True)
        return Answer(mask(str(refusal)), failed=True)
    except DecisionClosed as error:
        return Answer(mask(str(error)), failed=True)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return Answer("The tool was cancelled from inside.", failed=True)
    except (Exception, SystemExit) as error:  # a tool's exit must not end the agents' loop
        line = " ".join(f"{type(error).__name__}: {error}".split())
        context.log(mask(f"{name} failed: {line}"))
        return Answer(mask(shorten(line, _LONGEST_ERROR)), failed=True)
    text = mask(shorten(as_text(value), MAX_ANSWER)) or "(no output)"
    return Answer(f"{text}\n\nThe person allowed this call and said: {note}" if note else text)


def _summary(arguments: BaseModel) -> str:
    given = arguments.model_dump(exclude_defaults=True, by_alias=True)
    pairs = (
        f"{key}={value if isinstance(value, str) else to_json(value, fallback=repr).decode()}"
        for key, value in given.items()
    )
    line = " ".join(", ".join(pairs).split())
    return line if len(line) <= _LONGEST_SUMMARY else f"{line[:_LONGEST_SUMMARY]}…"


# -- our own tools ---------------------------------------------------------------------------


class _Choice(BaseModel):
    key: Annotated[str, Field(min_length=1, description="Short key, such as A")]
    text: Annotated[str, Field(min_length=1, description="What is chosen, a few words")]


class _AskDecision(BaseModel):
    title: Annotated[str, Field(min_length=1, description="The question, one line")]
    context: Annotated[str, Field(description="What one has to know to decide")] = ""
    options: Annotated[list[_Choice], Field(min_length=1, description="Two to four options")]
    recommend: Annotated[
        str,
        Field(
            min_length=1,
            description="Key of the option you recommend; it is taken when nobody answers in time",
        ),
    ]
    because: Annotated[str, Field(description="Why you recommend it, one line")] = ""
    category: Annotated[
        Literal["database", "security", "cost", "api"] | None,
        Field(description="Area of the decision, if one fits"),
    ] = None
    kind: Annotated[
        Literal["critical", "standard", "confirmation", "urgent"],
        Field(
            description="How weighty it is, which sets how long the person has: critical 10 min "
            "(hard to undo), standard 5, confirmation 2 (a yes to what you would do anyway), "
            "urgent 1 (cheap to undo)"
        ),
    ] = "standard"


class _OwnChoice(BaseModel):
    text: Annotated[str, Field(min_length=1, description="What you chose, a few words")]
    because: Annotated[str, Field(description="Why, one line")] = ""


class _OneLine(BaseModel):
    text: Annotated[str, Field(min_length=1, description="One or two sentences")]


class _Doing(BaseModel):
    text: Annotated[str, Field(min_length=1, description="What you do now, a few words")]
    fraction: Annotated[
        float | None, Field(ge=0, le=1, description="Share of the task that is done")
    ] = None


async def _request_decision(context: Context, given: BaseModel) -> object:
    assert isinstance(given, _AskDecision)
    options = {choice.key: choice.text for choice in given.options}
    if len(options) < len(given.options):
        raise ValueError("two options have the same key")
    if given.recommend not in options:
        raise ValueError(f"recommend is not one of the keys {', '.join(options)}")
    outcome = await context.decide(
        given.title,
        options,
        recommend=given.recommend,
        because=given.because,
        context=given.context,
        category=given.category,
        kind=given.kind,
    )
    return {
        "option": outcome.option,
        "text": outcome.text,
        "note": outcome.note,
        "decided_by": outcome.by,
    }


async def _record_decision(context: Context, given: BaseModel) -> object:
    assert isinstance(given, _OwnChoice)
    context.choice(mask(given.text), mask(given.because))
    return "Recorded."


async def _record_finding(context: Context, given: BaseModel) -> object:
    assert isinstance(given, _OneLine)
    context.finding(mask(given.text))
    return "Recorded."


async def _report_blocker(context: Context, given: BaseModel) -> object:
    assert isinstance(given, _OneLine)
    context.blocker(mask(given.text))
    return "Reported. Go on with what you can do without it."


async def _report_progress(context: Context, given: BaseModel) -> object:
    assert isinstance(given, _Doing)
    context.progress(mask(given.text), given.fraction)
    return "Shown."


def own_tools() -> tuple[Tool, ...]:
    """The tools every Claude agent has."""
    return (
        Tool(
            "request_decision",
            "Ask the person who runs this project to choose, and wait for the choice. Use it for "
            "choices that change what is built, not for details. Say in context what one has to "
            "know, and recommend an option: it is taken when the person is away. Several questions "
            "that don't depend on each other go into one turn, so that the person sees them "
            "together.",
            _AskDecision,
            _request_decision,
        ),
        Tool(
            "record_decision",
            "Record a choice that you made yourself and that others build on, and why. Nobody is "
            "asked.",
            _OwnChoice,
            _record_decision,
        ),
        Tool(
            "record_finding",
            "Record something the other agents and the person should know.",
            _OneLine,
            _record_finding,
        ),
        Tool("report_blocker", "Report what keeps you from going on.", _OneLine, _report_blocker),
        Tool("report_progress", "Say what you are doing now.", _Doing, _report_progress),
    )


# -- the user's functions ----------------------------------------------------------------------


def tool(function: Callable[..., Any] | Tool, *, confirm: bool = False) -> Tool:
    """A Python function as a tool of a Claude agent, with more said about it.

    Example::

        Claude(tools=[read_file, tool(delete_file, confirm=True)])

    Args:
        function: As for ``Claude(tools=...)``.
        confirm: Ask a person before each call, with its arguments, which can be changed; a refusal
            and its reason go back to the model. It is asked in every mode and under autopilot,
            and waits without a timeout.

    Raises:
        TypeError: If the function can't be called with named arguments, or a hint has no schema.
    """
    made = function if isinstance(function, Tool) else user_tool(function)
    return replace(made, confirm=confirm)


def user_tool(function: Callable[..., Any]) -> Tool:
    """Make a tool of a Python function: schema from its type hints, words from its docstring.

    A parameter named ``context`` without a hint, or hinted ``Context``, gets the task's context
    and is not shown to the model. A sync function runs in a thread of its own.

    Raises:
        TypeError: If the function can't be called with named arguments, or a hint has no schema.
    """
    name = getattr(function, "__name__", type(function).__name__)
    if not _NAME.fullmatch(name):
        raise TypeError(f"{name!r} can't be a tool: give the function a name")
    target = function if inspect.isroutine(function) else type(function).__call__
    try:
        hints = get_type_hints(target, include_extras=True)
    except NameError as error:
        raise TypeError(
            f"{name}() can't be a tool: its hints name what is not there: {error}"
        ) from (error)
    text, described = _docstring(inspect.getdoc(function) or "")
    fields: dict[str, Any] = {}
    wants_context = False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise TypeError(f"{name}() can't be a tool: {parameter.name!r} is positional-only")
        hint = hints.get(parameter.name, Any)
        if parameter.name == "context" and _is_context(hint):
            wants_context = True
            continue
        default = ... if parameter.default is parameter.empty else parameter.default
        about = described.get(parameter.name)
        # An alias keeps names that pydantic reserves, such as a leading underscore, usable.
        fields[f"field_{len(fields)}"] = (
            hint,
            Field(default, alias=parameter.name, description=about),
        )
    try:
        arguments = create_model(
            f"{name}_arguments",
            __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=False),
            **fields,
        )
        arguments.model_json_schema()
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise TypeError(f"{name}() can't be a tool: {reason}") from error
    is_async = inspect.iscoroutinefunction(target)

    async def call(context: Context, given: BaseModel) -> object:
        # Not model_dump: the function gets the very objects its hints name.
        named = {
            str(info.alias): getattr(given, field)
            for field, info in type(given).model_fields.items()
        }
        if wants_context:
            named["context"] = context
        if is_async:
            return await function(**named)
        value = await in_thread(lambda: function(**named))
        return await value if inspect.isawaitable(value) else value

    return Tool(name, text or f"Call {name}.", arguments, call, function=function)


def _is_context(hint: Any) -> bool:
    return hint is Any or getattr(hint, "__name__", "") == "Context"


def _docstring(text: str) -> tuple[str, dict[str, str]]:
    """Split a Google docstring into what comes before ``Args:`` and its entries."""
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if _ARGUMENTS.match(line)), len(lines))
    entries: dict[str, str] = {}
    name, indent = "", ""
    for line in lines[start + 1 :]:
        if _SECTION.match(line) and not line.startswith((" ", "\t")):
            break
        entry = _ENTRY.match(line)
        if entry and (not indent or entry[1] == indent):
            indent, name = entry[1], entry[2]
            entries[name] = entry[3].strip()
        elif name and line.strip():
            entries[name] = f"{entries[name]} {line.strip()}".strip()
    return "\n".join(lines[:start]).strip(), entries


async def in_thread(function: Callable[[], T]) -> T:
    """Run a blocking function in a daemon thread of its own.

    Not in an executor: its threads are joined when Python exits, and a function that hangs
    would keep the process alive.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    inherited = contextvars.copy_context()

    def settle(value: Any, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)

    def work() -> None:
        value: T | None = None
        error: BaseException | None = None
        try:
            value = inherited.run(function)
        except StopIteration as stop:  # a future refuses to carry it
            error = RuntimeError(f"StopIteration: {stop.value!r}")
        except Exception as raised:
            error = raised
        except BaseException as exit_:  # raised in a loop it would end the loop
            error = RuntimeError(f"{type(exit_).__name__}: {exit_}")
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=work, name=f"tool-{id(future):x}", daemon=True).start()
    return await future
