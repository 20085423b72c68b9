"""The small values of a plan: options, inputs, agents, the budget."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BeforeValidator

from ..errors import Fault
from .fields import (
    Amount,
    Count,
    Duration,
    Name,
    Names,
    Positive,
    Text,
    Title,
    Value,
    build,
    text,
)
from .text import clean, fold, short, under

__all__ = ["Agent", "Budget", "Input", "Option", "Plain", "plain", "read_options"]

_DEEPEST = 100


def plain(value: object, depth: int = 0) -> Any:
    """A JSON-able value with clean text and nothing of the file it came from.

    Raises:
        ValueError: If JSON has no such value.
    """
    if depth > _DEEPEST:
        raise ValueError("is nested too deeply")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return clean(str(value))
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, Mapping):
        return {text(key): plain(item, depth + 1) for key, item in value.items()}
    raise ValueError(f"must be text, a number, true, false or a list of them, not {short(value)}")


Plain = Annotated[Any, BeforeValidator(lambda value: plain(value))]


class Option(Value):
    """One way a decision can go.

    Attributes:
        key: What is chosen and what ``when`` names: ``A``.
        text: Its name: ``PostgreSQL with optimization``.
        description: What speaks for or against it.
    """

    KIND: ClassVar[str] = "an option"
    EXAMPLE: ClassVar[str] = "{key: A, text: PostgreSQL}"

    key: Name
    text: Title
    description: Text = ""

    if TYPE_CHECKING:

        def __init__(self, *, key: str, text: str, description: str = "") -> None: ...


def read_options(data: object, place: str, faults: list[Fault]) -> tuple[Option, ...]:
    """Options from ``{A: text}``, a list of texts (lettered) or a list of mappings."""
    made: list[Option] = []
    items: list[tuple[str, object]] = []
    if isinstance(data, Mapping):
        for key, item in data.items():
            given = dict(item) if isinstance(item, Mapping) else {"text": item}
            items.append((under(place, str(key)), {"key": key, **given}))
    elif isinstance(data, (list, tuple)):
        for index, item in enumerate(data):
            if not isinstance(item, (Option, Mapping)):
                item = {"key": _letter(index), "text": item}
            elif isinstance(item, Mapping) and "key" not in item:
                item = {"key": _letter(index), **item}
            items.append((under(place, index), item))
    else:
        message = f"must be a mapping such as {{A: PostgreSQL, B: Cassandra}}, not {short(data)}"
        faults.append(Fault(place, message))
        return ()
    if not items:
        faults.append(Fault(place, "has no option; a decision needs at least one"))
    taken: dict[str, str] = {}
    for where, item in items:
        option = build(Option, item, where, faults)
        if option is None:
            continue
        folded = fold(option.key)
        if folded == "other":
            message = "the key 'other' stands for words of one's own; give the option another key"
            faults.append(Fault(where, message))
            continue
        if folded in taken:
            message = f"option {short(option.key)} is there twice; give each its own key"
            faults.append(Fault(where, message))
            continue
        taken[folded] = option.key
        made.append(option)
    return tuple(made)


def _letter(index: int) -> str:
    """``A`` to ``Z``, then ``A27`` and so on."""
    return chr(65 + index) if index < 26 else f"A{index + 1}"


class Input(Value):
    """A value the plan needs from whoever runs it; ``{{name}}`` in a text stands for it.

    Attributes:
        ask: The question that asks for it.
        default: Its value when none is given.
    """

    KIND: ClassVar[str] = "an input"
    EXAMPLE: ClassVar[str] = "{ask: Which market?, default: B2B}"

    ask: Text = ""
    default: Plain = None

    if TYPE_CHECKING:

        def __init__(self, *, ask: str = "", default: object = None) -> None: ...


class Agent(Value):
    """Who does a task when no function is given for it: a Claude model and its settings.

    Attributes:
        model: Model id; the default model if absent.
        system: System prompt.
        tools: Names of tools it may use.
        max_tokens: Longest answer.
        retries: How often a failed attempt is repeated.
        timeout: Seconds of own work after which an attempt is given up.
    """

    KIND: ClassVar[str] = "an agent"
    EXAMPLE: ClassVar[str] = "{model: claude-sonnet-5-5, system: You are …}"

    model: Name | None = None
    system: Text = ""
    tools: Names = ()
    max_tokens: Positive | None = None
    retries: Count | None = None
    timeout: Duration | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            model: str | None = None,
            system: str = "",
            tools: object = (),
            max_tokens: int | None = None,
            retries: int | None = None,
            timeout: float | str | None = None,
        ) -> None: ...


class Budget(Value):
    """Caps of a run, of a phase or of a task.

    Attributes:
        usd: Money, in US dollars.
        tokens: Tokens of all classes together.
    """

    KIND: ClassVar[str] = "a budget"
    EXAMPLE: ClassVar[str] = "{usd: 5.00, tokens: 2_000_000}"

    usd: Amount | None = None
    tokens: Positive | None = None

    if TYPE_CHECKING:

        def __init__(self, *, usd: float | None = None, tokens: int | None = None) -> None: ...

    def faults(self) -> list[Fault]:
        """A budget that caps nothing."""
        if self.usd is None and self.tokens is None:
            return [Fault("", f"caps nothing; write usd or tokens, such as {self.EXAMPLE}")]
        return []
