"""What tokens cost: a dated table in US dollars per million tokens, which a user can override.

The figures are list prices as one tool computed them on the date below; they are not a quote.
A model that is not in the table costs ``None``, which is *unknown*, not zero.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

__all__ = ["PRICES_DATE", "Price", "Prices", "Tokens"]

PRICES_DATE = date(2026, 11, 22)
_MILLION = 1_000_000
_GENERATION = re.compile(r"(?:-\d+)+$")
_SNAPSHOT = re.compile(r"-\d{8}$")


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of one exchange by class; the classes do not overlap."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens by class.

    A cache read is not a fixed share of the input price, so every class has its own figure.
    """

    input: float
    output: float
    cache_read: float
    cache_write_5m: float
    cache_write_1h: float

    def cost(self, tokens: Tokens) -> float:
        """What `tokens` cost, in US dollars."""
        dollars = (
            tokens.input * self.input
            + tokens.output * self.output
            + tokens.cache_read * self.cache_read
            + tokens.cache_write_5m * self.cache_write_5m
            + tokens.cache_write_1h * self.cache_write_1h
        ) / _MILLION
        return round(dollars, 9)  # a float's last digits are noise in a log that people read


_FABLE_5_2 = Price(8, 40, 0.2, 10, 16)
_FABLE_5_1 = Price(10, 50, 0.25, 12.5, 20)
_OPUS_5 = Price(5, 25, 0.5, 6.25, 10)
_SONNET_4 = Price(3, 15, 0.3, 3.75, 6)

_TABLE: Mapping[str, Price] = MappingProxyType(
    {
        "claude-fable-5-2": _FABLE_5_2,
        "claude-mythos-5-2": _FABLE_5_2,
        "claude-fable-5-1": _FABLE_5_1,
        "claude-mythos-5-1": _FABLE_5_1,
        "claude-fable-5": Price(10, 50, 1, 12.5, 20),
        "claude-opus-5-5": Price(4, 20, 0.2, 5, 8),
        "claude-opus-5": _OPUS_5,
        "claude-opus-4-8": _OPUS_5,
        "claude-opus-4-7": _OPUS_5,
        "claude-opus-4-6": _OPUS_5,
        "claude-opus-4-5": _OPUS_5,
        "claude-sonnet-5-5": Price(2, 10, 0.1, 2.5, 4),
        "claude-sonnet-5": Price(2, 10, 0.2, 2.5, 4),
        "claude-sonnet-4-6": _SONNET_4,
        "claude-sonnet-4-5": _SONNET_4,
        "claude-haiku-5-5": Price(0.1, 0.5, 0.01, 0.125, 0.2),
        "claude-haiku-4-5": Price(1, 5, 0.1, 1.25, 2),
    }
)


def _name(model: str) -> tuple[str, str]:
    """Who makes a model, and of which generation it is: ``claude``, ``5-5``."""
    plain = _SNAPSHOT.sub("", model)
    generation = _GENERATION.search(plain)
    return plain.partition("-")[0], generation[0] if generation else ""


class Prices:
    """A price table: the built-in one with your own entries on top.

    Example::

        prices = Prices({"claude-sonnet-5-5": Price(1.8, 9, 0.09, 2.25, 3.6)})
        prices.cost("claude-sonnet-5-5", Tokens(input=1_000_000))   # 1.8

    Args:
        overrides: Model id -> price; replaces or adds.
        builtin: `False` starts from an empty table.
    """

    def __init__(
        self, overrides: Mapping[str, Price] | None = None, *, builtin: bool = True
    ) -> None:
        table = {**(_TABLE if builtin else {}), **(overrides or {})}
        self._table: Mapping[str, Price] = MappingProxyType(table)

    def of(self, model: str) -> Price | None:
        """The price of a model, dated snapshots included; `None` when it is unknown."""
        return self._table.get(model) or self._table.get(_SNAPSHOT.sub("", model))

    def cost(self, model: str, tokens: Tokens) -> float | None:
        """US dollars for `tokens` of `model`; `None` when its price is unknown."""
        price = self.of(model)
        return None if price is None else price.cost(tokens)

    def cheaper(self, model: str) -> str | None:
        """The next cheaper model of the same maker, if its price and a lower one are known.

        That is the dearest one that is cheaper in input and in output; one of the same generation
        (``claude-sonnet-5-5``, ``claude-haiku-5-5``) goes before others.
        """
        own = self.of(model)
        if own is None:
            return None
        maker, generation = _name(model)
        found = [
            (_name(other)[1] == generation, price.output, price.input, other)
            for other, price in self._table.items()
            if _name(other)[0] == maker and price.output < own.output and price.input < own.input
        ]
        return max(found)[-1] if found else None

    @property
    def models(self) -> tuple[str, ...]:
        """The model ids with a price."""
        return tuple(self._table)

    def __repr__(self) -> str:
        return f"Prices({len(self._table)} models, built-in list of {PRICES_DATE})"
